"""Runs in pages: some of many, filtered and sorted by the database."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from nbprod.errors import ConfigError
from nbprod.execution import tables
from nbprod.execution.events import Status
from nbprod.execution.records import Records, Run, run_of_row
from nbprod.execution.sql import Expression, func, select

_PLAIN = ("created", "seconds", "status")
_CONDITION = re.compile(r"\s*(?:(metric|parameter):)?(\w+)\s*(<=|>=|!=|==|=|<|>)\s*([^\s<>=!].*?)\s*")
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


def page(
    records: Records,
    pipeline: str | None = None,
    *,
    sweep: str | None = None,
    status: Status | str | None = None,
    where: str = "",
    sort: str = "created",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[int, list[Run]]:
    """Return how many runs there are with this filter, and some of them without their tasks.

    `where` are comparisons of metrics and parameters that all hold, such as `accuracy > 0.9, kind = tree`; a name may be said to be
    one or the other (`metric:depth`). `sort` is `created`, `seconds`, `status`, `metric:NAME` or `parameter:NAME`; runs that lack
    it come last either way, and equal ones newest first. Raises `ConfigError` for what is neither.
    """
    records.reconcile()
    table = tables.runs.c
    conditions: list[Expression] = [
        table[column] == value
        for column, value in (("pipeline", pipeline), ("sweep", sweep), ("status", status))
        if value is not None
    ]
    conditions += [_condition(part) for part in where.split(",") if part.strip()]
    by = _sorted_by(sort)
    query = (
        select(tables.runs)
        .where(*conditions)
        .order_by(by.is_(None), by.desc() if descending else by.asc(), table.created.desc(), table.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with records.db.read() as connection:
        total = connection.execute(select(func.count()).select_from(tables.runs).where(*conditions)).scalar_one()
        return total, [run_of_row(row) for row in connection.execute(query).mappings()]


def _sorted_by(sort: str) -> Expression:
    table = tables.runs.c
    kind, colon, name = sort.partition(":")
    if colon and name.isidentifier():
        if kind in ("metric", "parameter"):
            return table[f"{kind}s"].entry(name, number=kind == "metric")
    if sort == "seconds":
        return table.finished - table.created
    if sort in _PLAIN:
        column: Expression = table[sort]
        return column
    raise ConfigError(
        f"runs cannot be sorted by {sort!r}", fix="Say created, seconds, status, metric:NAME or parameter:NAME."
    )


def _condition(text: str) -> Expression:
    match = _CONDITION.fullmatch(text)
    if match is None or not match[2].isidentifier():
        raise ConfigError(
            f"{text.strip()!r} is no comparison", fix="Write, say, accuracy > 0.9, or kind = tree; commas between them."
        )
    kind, name, sign, said = match.groups()
    wanted = _literal(said)
    columns = [f"{kind}s"] if kind else ["metrics", "parameters"]
    found = [tables.runs.c[column].entry(name, number=isinstance(wanted, float)) for column in columns]
    holds: Expression = _COMPARE[sign](found[0] if kind else func.coalesce(*found), wanted)
    return holds


def _literal(text: str) -> Any:
    """Return a value as JSON functions give it: a number, 1 and 0 for true and false, else text."""
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return text.strip("'\"")
