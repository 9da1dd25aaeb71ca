"""Runs in pages: some of many, filtered and sorted by the database."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from nbprod.errors import ConfigError
from nbprod.execution.events import Status
from nbprod.execution.orm import Connection, File, fn, peewee
from nbprod.execution.records import Records, Run, run_of_row
from nbprod.execution.tables import Runs

_CONDITION = re.compile(r"\s*(?:(metric|parameter):)?(\w+)\s*(<=|>=|!=|==|=|<|>)\s*([^\s<>=!].*?)\s*")
_VALUES = {"metric": Runs.metrics, "parameter": Runs.parameters}
_PLAIN = {"created": Runs.created, "seconds": Runs.finished - Runs.created, "status": Runs.status}
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
    with records.db.read() as connection:
        query = Runs.select()
        for column, value in ((Runs.pipeline, pipeline), (Runs.sweep, sweep), (Runs.status, status)):
            if value is not None:
                query = query.where(column == value)
        for part in where.split(","):
            if part.strip():
                query = query.where(_condition(connection, part))
        by = _sorted_by(connection, sort)
        order = [one.desc(nulls="last") if descending else one.asc(nulls="last") for one in by]
        some = query.order_by(*order, Runs.created.desc(), Runs.id.desc()).limit(limit).offset(offset)
        return query.count(connection), [run_of_row(row) for row in some.dicts().execute(connection)]


def _sorted_by(connection: Connection, sort: str) -> list[Any]:
    kind, colon, name = sort.partition(":")
    if colon and name.isidentifier() and kind in _VALUES:
        return list(_entry(connection, _VALUES[kind], name))
    if sort in _PLAIN:
        return [_PLAIN[sort]]
    raise ConfigError(
        f"runs cannot be sorted by {sort!r}", fix="Say created, seconds, status, metric:NAME or parameter:NAME."
    )


def _condition(connection: Connection, text: str) -> Any:
    match = _CONDITION.fullmatch(text)
    if match is None or not match[2].isidentifier():
        raise ConfigError(
            f"{text.strip()!r} is no comparison", fix="Write, say, accuracy > 0.9, or kind = tree; commas between them."
        )
    kind, name, sign, said = match.groups()
    wanted = _literal(said)
    columns = [_VALUES[kind]] if kind else list(_VALUES.values())
    found = [_entry(connection, column, name)[0 if isinstance(wanted, float) else 1] for column in columns]
    return _COMPARE[sign](found[0] if kind else fn.coalesce(*found), wanted)


def _literal(text: str) -> Any:
    """Return a value as JSON functions give it: a number, 1 and 0 for true and false, else text."""
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return text.strip("'\"")


def _entry(connection: Connection, column: Any, name: str) -> tuple[Any, Any]:
    """Return the number, and the text, that runs have under a name in a JSON column: it can be another in each run."""
    if isinstance(connection, File):
        value = fn.json_extract(column, f'$."{name}"')  # of its own type; numbers come before texts
        return value, value
    key = peewee.Value(name, converter=False)  # or it would become JSON, as the column's values do
    kind = fn.json_typeof(peewee.Expression(column, "->", key))
    text = peewee.Expression(column, "->>", key)
    truth = text.cast("boolean").cast("integer").cast("double precision")
    return peewee.Case(kind, [("number", text.cast("double precision")), ("boolean", truth)]), text
