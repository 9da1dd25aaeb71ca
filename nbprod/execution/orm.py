"""peewee as the records use it: models to which each query's database is given, the pool of an SQLite file, that of a server."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

_DRIVERS = {"psycopg", "psycopg2", "psycopg2cffi", "pymysql", "MySQLdb"}


class _Hidden:
    """Drivers, which this thread does not find."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in _DRIVERS and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(name, name=name)


@contextmanager
def _without_drivers() -> Iterator[None]:
    """Import peewee without the drivers that it finds: psycopg takes 0.17 s, peewee itself 0.03 s, and SQLite needs none."""
    hidden: Any = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)


with _without_drivers():
    import peewee
    from peewee import fn
    from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

__all__ = ["Connection", "File", "JSONField", "Server", "Table", "fn", "hold", "peewee"]

Connection = peewee.Database
"""A database of which this thread has a connection in a transaction; queries are executed with it."""

BUSY_SECONDS = 60


def execute(db: Any, statement: str, values: Sequence[Any] = ()) -> Any:
    """Execute SQL, and return the driver's cursor; peewee's own method has no types."""
    return db.execute_sql(statement, values)


class JSONField(peewee.Field):
    """Plain values as text: peewee's own field needs SQLite 3.38, loses NaN there, and is `jsonb` in PostgreSQL, which sorts names."""

    field_type = "JSON"

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value)

    def python_value(self, value: Any) -> Any:
        # a column of this type has numeric affinity in SQLite: texts that are numbers come back as numbers
        return json.loads(value) if isinstance(value, str | bytes) else value


class Table(peewee.Model):
    """A model of no database: `execute`, `first` and the like of its queries are given one."""

    unique: ClassVar[tuple[str, ...]] = ()
    """Columns besides the primary key of which no two rows have the same."""

    class Meta:
        legacy_table_names = False

    @classmethod
    def add(cls, db: Connection, **row: Any) -> Any:
        """Insert a row, and return the number that it was given if the table counts them."""
        cursor = cls._execute(db, _add, row)
        if not cls._meta.auto_increment:
            return None
        return cursor.fetchone()[0] if db.returning_clause else cursor.lastrowid

    @classmethod
    def put(cls, db: Connection, **row: Any) -> None:
        """Insert a row, or change these columns of the one that has its key."""
        cls._execute(db, _put, row)

    @classmethod
    def having(cls, db: Connection, **values: Any) -> list[dict[str, Any]]:
        """Return the rows that have these values, in the order of their key."""
        found = cls._execute(db, _having, values).fetchall()
        fields = cls._meta.sorted_fields
        return [
            {field.name: field.python_value(value) for field, value in zip(fields, row, strict=True)} for row in found
        ]

    @classmethod
    def remove(cls, db: Connection, **values: Any) -> None:
        """Delete the rows that have these values."""
        cls._execute(db, _remove, values)

    @classmethod
    def _execute(cls, db: Connection, make: Callable[[Any, Any, list[Any]], Any], values: dict[str, Any]) -> Any:
        fields = [cls._meta.fields[name] for name in values]
        kind = (make, cls, type(db), *values)
        text = _texts.get(kind)
        if text is None:
            context: Any = db.get_sql_context()
            text = _texts[kind] = context.sql(make(cls, db, fields)).query()[0]
        return execute(db, text, [field.db_value(value) for field, value in zip(fields, values.values(), strict=True)])


_texts: dict[tuple[Any, ...], str] = {}
"""SQL by table, kind of database and columns: to make it takes 0.1 to 0.3 ms, and a run of many tasks needs thousands of the same."""


def _add(table: Any, db: Connection, fields: list[Any]) -> Any:
    query = table.insert_many([(None,) * len(fields)], fields=fields)
    return query.returning(table._meta.primary_key) if table._meta.auto_increment and db.returning_clause else query


def _put(table: Any, db: Connection, fields: list[Any]) -> Any:
    names = table.unique or [field.name for field in table._meta.get_primary_keys()]
    key = [table._meta.fields[name] for name in names]
    rest = [field for field in fields if field.name not in names]
    return table.insert_many([(None,) * len(fields)], fields=fields).on_conflict(conflict_target=key, preserve=rest)


def _having(table: Any, db: Connection, fields: list[Any]) -> Any:
    return table.select().where(*_equal(fields)).order_by(*table._meta.get_primary_keys())


def _remove(table: Any, db: Connection, fields: list[Any]) -> Any:
    return table.delete().where(*_equal(fields))


def _equal(fields: list[Any]) -> list[Any]:
    return [peewee.Expression(field, "=", peewee.Value(None, converter=False)) for field in fields]


def hold(db: Connection, *tables: type[Table]) -> None:
    """Have others wait until this transaction ends: all who want to write to these tables, or without any, all who call this.

    In SQLite they do so anyway: it has one writer.
    """
    if isinstance(db, Server):
        for table in tables:
            execute(db, f'LOCK TABLE "{table._meta.table_name}" IN EXCLUSIVE MODE')
        if not tables:
            execute(db, "SELECT pg_advisory_xact_lock(hashtext('nbprod'))")


class File(PooledSqliteDatabase):  # type: ignore[misc]  # playhouse has no types
    """An SQLite file in WAL mode, so that readers never wait; a writer takes its lock when it begins, so that two never deadlock."""

    reading, writing = "DEFERRED", "IMMEDIATE"

    def __init__(self, path: Path) -> None:
        super().__init__(
            str(path),
            max_connections=None,
            check_same_thread=False,
            pragmas={"busy_timeout": BUSY_SECONDS * 1000, "synchronous": "NORMAL", "foreign_keys": 1},
            field_types={"JSON": "JSON", "DOUBLE": "FLOAT"},
        )

    def prepare(self) -> None:
        """Set the file's mode, once in its life."""
        for attempt in range(100):
            # Changing the mode needs the file alone and does not wait by itself.
            try:
                if self.pragma("journal_mode") != "wal":
                    self.pragma("journal_mode", "wal")
                return
            except peewee.OperationalError:
                if attempt == 99:
                    raise
                time.sleep(0.05)

    def rollback(self) -> None:
        if self.connection().in_transaction:  # a full disk has ended it already
            super().rollback()


class _Psycopg(peewee.Psycopg3Adapter):
    """psycopg, imported when a server is used, with JSON as text, which `JSONField` reads."""

    def __init__(self) -> None:
        from psycopg.pq import TransactionStatus

        super().__init__()
        self.txn_idle, self.txn_inerror = TransactionStatus.IDLE, TransactionStatus.INERROR
        self.txn_unknown = TransactionStatus.UNKNOWN

    def check_driver(self) -> None:
        """It is there, or `__init__` had failed."""

    def connect(self, db: peewee.Database, **params: Any) -> Any:
        import psycopg
        from psycopg.types.json import set_json_loads

        connection = psycopg.connect(db.database, **params)
        set_json_loads(lambda text: text.decode() if isinstance(text, bytes) else text, connection)
        return connection


class Server(PooledPostgresqlDatabase):  # type: ignore[misc]  # playhouse has no types
    """A PostgreSQL server. Raises `ModuleNotFoundError` where psycopg is not installed."""

    reading, writing = "REPEATABLE READ", "READ COMMITTED"
    psycopg2_adapter = psycopg3_adapter = _Psycopg

    def __init__(self, url: str) -> None:
        super().__init__(url, max_connections=None, field_types={"JSON": "JSON"})

    def prepare(self) -> None:
        """Do nothing: a server needs nothing."""
