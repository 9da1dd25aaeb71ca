"""Whether a function answers the same when its rows came in a request, on many of the rows that are known.

A request carries values: no index, and null for all that is missing. The rest, types and categories, a service makes anew.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.promotion import support
from nbprod.promotion.agreement import difference
from nbprod.promotion.asking import Asker
from nbprod.promotion.problem import Problem
from nbprod.promotion.servicecode import types_of
from nbprod.promotion.signature import Column, Input, describe, is_array, is_frame
from nbprod.promotion.support import plain

MOST = 1000
"""Rows that are asked at once."""
FIRST = 100
"""Rows that are asked first, to see how long it takes; and all that are asked one by one."""
PATIENCE = 2.0
"""Seconds that the first rows may take if more are to be asked."""
LARGEST = 4_000_000
"""Bytes of a request."""


@dataclass(frozen=True)
class Sent:
    """Stands for a row that pydantic has validated."""

    fields: Mapping[str, Any]

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the fields by name."""
        return dict(self.fields)


def requested(value: Any, item: Input) -> Any:
    """Return an argument as a service gives it to the function, where a client sends this value."""
    sent = plain(value)
    nan = [str(column.name) for column in item.columns if column.nan]
    if item.kind == "frame":
        return support.as_table([Sent(_parsed(row, item)) for row in sent], types_of(item))
    if item.kind == "series":
        return support.as_series(Sent(_parsed(sent, item)), item.dtype, nan)
    if item.kind == "record":
        return support.as_dict(Sent(_parsed(sent, item)), nan)
    if item.kind == "records":
        return [support.as_dict(Sent(_parsed(row, item)), nan) for row in sent]
    if item.kind == "array":
        return support.as_array(sent, item.dtype)
    return value


def fitting(rows: Any, item: Input) -> Any:
    """Return those of the first rows that a request may bring: what is infinite, or was not seen in the example's types, it may not."""
    import numpy as np

    if is_frame(rows):
        numbers = rows.iloc[: 2 * MOST].select_dtypes("number").to_numpy(dtype=float, na_value=np.nan)
        return rows.iloc[: 2 * MOST][~np.isinf(numbers).any(axis=1)]
    if is_array(rows):
        some = rows[: 2 * MOST]
        if some.dtype.kind != "f":
            return some
        allowed = ~np.isinf(some) if "None" in item.type else np.isfinite(some)
        return some[allowed.reshape(len(some), -1).all(axis=1)]
    kinds = {str(column.name): column for column in item.columns}
    return [
        row
        for row in rows[: 2 * MOST]
        if row.keys() <= kinds.keys() and all(_fits(v, kinds[k]) for k, v in row.items())
    ]


def _fits(value: Any, column: Column) -> bool:
    if value is None or value != value:
        return column.nullable
    try:
        return set(describe(plain(value)).split(" | ")) <= {*column.type.split(" | "), "float"}
    except TypeError:
        return False


def check(ask: Asker, route: str, rows: Any, item: Input) -> list[dict[str, Any]]:
    """Ask a route for rows as the notebook has them and as they come in a request; return the calls, for the service to be asked too.

    `rows` are a table, an array or a list of dicts. Raises `Problem` if the answers differ.
    """
    alone = ask.kind in ("record", "series")
    calls: list[dict[str, Any]] = []
    for count in (FIRST,) if alone or len(rows) <= FIRST else (FIRST, MOST):
        began = time.monotonic()
        some = rows[:count]
        try:
            answer = plain(ask(route, some))
            sent = plain(some)
            if len(json.dumps(sent)) > LARGEST:
                break
        except Exception:  # noqa: BLE001 - the author's function need not take so many, or each of them
            break
        _compare(ask, route, some, item, answer)
        others = {name: plain(value) for name, value in ask.others.items()}
        if alone:
            one_by_one = zip(sent, answer, strict=True)
            calls = [
                {"route": route, "arguments": {**others, ask.table: row}, "answer": said} for row, said in one_by_one
            ]
        else:
            calls = [{"route": route, "arguments": {**others, ask.table: sent}, "answer": answer}]
        if time.monotonic() - began > PATIENCE:
            break
    return calls


def _compare(ask: Asker, route: str, rows: Any, item: Input, answer: Any) -> None:
    name = ask.served.name
    try:
        given = (
            [requested(row, item) for row in _each(rows, item)]
            if ask.kind in ("record", "series")
            else requested(rows, item)
        )
        again = plain(_asked(ask, route, given))
    except Exception as error:
        raise Problem(
            f"{name!r} fails where its rows come in a request: {type(error).__name__}: {error}",
            "It must do with what JSON can carry: numbers, texts, true and false, times, and null for what is missing.",
        ) from error
    found = difference(answer, again)
    if found is None:
        return
    if (
        is_frame(rows)
        and ask.kind == "frame"
        and difference(plain(ask(route, rows.reset_index(drop=True))), again) is None
    ):
        raise Problem(
            f"{name!r} uses the index of its table, which a request does not carry:{found.replace('from the service', 'in a request')}",
            "Make it a column (`.reset_index()`) before the function is called, and take it from there.",
        )
    raise Problem(
        f"{name!r} answers otherwise where its rows come in a request:{found.replace('from the service', 'in a request')}",
        "A request carries numbers, texts, true and false, times, and null for what is missing; "
        "convert what else the column holds inside the function, or before the example is called.",
    )


def _each(rows: Any, item: Input) -> list[Any]:
    if item.kind == "series":
        return [row for _, row in rows.iterrows()]
    return list(rows.to_dict("records"))


def _asked(ask: Asker, route: str, given: Any) -> Any:
    if ask.kind not in ("record", "series"):
        return ask(route, given)
    function = ask.served.routes[route]
    return [ask.served.call(function, {**ask.others, ask.table: row}) for row in given]


def _parsed(row: Mapping[str, Any], item: Input) -> dict[str, Any]:
    """The fields of a row with its times, as pydantic makes them of texts."""
    kinds = {str(column.name): column.type for column in item.columns}
    made = {"datetime": _time, "date": dt.date.fromisoformat}
    return {
        name: made[kinds[name]](value) if kinds.get(name) in made and isinstance(value, str) else value
        for name, value in row.items()
        if name in kinds
    }


def _time(text: str) -> dt.datetime:
    """A time as pydantic reads it: to the microsecond."""
    return dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
