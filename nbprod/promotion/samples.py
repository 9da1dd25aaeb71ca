"""A sample input for the serve function: from its calls in the notebook, else from the values that the run kept.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbprod.promotion.signature import is_array, is_frame

SEARCHED = ("DataFrame", "ndarray")
"""Types of kept values that may be training data."""


class Samples:
    """The values of a run by name: those of the closure, and those that are read when an expression asks for them.

    `kept` says for each name its `artifact` and `type`; `read` loads values by their digests.
    """

    def __init__(
        self,
        closure: Mapping[str, Any],
        kept: Mapping[str, Mapping[str, str]],
        read: Callable[[Mapping[str, str]], Mapping[str, Any]],
    ) -> None:
        self.closure, self.kept, self._read = closure, kept, read
        self._loaded: dict[str, Any] = {}

    def value(self, name: str) -> Any:
        """The value of a kept variable. Raises `KeyError`."""
        if name not in self._loaded:
            self._loaded[name] = self._read({name: self.kept[name]["artifact"]})[name]
        return self._loaded[name]

    def arguments(
        self, target: Any, kind: str, names: Mapping[str, Any], expressions: Sequence[str]
    ) -> dict[str, Any] | None:
        """The arguments, by parameter name, of the first expression that can be evaluated; None without any.

        An expression that calls the serve function gives the arguments of that call; any other is its first argument.
        Without one, kept variables that are called as the parameters are, or a table that fits the model, serve.
        """
        for text in expressions:
            found = self._evaluate(text, target, names)
            if found is not None:
                return found
        required = [name for name, p in names.items() if p.default is p.empty]
        if kind == "function" and required and all(name in self.kept for name in required):
            return {name: self.value(name) for name in required}
        table = self._fitting(target if kind != "function" else None) if len(required) == 1 else None
        return None if table is None else {required[0]: table}

    def reference(self, arguments: Mapping[str, Any]) -> Any:
        """The kept table with the most rows that has all columns (or keys) of the arguments; None without one."""
        wanted: set[Any] = set()
        for value in arguments.values():
            row = value[0] if isinstance(value, list) and value else value
            if is_frame(value):
                wanted |= set(value.columns)
            elif hasattr(row, "keys"):
                wanted |= set(row.keys())
        tables = [table for table in self._tables() if is_frame(table) and wanted and wanted <= set(table.columns)]
        return max(tables, key=len, default=None)

    def _evaluate(self, text: str, target: Any, names: Mapping[str, Any]) -> dict[str, Any] | None:
        """The arguments that an expression stands for."""
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except SyntaxError:
            return None
        scope = dict(self.closure)
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        try:
            scope.update({name: self.value(name) for name in used - set(self.closure) if name in self.kept})
            if isinstance(node, ast.Call) and self._is_call_of(node.func, target, scope):
                values = [_evaluated(argument, scope) for argument in node.args]
                named = {str(item.arg): _evaluated(item.value, scope) for item in node.keywords}
                return {**dict(zip(names, values, strict=False)), **named}
            return {next(iter(names)): _evaluated(node, scope)}
        except Exception:  # noqa: BLE001 - an expression that needs more than the run kept: the next one may do
            return None

    def _is_call_of(self, function: ast.expr, target: Any, scope: Mapping[str, Any]) -> bool:
        if isinstance(function, ast.Attribute) and function.attr in ("predict", "predict_proba"):
            return isinstance(function.value, ast.Name) and scope.get(function.value.id) is target
        return isinstance(function, ast.Name) and scope.get(function.id) is target

    def _tables(self) -> list[Any]:
        names = [name for name, item in self.kept.items() if item.get("type", "").rpartition(".")[2] in SEARCHED]
        return [self.value(name) for name in names]

    def _fitting(self, estimator: Any) -> Any:
        """A kept table, or array, with the features that a fitted estimator knows."""
        columns = getattr(estimator, "feature_names_in_", None)
        width = getattr(estimator, "n_features_in_", None)
        for table in self._tables():
            if columns is not None and is_frame(table) and set(columns) <= set(table.columns):
                return table[list(columns)]
            if (
                columns is None
                and width is not None
                and is_array(table)
                and table.ndim == 2
                and table.shape[1] == width
            ):
                return table
        return None


def _evaluated(node: ast.expr, scope: dict[str, Any]) -> Any:
    return eval(  # noqa: S307 - the author's own expression, in a process that runs the author's code
        compile(ast.fix_missing_locations(ast.Expression(node)), "<sample>", "eval"), scope
    )


def some_rows(value: Any, count: int) -> Any:
    """The first rows of a table, array or list of dicts, and of a table two rows with missing values besides."""
    if is_frame(value):
        head = value.iloc[:count]
        rest = value.iloc[count:]
        missing = rest[rest.isna().any(axis=1)].iloc[:2]
        if not len(missing):
            return head
        import pandas as pd

        return pd.concat([head, missing])
    if is_array(value) and value.ndim > 1:
        return value[:count]
    return value[:count] if isinstance(value, list) and value and isinstance(value[0], dict) else value


def first_row(value: Any) -> Any:
    """The first row of a table, array or list of dicts that has several, else the value itself."""
    if is_frame(value):
        return value.iloc[:1] if len(value) > 1 else value
    if is_array(value) and value.ndim > 1 or isinstance(value, list) and value and isinstance(value[0], dict):
        return value[:1] if len(value) > 1 else value
    return value
