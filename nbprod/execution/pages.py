"""Runs in pages: some of many, filtered and sorted by the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Float, cast, func, select

from nbprod.errors import ConfigError
from nbprod.execution import tables
from nbprod.execution.events import Status
from nbprod.execution.records import Records, Run, run_of_row

_PLAIN = ("created", "seconds", "status")


def page(
    records: Records,
    pipeline: str | None = None,
    *,
    sweep: str | None = None,
    status: Status | str | None = None,
    sort: str = "created",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[int, list[Run]]:
    """Return how many runs there are with this filter, and some of them without their tasks.

    `sort` is `created`, `seconds`, `status`, `metric:NAME` or `parameter:NAME`; runs that lack it come last either way, and
    equal ones newest first. Raises `ConfigError` for another.
    """
    records.reconcile()
    table = tables.runs.c
    where = [
        table[column] == value
        for column, value in (("pipeline", pipeline), ("sweep", sweep), ("status", status))
        if value is not None
    ]
    by = _sorted_by(sort, is_sqlite=records.db.is_sqlite)
    query = (
        select(tables.runs)
        .where(*where)
        .order_by(by.is_(None), by.desc() if descending else by.asc(), table.created.desc(), table.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with records.db.read() as connection:
        total = connection.execute(select(func.count()).select_from(tables.runs).where(*where)).scalar_one()
        return total, [run_of_row(row) for row in connection.execute(query).mappings()]


def _sorted_by(sort: str, *, is_sqlite: bool) -> ColumnElement[Any]:
    table = tables.runs.c
    kind, colon, name = sort.partition(":")
    if colon and name.isidentifier():
        if kind == "metric":
            return cast(table.metrics[name].as_string(), Float)
        if kind == "parameter":
            # with its own type: SQLAlchemy makes it a text or a number, and a parameter may be either
            return (
                func.json_extract(table.parameters, f'$."{name}"') if is_sqlite else table.parameters[name].as_string()
            )
    if sort == "seconds":
        return table.finished - table.created
    if sort in _PLAIN:
        column: ColumnElement[Any] = table[sort]
        return column
    raise ConfigError(
        f"runs cannot be sorted by {sort!r}", fix="Say created, seconds, status, metric:NAME or parameter:NAME."
    )
