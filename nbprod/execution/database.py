"""The records' database, safe for several processes that write at once."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

from nbprod.errors import Location, RunError
from nbprod.execution import tables
from nbprod.execution.orm import Connection, File, Server, hold, peewee


class Place(Protocol):
    """Where a project is: what this package needs to know of it."""

    @property
    def root(self) -> Path: ...
    @property
    def state(self) -> Path: ...


class Taken(Exception):
    """There is a row with this key already."""


class Database:
    """The tables behind one URL, of an SQLite file or a PostgreSQL database; they are made when they are not there.

    Each thread has a connection of its own while it reads or writes. Raises `RunError`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = _file(url)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._pool = self._open()
        _all.add(self)
        try:
            self._create()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with, in a transaction that sees one state."""
        with self._transaction(self._pool.reading) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back. Raises `Taken`."""
        with self._transaction(self._pool.writing) as connection:
            yield connection

    def is_gone(self) -> bool:
        """Return whether the file was removed since it was opened."""
        return self.path is not None and not self.path.exists()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close_all()

    def forked(self) -> None:
        """Let the parent's connections be: they must be neither used nor closed in a child."""
        _abandoned.append(self._pool)
        self._pool = self._open()

    def _open(self) -> File | Server:
        if self.path is not None:
            return File(self.path)
        try:
            return Server(_server(self.url))
        except ModuleNotFoundError as error:
            raise RunError(
                "PostgreSQL's driver is not installed", where=_where(self.url), fix="pip install 'nbprod[postgres]'"
            ) from error

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[Connection]:
        pool = self._pool
        with self._errors(), pool.connection_context(), pool.atomic(kind):
            yield pool

    def _create(self) -> None:
        with self._errors(), self._pool.connection_context():
            self._pool.prepare()
            found = _version(self._pool)
        if found is not None and found > tables.VERSION:
            raise RunError(
                f"the records were written by a newer nbprod (schema {found}, this one knows {tables.VERSION})",
                where=_where(self.url),
                fix="Upgrade nbprod.",
            )
        if found == tables.VERSION:
            return
        # makes what is not there: so far, a newer schema has more tables, and no other ones
        with self.write() as connection:
            hold(connection)
            for table in tables.ALL:
                peewee.SchemaManager(table, connection).create_all()
            if _version(connection) is None:
                tables.Schema.add(connection, version=tables.VERSION)
            else:
                tables.Schema.update(version=tables.VERSION).execute(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (peewee.PeeweeException, sqlite3.Error) as error:
            cause = error.args[0] if isinstance(error, peewee.PeeweeException) and error.args else error
            if isinstance(error, peewee.IntegrityError | sqlite3.IntegrityError):
                raise Taken(str(cause)) from error
            if isinstance(error, peewee.OperationalError | sqlite3.OperationalError):
                what = f"the records cannot be used: {cause}"
                raise RunError(what, where=_where(self.url), fix=_fix(str(cause))) from error
            if isinstance(error, peewee.DataError):
                raise RunError(
                    f"the records cannot hold a value: {cause}",
                    where=_where(self.url),
                    fix="PostgreSQL takes no NaN and no infinity in JSON, and no NUL in texts.",
                ) from error
            if "malformed" in str(cause) or "not a database" in str(cause):
                raise RunError(
                    "the records are damaged",
                    where=_where(self.url),
                    fix="Move the file away; runs start a new one, and the artifacts stay.",
                ) from error
            raise


def _version(connection: Connection) -> int | None:
    if not connection.table_exists("schema"):
        return None
    version: int | None = tables.Schema.select(tables.Schema.version).scalar(connection)
    return version


def _where(url: str) -> Location:
    return Location(file=re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:***@", url))


def _file(url: str) -> Path | None:
    """Return the path of an SQLite file's URL, None for a server's. Raises `RunError` for what is neither."""
    scheme, _, rest = url.partition("://")
    if scheme in ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"):
        return None
    path = rest.removeprefix("/")
    if scheme in ("sqlite", "sqlite+pysqlite") and path != rest and path not in ("", ":memory:") and "?" not in path:
        return Path(path).absolute()
    raise RunError(
        "records cannot be kept there",
        where=_where(url),
        fix="Write sqlite:////FOLDER/FILE.db or postgresql://USER@HOST/DATABASE under `records` in pipelines.yaml.",
    )


def _server(url: str) -> str:
    """Return a URL as PostgreSQL's own library knows it: without the driver that may be named in it."""
    return "postgresql://" + url.partition("://")[2]


def _fix(message: str) -> str:
    if "full" in message:
        return "The disk is full: free some space, or run nbprod gc."
    if "locked" in message:
        return "Another process holds the records; is it stopped in the middle of a write?"
    return "Check that the folder exists and can be written, or the URL under `records` in pipelines.yaml."


_all: WeakSet[Database] = WeakSet()
_abandoned: list[File | Server] = []
_open: dict[str, Database] = {}
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # a thread that the child does not have may hold it
    _lock = threading.Lock()
    for known in list(_all):
        known.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def database(project: Place) -> Database:
    """Return the database of a project: `records` of its pipelines.yaml, or an SQLite file under its state folder."""
    url = getattr(project, "records", None)
    url = url or f"sqlite:///{(project.state / 'nbprod.db').absolute()}"
    with _lock:
        known = _open.get(url)
        if known is None or known.is_gone():
            known = _open[url] = Database(url)
        return known
