"""Any other database than an SQLite file, by SQLAlchemy: it is imported for these only."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from nbprod.execution import sql, tables
from nbprod.execution.sql import Kind, Result

__all__ = ["Connection", "IntegrityError", "OperationalError", "SQLAlchemyError", "Server"]

_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "-": operator.sub,
    "OR": operator.or_,
    "AND": operator.and_,
}


class Connection:
    """One connection in a transaction."""

    def __init__(self, raw: sa.Connection) -> None:
        self.raw = raw
        self.is_sqlite = raw.dialect.name == "sqlite"

    def execute(self, statement: sql.Statement, rows: Sequence[Mapping[str, Any]] | None = None) -> Result:
        """Execute a statement; an insert of many rows takes them as `rows`, all with the same columns."""
        translated = self._statement(statement)
        if rows is not None:
            self.raw.execute(translated, list(rows))
            return Result((), ())
        result = self.raw.execute(translated)
        if isinstance(statement, sql.Select):
            return Result(list(result.keys()), [tuple(row) for row in result])
        key = result.inserted_primary_key if isinstance(statement, sql.Insert) and statement.row is not None else None
        return Result((), (), key[0] if key is not None and isinstance(key[0], int) else None)

    def _statement(self, statement: sql.Statement) -> Any:
        if isinstance(statement, sql.Select):
            query = sa.select(*map(self._expression, statement.columns)).select_from(_table(statement.table))
            query = query.where(*map(self._expression, statement.conditions))
            query = query.order_by(*map(self._expression, statement.order))
            return query.limit(statement.count).offset(statement.skip)
        table = _table(statement.table.name)
        if isinstance(statement, sql.Insert):
            return table.insert() if statement.row is None else table.insert().values(**statement.row)
        conditions = map(self._expression, statement.conditions)
        if isinstance(statement, sql.Update):
            return table.update().where(*conditions).values(**(statement.row or {}))
        return table.delete().where(*conditions)

    def _expression(self, value: Any) -> Any:
        if isinstance(value, sql.Column):
            return _table(value.table).c[value.name]
        if isinstance(value, sql.Comparison):
            return _SIGNS[value.sign](self._expression(value.left), self._expression(value.right))
        if isinstance(value, sql.In):
            return self._expression(value.of).in_(value.values)
        if isinstance(value, sql.Missing):
            of = self._expression(value.of)
            return of.is_not(None) if value.there else of.is_(None)
        if isinstance(value, sql.Like):
            return self._expression(value.of).like(value.pattern, escape=sql.ESCAPE)
        if isinstance(value, sql.Order):
            of = self._expression(value.of)
            return of.desc() if value.descending else of.asc()
        if isinstance(value, sql.Call):
            return getattr(sa.func, value.name)(*map(self._expression, value.arguments))
        if isinstance(value, sql.Entry):
            of = self._expression(value.of)
            if self.is_sqlite:
                return sa.func.json_extract(of, f'$."{value.name}"')
            return of[value.name].as_float() if value.number else of[value.name].as_string()
        return value


class Server:
    """The database behind a URL that SQLAlchemy knows."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        """Give a connection in a transaction; what was written is kept unless an exception ends it."""
        with self.engine.connect() as raw:
            if write:
                with raw.begin():
                    yield Connection(raw)
            else:
                yield Connection(raw)

    def has_table(self, name: str) -> bool:
        with self.engine.connect() as raw:
            return self.engine.dialect.has_table(raw, name)

    def create(self, connection: Connection, made: Sequence[sql.Table]) -> None:
        """Make the tables that are not there."""
        for table in made:
            known = _table(table.name)
            connection.raw.execute(CreateTable(known, if_not_exists=True))
            for index in known.indexes:
                connection.raw.execute(CreateIndex(index, if_not_exists=True))

    def close(self) -> None:
        self.engine.dispose()


@cache
def _metadata() -> sa.MetaData:
    metadata = sa.MetaData()
    for table in tables.ALL:
        columns = [
            sa.Column(
                column.name,
                _type(column),
                *([sa.ForeignKey(column.to, ondelete="CASCADE")] if column.to else []),
                primary_key=column.primary_key,
                nullable=column.nullable,
            )
            for column in table.c
        ]
        indexes = [sa.Index(name, *names) for name, names in table.indexes.items()]
        unique = [sa.UniqueConstraint(*table.unique)] if table.unique else []
        sa.Table(table.name, metadata, *columns, *indexes, *unique)
    return metadata


def _table(name: str) -> sa.Table:
    return _metadata().tables[name]


def _type(column: sql.Column) -> Any:
    match column.kind:
        case Kind.INTEGER:
            # sizes of artifacts and times in nanoseconds are large; a number that counts up must be a plain one
            return sa.Integer() if column.primary_key else sa.BigInteger()
        case Kind.FLOAT:
            return sa.Float(53)  # a single-precision time is minutes off
        case Kind.JSON:
            return sa.JSON()
        case Kind.STRING:
            return sa.String(column.length)
        case _:
            return sa.Text()
