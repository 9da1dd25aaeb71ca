"""The records' database, safe for several processes that write at once."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbprod.errors import Location, RunError
from nbprod.execution import tables
from nbprod.execution.sql import Connection, select
from nbprod.execution.sqlite import File

if TYPE_CHECKING:
    from nbprod.execution.alchemy import Server

_SQLITE = "sqlite:///"


class Place(Protocol):
    """Where a project is: what this package needs to know of it."""

    @property
    def root(self) -> Path: ...
    @property
    def state(self) -> Path: ...


class Taken(Exception):
    """There is a row with this key already."""


class Database:
    """The tables behind one URL; they are made when they are not there.

    A file of SQLite's is used with Python's own driver, any other database with SQLAlchemy.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        path = url.removeprefix(_SQLITE)
        self._driver: File | Server
        if url.startswith(_SQLITE) and path and path != ":memory:" and "?" not in path:
            self.path: Path | None = Path(path).absolute()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._driver = File(self.path)
        else:
            from nbprod.execution.alchemy import Server

            self.path = None
            self._driver = Server(url)
        self._create()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with."""
        with self._errors(), self._driver.transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back. Raises `Taken`."""
        with self._errors(), self._driver.transaction(write=True) as connection:
            yield connection

    def is_gone(self) -> bool:
        """Return whether the file was removed since it was opened."""
        return self.path is not None and not self.path.exists()

    def close(self) -> None:
        """Close all connections."""
        self._driver.close()

    def _create(self) -> None:
        with self._errors():
            found = None
            if self._driver.has_table("schema"):
                with self._driver.transaction(write=False) as connection:
                    found = connection.execute(select(tables.schema.c.version)).scalar()
        if found is not None and found > tables.VERSION:
            raise RunError(
                f"the records were written by a newer nbprod (schema {found}, this one knows {tables.VERSION})",
                where=Location(file=self.url),
                fix="Upgrade nbprod.",
            )
        if found == tables.VERSION:
            return
        # makes what is not there: so far, a newer schema has more tables, and no other ones
        with self.write() as connection:
            self._driver.create(connection, tables.ALL)  # type: ignore[arg-type]  # its own connection
            if connection.execute(select(tables.schema.c.version)).scalar() is None:
                connection.execute(tables.schema.insert().values(version=tables.VERSION))
            else:
                connection.execute(tables.schema.update().values(version=tables.VERSION))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            original = error
            alchemy = sys.modules.get("nbprod.execution.alchemy")
            if alchemy is not None and isinstance(error, alchemy.SQLAlchemyError):
                original = getattr(error, "orig", None) or error
                if isinstance(error, alchemy.IntegrityError):
                    raise Taken(str(original)) from error
                if isinstance(error, alchemy.OperationalError):
                    raise self._unusable(original) from error
            if isinstance(original, sqlite3.IntegrityError):
                raise Taken(str(original)) from error
            if isinstance(original, sqlite3.OperationalError):
                raise self._unusable(original) from error
            if isinstance(original, sqlite3.DatabaseError) and _is_damaged(original):
                raise RunError(
                    "the records are damaged",
                    where=Location(file=self.url),
                    fix="Move the file away; runs start a new one, and the artifacts stay.",
                ) from error
            raise

    def _unusable(self, error: Exception) -> RunError:
        what = f"the records cannot be used: {error}"
        return RunError(what, where=Location(file=self.url), fix=_fix(str(error)))


def _is_damaged(error: sqlite3.DatabaseError) -> bool:
    return "malformed" in str(error) or "not a database" in str(error)


def _fix(message: str) -> str:
    if "full" in message:
        return "The disk is full: free some space, or run nbprod gc."
    if "locked" in message:
        return "Another process holds the records; is it stopped in the middle of a write?"
    return "Check that the folder exists and can be written, or the URL under `records` in pipelines.yaml."


_open: dict[str, Database] = {}
_lock = threading.Lock()


def database(project: Place) -> Database:
    """Return the database of a project: `records` of its pipelines.yaml, or an SQLite file under its state folder."""
    url = getattr(project, "records", None)
    url = url or f"sqlite:///{(project.state / 'nbprod.db').absolute()}"
    with _lock:
        known = _open.get(url)
        if known is None or known.is_gone():
            known = _open[url] = Database(url)
        return known
