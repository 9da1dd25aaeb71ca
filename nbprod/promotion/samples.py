"""A sample input for the serve function: from its calls in the notebook, else from the values that the run kept.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.promotion.signature import is_array, is_frame

if TYPE_CHECKING:
    from nbprod.promotion.served import Served

SEARCHED = ("DataFrame", "ndarray")
"""Types of kept values that may be training data."""


@dataclass(frozen=True)
class Sample:
    """The arguments of a call by name; `certain` if the notebook itself makes that call."""

    arguments: dict[str, Any]
    certain: bool = False


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

    def candidates(self, served: Served, expressions: Sequence[str]) -> Iterator[Sample]:
        """Yield samples, the best first: the calls of the serve function, then guesses.

        A guess is an expression that was passed to the model, variables that are called as the parameters are, or a
        table that has the features that the estimator was fitted on.
        """
        for text in expressions:
            sample = self._evaluate(text, served)
            if sample is not None:
                yield sample
        required = served.required
        if required and all(name in self.kept for name in required):
            yield Sample({name: self.value(name) for name in required})
        if served.kind != "function":
            table = self._fitting(served.target)
            if table is not None:
                yield Sample({required[0]: table})

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

    def _evaluate(self, text: str, served: Served) -> Sample | None:
        """The arguments that an expression stands for: those of a call, or itself as the first one."""
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except SyntaxError:
            return None
        scope = dict(self.closure)
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        try:
            scope.update({name: self.value(name) for name in used - set(self.closure) if name in self.kept})
            if isinstance(node, ast.Call) and self._is_call_of(node.func, served.target, scope):
                values = [_evaluated(argument, scope) for argument in node.args]
                named = {str(item.arg): _evaluated(item.value, scope) for item in node.keywords}
                return Sample({**dict(zip(served.parameters, values, strict=False)), **named}, certain=True)
            return Sample({next(iter(served.parameters)): _evaluated(node, scope)}, certain=served.kind != "function")
        except Exception:  # noqa: BLE001 - an expression that needs more than the run kept: the next one may do
            return None

    def _is_call_of(self, function: ast.expr, target: Any, scope: Mapping[str, Any]) -> bool:
        if isinstance(function, ast.Attribute) and function.attr in ("predict", "predict_proba"):
            return isinstance(function.value, ast.Name) and scope.get(function.value.id) is target
        return isinstance(function, ast.Name) and scope.get(function.id) is target

    def tables(self) -> Iterator[tuple[str, Any]]:
        """Give the kept values that may be data, by name."""
        for name, item in self.kept.items():
            if item.get("type", "").rpartition(".")[2] in SEARCHED:
                yield name, self.value(name)

    def _tables(self) -> list[Any]:
        return [table for _, table in self.tables()]

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
