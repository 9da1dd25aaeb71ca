"""Objects that stand for a model while it is found out what the serve function does with it.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from typing import Any

from nbprod.promotion import onnxed
from nbprod.promotion.signature import is_array, is_frame


def only_attributes(name: str, sources: Sequence[str]) -> bool:
    """Whether code uses a variable by its attributes only (`model.predict(x)`), so that something else may stand for it.

    >>> only_attributes("m", ["def f(x): return m.predict(x)"]), only_attributes("m", ["def f(x): return g(m, x)"])
    (True, False)
    """
    for source in sources:
        tree = ast.parse(source)
        plain = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == name and id(node) not in plain:
                return False
            if isinstance(node, ast.Global) and name in node.names:
                return False
            if isinstance(node, ast.Name) and node.id in ("globals", "vars", "eval", "exec"):
                return False
    return True


class Recorder:
    """Stands for a model and remembers what it was asked."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.asked: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.model, name)
        if name not in onnxed.METHODS or not callable(found):
            return found

        def method(*args: Any, **options: Any) -> Any:
            if len(args) == 1 and not options and (is_frame(args[0]) or is_array(args[0])):
                known = self.asked.get(name)
                if known is None or len(args[0]) > len(known):
                    self.asked[name] = copy.deepcopy(args[0])
            return found(*args, **options)

        return method


class Shifted:
    """Stands for a model whose numbers are all multiplied by a factor."""

    def __init__(self, model: Any, factor: float) -> None:
        self.model, self.factor = model, factor

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.model, name)
        if name not in onnxed.METHODS or not callable(found):
            return found

        def method(*args: Any, **options: Any) -> Any:
            answer = found(*args, **options)
            return answer * self.factor if is_array(answer) and answer.dtype.kind == "f" else answer

        return method
