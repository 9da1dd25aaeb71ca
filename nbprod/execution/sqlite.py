"""An SQLite file, by Python's own driver: statements become SQL, JSON columns plain values."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from nbprod.execution.sql import (
    ESCAPE,
    Call,
    Column,
    Comparison,
    Delete,
    Entry,
    Expression,
    In,
    Insert,
    Kind,
    Like,
    Missing,
    Order,
    Result,
    Select,
    Statement,
    Table,
    Update,
)

BUSY_SECONDS = 60


class Connection:
    """One connection in a transaction."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def execute(self, statement: Statement, rows: Sequence[Mapping[str, Any]] | None = None) -> Result:
        """Execute a statement; an insert of many rows takes them as `rows`, all with the same columns."""
        if rows is not None:
            assert isinstance(statement, Insert)
            text = _Text()
            text.insert(statement.table, rows[0])
            names = list(rows[0])
            self.raw.executemany(
                text.sql, [_encoded(statement.table, {name: row[name] for name in names}) for row in rows]
            )
            return Result((), ())
        text = _Text()
        text.statement(statement)
        cursor = self.raw.execute(text.sql, text.values)
        if not isinstance(statement, Select):
            return Result((), (), cursor.lastrowid)
        found: list[Any] = cursor.fetchall()
        stored = [isinstance(column, Column) and column.kind is Kind.JSON for column in statement.columns]
        if any(stored):
            found = [
                [_decoded(value) if is_json else value for value, is_json in zip(row, stored, strict=True)]
                for row in found
            ]
        return Result([entry[0] for entry in cursor.description], found)


class File:
    """The SQLite file at a path, with as many connections as are used at the same time.

    It runs in WAL mode, so that readers never wait, and a writer takes its lock when its transaction begins, so that two
    never deadlock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._owner = os.getpid()
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        """Give a connection in a transaction; what was written is kept unless an exception ends it."""
        raw = self._take()
        try:
            raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield Connection(raw)
            raw.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                raw.rollback()
            raise
        finally:
            with self._lock:
                self._idle.append(raw)

    def has_table(self, name: str) -> bool:
        with self.transaction(write=False) as connection:
            query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
            return connection.raw.execute(query, (name,)).fetchone() is not None

    def create(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Make the tables that are not there."""
        for table in tables:
            for text in definitions(table):
                connection.raw.execute(text)

    def close(self) -> None:
        with self._lock:
            for raw in self._idle:
                raw.close()
            self._idle.clear()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._owner != os.getpid():  # a fork must not use its parent's, nor close them
                _abandoned.extend(self._idle)
                self._idle, self._owner = [], os.getpid()
            if self._idle:
                return self._idle.pop()
        raw = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(raw)
        except BaseException:
            raw.close()
            raise
        return raw


_abandoned: list[sqlite3.Connection] = []


def _prepare(raw: sqlite3.Connection) -> None:
    for attempt in range(100):
        # Changing the mode needs the file alone and does not wait by itself; it happens once in the file's life.
        try:
            if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.05)
    raw.execute("PRAGMA synchronous=NORMAL")
    raw.execute("PRAGMA foreign_keys=ON")


def definitions(table: Table) -> list[str]:
    """Return the statements that make a table and its indexes where they are not there."""
    lines = []
    for column in table.c:
        kind = column.kind.value + (f"({column.length})" if column.length else "")
        lines.append(f'"{column.name}" {kind}' + ("" if column.nullable else " NOT NULL"))
    lines.append(f"PRIMARY KEY ({_names(column.name for column in table.c if column.primary_key)})")
    if table.unique:
        lines.append(f"UNIQUE ({_names(table.unique)})")
    for column in table.c:
        if column.to:
            other, name = column.to.split(".")
            lines.append(f'FOREIGN KEY("{column.name}") REFERENCES "{other}" ("{name}") ON DELETE CASCADE')
    return [f'CREATE TABLE IF NOT EXISTS "{table.name}" ({", ".join(lines)})'] + [
        f'CREATE INDEX IF NOT EXISTS "{name}" ON "{table.name}" ({_names(columns)})'
        for name, columns in table.indexes.items()
    ]


def _names(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _encoded(table: Table, row: Mapping[str, Any]) -> list[Any]:
    return [json.dumps(value) if name in table.json and value is not None else value for name, value in row.items()]


@cache
def _insert(table: str, names: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table}" ({_names(names)}) VALUES ({", ".join("?" for _ in names)})'


def _decoded(value: Any) -> Any:
    # a column called JSON turns texts that are numbers into numbers
    return json.loads(value) if isinstance(value, str | bytes) else value


class _Text:
    """A statement's SQL, and the values for its question marks."""

    def __init__(self) -> None:
        self.sql = ""
        self.values: list[Any] = []

    def statement(self, statement: Statement) -> None:
        if isinstance(statement, Select):
            self.select(statement)
        elif isinstance(statement, Insert):
            row = statement.row or {}
            self.insert(statement.table, row)
            self.values = _encoded(statement.table, row)
        elif isinstance(statement, Update):
            row = statement.row or {}
            assignments = ", ".join(f'"{name}" = ?' for name in row)
            self.sql = f'UPDATE "{statement.table.name}" SET {assignments}'
            self.values = _encoded(statement.table, row)
            self.where(statement.conditions)
        else:
            assert isinstance(statement, Delete)
            self.sql = f'DELETE FROM "{statement.table.name}"'
            self.where(statement.conditions)

    def insert(self, table: Table, row: Mapping[str, Any]) -> None:
        self.sql = _insert(table.name, tuple(row))

    def select(self, query: Select) -> None:
        columns = ", ".join(self.expression(column) for column in query.columns)
        self.sql = f'SELECT {columns} FROM "{query.table}"'
        self.where(query.conditions)
        if query.order:
            self.sql += " ORDER BY " + ", ".join(self.expression(one) for one in query.order)
        if query.count is not None or query.skip is not None:
            self.sql += " LIMIT ? OFFSET ?"
            self.values += [-1 if query.count is None else query.count, query.skip or 0]

    def where(self, conditions: Sequence[Expression]) -> None:
        if conditions:
            self.sql += " WHERE " + " AND ".join(f"({self.expression(one)})" for one in conditions)

    def expression(self, value: Any) -> str:
        """Return the SQL of an expression; values that it compares with are added to `values`, in the order of their marks."""
        if isinstance(value, Column):
            return f'"{value.table}"."{value.name}"'
        if isinstance(value, Comparison):
            left = self.expression(value.left)
            return f"({left} {value.sign} {self.expression(value.right)})"
        if isinstance(value, In):
            of = self.expression(value.of)
            self.values += value.values
            return f"{of} IN ({', '.join('?' for _ in value.values)})"
        if isinstance(value, Missing):
            return f"{self.expression(value.of)} IS {'NOT ' if value.there else ''}NULL"
        if isinstance(value, Like):
            of = self.expression(value.of)
            self.values.append(value.pattern)
            return f"{of} LIKE ? ESCAPE '{ESCAPE}'"
        if isinstance(value, Order):
            return f"{self.expression(value.of)} {'DESC' if value.descending else 'ASC'}"
        if isinstance(value, Call):
            return f"{value.name}({', '.join(map(self.expression, value.arguments)) or '*'})"
        if isinstance(value, Entry):
            of = self.expression(value.of)
            self.values.append(f'$."{value.name}"')
            return f"json_extract({of}, ?)"  # of its own type; what a parameter is can differ from run to run
        self.values.append(value)
        return "?"
