"""The connection to the records' database, safe for several processes that write at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateIndex, CreateTable

from nbprod.errors import Location, RunError
from nbprod.execution import tables

BUSY_SECONDS = 60


class Place(Protocol):
    """Where a project is: what this package needs to know of it."""

    @property
    def root(self) -> Path: ...
    @property
    def state(self) -> Path: ...


class Database:
    """The tables behind one URL; they are made when they are not there.

    SQLite runs in WAL mode, so that readers never wait, and a writer takes its lock when its transaction begins, so
    that two never deadlock.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False} if self.is_sqlite else {}
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare)
            event.listen(self.engine, "begin", _begin)
        self._create()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with."""
        with self._errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back."""
        with (
            self._errors(),
            self.engine.connect() as connection,
            connection.execution_options(nbprod_write=True).begin(),
        ):
            yield connection

    def is_gone(self) -> bool:
        """Return whether the file was removed since it was opened."""
        path = make_url(self.url).database if self.is_sqlite else None
        return path is not None and path != ":memory:" and not Path(path).exists()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _create(self) -> None:
        with self._errors(), self.engine.connect() as connection:
            has = self.engine.dialect.has_table(connection, "schema")
            found = connection.execute(select(tables.schema.c.version)).scalar() if has else None
        if found is not None and found > tables.VERSION:
            raise RunError(
                f"the records were written by a newer nbprod (schema {found}, this one knows {tables.VERSION})",
                where=Location(file=self.url),
                fix="Upgrade nbprod.",
            )
        if found is not None:
            return
        with self.write() as connection:
            for table in tables.metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            if connection.execute(select(tables.schema.c.version)).scalar() is None:
                connection.execute(tables.schema.insert().values(version=tables.VERSION))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise RunError(
                f"the records cannot be used: {error.orig}",
                where=Location(file=self.url),
                fix=_fix(str(error.orig)),
            ) from error
        except SQLAlchemyError as error:
            if isinstance(getattr(error, "orig", None), sqlite3.DatabaseError) and "malformed" in str(error):
                raise RunError(
                    "the records are damaged",
                    where=Location(file=self.url),
                    fix="Move the file away; runs start a new one, and the artifacts stay.",
                ) from error
            raise


def _fix(message: str) -> str:
    if "full" in message:
        return "The disk is full: free some space, or run nbprod gc."
    if "locked" in message:
        return "Another process holds the records; is it stopped in the middle of a write?"
    return "Check that the folder exists and can be written, or the URL under `records` in pipelines.yaml."


def _prepare(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own; _begin does
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    for attempt in range(100):
        # Changing the mode needs the file alone and does not wait by itself; it happens once in the file's life.
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.05)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("nbprod_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


_open: dict[str, Database] = {}
_lock = threading.Lock()


def database(project: Place) -> Database:
    """Return the database of a project: `records` of its pipelines.yaml, or an SQLite file under its state folder."""
    url = getattr(getattr(project, "config", None), "records", None)
    url = url or f"sqlite:///{(project.state / 'nbprod.db').absolute()}"
    with _lock:
        known = _open.get(url)
        if known is None or known.is_gone():
            known = _open[url] = Database(url)
        return known
