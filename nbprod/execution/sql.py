"""Statements about tables, in SQLAlchemy's words and as plain values: to import SQLAlchemy takes longer than most commands.

They are all that the records need, and no more. `execution/sqlite.py` writes them as SQLite's SQL, `execution/alchemy.py`
hands them to SQLAlchemy for every other database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar

Made = TypeVar("Made")


class Kind(StrEnum):
    """What a column holds."""

    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    TEXT = "TEXT"
    JSON = "JSON"
    STRING = "VARCHAR"
    """Text of limited length."""


class Expression:
    """Something that a statement compares, sorts by or selects."""

    def __eq__(self, other: object) -> Comparison:  # type: ignore[override]
        return Comparison("=", self, other)

    def __ne__(self, other: object) -> Comparison:  # type: ignore[override]
        return Comparison("!=", self, other)

    def __lt__(self, other: object) -> Comparison:
        return Comparison("<", self, other)

    def __le__(self, other: object) -> Comparison:
        return Comparison("<=", self, other)

    def __gt__(self, other: object) -> Comparison:
        return Comparison(">", self, other)

    def __ge__(self, other: object) -> Comparison:
        return Comparison(">=", self, other)

    def __sub__(self, other: object) -> Comparison:
        return Comparison("-", self, other)

    def __or__(self, other: Expression) -> Comparison:
        return Comparison("OR", self, other)

    def __and__(self, other: Expression) -> Comparison:
        return Comparison("AND", self, other)

    __hash__ = object.__hash__

    def in_(self, values: Iterable[Any]) -> In:
        """It is one of these values."""
        return In(self, tuple(values))

    def is_(self, nothing: None) -> Missing:
        """It is missing."""
        return Missing(self, there=False)

    def is_not(self, nothing: None) -> Missing:
        """It is there."""
        return Missing(self, there=True)

    def startswith(self, text: str) -> Like:
        """Text that begins so."""
        return Like(self, _plain(text) + "%")

    def endswith(self, text: str) -> Like:
        """Text that ends so."""
        return Like(self, "%" + _plain(text))

    def asc(self) -> Order:
        return Order(self, descending=False)

    def desc(self) -> Order:
        return Order(self, descending=True)


class Comparison(Expression):
    """Two expressions or values, with an operator of SQL's between them."""

    def __init__(self, sign: str, left: Any, right: Any) -> None:
        self.sign = sign
        self.left = left
        self.right = right


class In(Expression):
    def __init__(self, of: Expression, values: tuple[Any, ...]) -> None:
        self.of = of
        self.values = values


class Missing(Expression):
    """Whether a value is missing, or with `there` whether it is not."""

    def __init__(self, of: Expression, *, there: bool) -> None:
        self.of = of
        self.there = there


class Like(Expression):
    """Text of this pattern; `ESCAPE` stands before what is no wildcard in it."""

    def __init__(self, of: Expression, pattern: str) -> None:
        self.of = of
        self.pattern = pattern


class Order(Expression):
    def __init__(self, of: Expression, *, descending: bool) -> None:
        self.of = of
        self.descending = descending


class Call(Expression):
    """A function of the database: `count`, `max`, `coalesce`."""

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name = name
        self.arguments = arguments


class Entry(Expression):
    """The value that a JSON column has under a name, of its own type where the database can tell."""

    def __init__(self, of: Column, name: str, *, number: bool) -> None:
        self.of = of
        self.name = name
        self.number = number


class Column(Expression):
    """A column of a table; `to` is the column of another that it refers to, and goes with."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        length: int | None = None,
        *,
        to: str | None = None,
        primary_key: bool = False,
        nullable: bool = True,
    ) -> None:
        self.name = name
        self.kind = kind
        self.length = length
        self.to = to
        self.primary_key = primary_key
        self.nullable = nullable and not primary_key
        self.table = ""

    def entry(self, name: str, *, number: bool = False) -> Entry:
        """Return the value under `name` of a JSON column; `number` says that it is one."""
        return Entry(self, name, number=number)


ESCAPE = "/"


def _plain(text: str) -> str:
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text


class Columns:
    """The columns of a table as attributes, or by name."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns

    def __getattr__(self, name: str) -> Column:
        try:
            return self._columns[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns.values())


class Table:
    """A table; `indexes` are names and their columns, `unique` columns of which no two rows have the same."""

    def __init__(
        self,
        name: str,
        *columns: Column,
        indexes: Mapping[str, tuple[str, ...]] | None = None,
        unique: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.c = Columns({column.name: column for column in columns})
        for column in columns:
            column.table = name
        self.json = frozenset(column.name for column in columns if column.kind is Kind.JSON)
        self.indexes = dict(indexes or {})
        self.unique = unique

    def insert(self) -> Insert:
        return Insert(self)

    def update(self) -> Update:
        return Update(self)

    def delete(self) -> Delete:
        return Delete(self)


class _Clauses:
    """A statement that gets its clauses one by one; each gives a new one."""

    def _with(self, **changes: Any) -> Self:
        new = object.__new__(type(self))
        vars(new).update(vars(self), **changes)
        return new


class _Where(_Clauses):
    conditions: tuple[Expression, ...] = ()

    def where(self, *conditions: Expression) -> Self:
        """Take only the rows for which all of these hold."""
        return self._with(conditions=self.conditions + conditions)


class Select(_Where):
    """Rows of a table, or what is computed from them."""

    order: tuple[Expression, ...] = ()
    count: int | None = None
    skip: int | None = None

    def __init__(self, columns: tuple[Expression, ...], table: str) -> None:
        self.columns = columns
        self.table = table

    def order_by(self, *order: Expression) -> Self:
        return self._with(order=self.order + order)

    def limit(self, count: int) -> Self:
        return self._with(count=count)

    def offset(self, skip: int) -> Self:
        return self._with(skip=skip)

    def select_from(self, table: Table) -> Self:
        return self._with(table=table.name)


class Insert(_Clauses):
    row: Mapping[str, Any] | None = None

    def __init__(self, table: Table) -> None:
        self.table = table

    def values(self, **row: Any) -> Self:
        return self._with(row=row)


class Update(_Where):
    row: Mapping[str, Any] | None = None

    def __init__(self, table: Table) -> None:
        self.table = table

    def values(self, **row: Any) -> Self:
        return self._with(row=row)


class Delete(_Where):
    def __init__(self, table: Table) -> None:
        self.table = table


Statement = Select | Insert | Update | Delete


def select(*what: Table | Expression) -> Select:
    """Select all columns of a table, or some columns and expressions."""
    columns: list[Expression] = []
    for one in what:
        columns += list(one.c) if isinstance(one, Table) else [one]
    tables = [table for table in map(_table_of, columns) if table]
    return Select(tuple(columns), tables[0] if tables else "")


def insert(table: Table) -> Insert:
    return Insert(table)


def update(table: Table) -> Update:
    return Update(table)


def delete(table: Table) -> Delete:
    return Delete(table)


def _table_of(expression: Any) -> str:
    if isinstance(expression, Column):
        return expression.table
    if isinstance(expression, Call):
        return next((name for name in map(_table_of, expression.arguments) if name), "")
    return ""


class _Functions:
    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: Call(name, arguments)


func = _Functions()


class Row:
    """A row of a result: its values as attributes."""

    __slots__ = ("_mapping",)

    def __init__(self, mapping: dict[str, Any]) -> None:
        self._mapping = mapping

    def __getattr__(self, name: str) -> Any:
        try:
            return self._mapping[name]
        except KeyError:
            raise AttributeError(name) from None


class _Listed(Generic[Made]):
    def __init__(self, items: list[Made]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Made]:
        return iter(self._items)

    def all(self) -> list[Made]:
        return self._items

    def first(self) -> Made | None:
        return self._items[0] if self._items else None


class Result:
    """What a statement gave: rows of values under `names`; `inserted` is the number that a new row was given."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[Any]], inserted: int | None = None) -> None:
        self._names = names
        self._rows = rows
        self.inserted = inserted

    def __iter__(self) -> Iterator[Row]:
        return iter(self.all())

    def all(self) -> list[Row]:
        """Return all rows."""
        return [Row(dict(zip(self._names, row, strict=True))) for row in self._rows]

    def first(self) -> Row | None:
        """Return the first row, if there is any."""
        return Row(dict(zip(self._names, self._rows[0], strict=True))) if self._rows else None

    one_or_none = first

    def mappings(self) -> _Listed[dict[str, Any]]:
        """Return all rows as dictionaries."""
        return _Listed([dict(zip(self._names, row, strict=True)) for row in self._rows])

    def scalars(self) -> _Listed[Any]:
        """Return the first value of each row."""
        return _Listed([row[0] for row in self._rows])

    def scalar(self) -> Any:
        """Return the first value of the first row, None if there is no row."""
        return self._rows[0][0] if self._rows else None

    scalar_one = scalar


class Connection(Protocol):
    """A connection in a transaction."""

    def execute(self, statement: Statement, rows: Sequence[Mapping[str, Any]] | None = None) -> Result:
        """Execute a statement; an insert of many rows takes them as `rows`, all with the same columns."""
