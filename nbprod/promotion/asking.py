"""Asking what is served for many rows at once: the argument that takes rows, and the others as in the sample.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.promotion.holdout import ONE_BY_ONE, Unknown
from nbprod.promotion.served import Served
from nbprod.promotion.signature import is_array, is_frame, is_image, is_series

TABLES = ("frame", "array", "records", "record", "series")
"""Kinds of arguments that are rows, or one row."""


@dataclass(frozen=True)
class Asker:
    """Answers a route for rows. `table` is the argument that takes them, of a `kind`; `others` are the other arguments."""

    served: Served
    table: str
    kind: str
    others: Mapping[str, Any]

    def __call__(self, route: str, rows: Any) -> Any:
        function = self.served.routes[route]
        if self.kind in ("record", "series"):
            if len(rows) > ONE_BY_ONE or not is_frame(rows):
                raise Unknown(f"the function takes one row at a time, and there are {len(rows)}")
            whole = rows.to_dict("records") if self.kind == "record" else [row for _, row in rows.iterrows()]
            return [self.served.call(function, {**self.others, self.table: row}) for row in whole]
        given = rows.to_dict("records") if self.kind == "records" and is_frame(rows) else rows
        return self.served.call(function, {**self.others, self.table: given})


def asker(served: Served, sample: Mapping[str, Any]) -> Asker | None:
    """Return how to ask for many rows, from the arguments of a call; None if none of them is rows."""
    for name, value in sample.items():
        kind = kind_of(value)
        if kind is not None:
            return Asker(served, name, kind, {other: one for other, one in sample.items() if other != name})
    return None


def kind_of(value: Any) -> str | None:
    """Say how a value is rows, None if it is not."""
    if is_frame(value):
        return "frame"
    if is_array(value) and value.ndim > 1 and not is_image(value):
        return "array"
    if is_series(value):
        return "series"
    if isinstance(value, dict):
        return "record"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "records"
    return None


def bases(expression: str) -> list[str]:
    """The variables that an expression takes its rows from: those of the arguments if it is a call of a name.

    >>> bases("classify(X_test.head(3), 5)"), bases("rows[:2]"), bases("f(table.iloc[[0]].to_dict())")
    (['X_test'], ['rows'], ['table'])
    """
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return []
    parts: list[ast.expr] = [node]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        parts = [*node.args, *(item.value for item in node.keywords)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("predict"):
        parts = list(node.args)
    found = []
    for part in parts:
        inner: ast.AST = part
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
        if isinstance(inner, ast.Name):
            found.append(inner.id)
    return found
