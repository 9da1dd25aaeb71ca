"""How a run's metrics were computed: the notebook's own code for each, so that it can be computed again for other rows or another model."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nbprod.notebook.graph import Define, Graph, Node


@dataclass(frozen=True)
class Measure:
    """A metric: `code` assigns it; `definitions` are what that imports and defines, in the notebook's order.

    `names` are the other globals that it reads: values of the run, the model's answers among them.
    """

    metric: str
    value: float
    code: str
    definitions: tuple[str, ...]
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def measures(graph: Graph, metrics: Mapping[str, float]) -> list[Measure]:
    """Return how each metric of a run was computed, those left out that are not assigned at the top of a cell tagged `metrics`."""
    found = []
    for node in graph.nodes.values():
        for name in node.metrics:
            if name in metrics:
                measure = _measure(node, name, metrics[name])
                found += [measure] if measure is not None else []
    return found


def _measure(node: Node, metric: str, value: float) -> Measure | None:
    statements = [one for cell in node.cells if "metrics" in cell.tags for one in _assignments(cell.source)]
    needed = {metric}
    chosen: list[ast.stmt] = []
    for bound, statement in reversed(statements):  # what it is computed from stands above it
        if bound & needed:
            needed |= _reads(statement)
            chosen.append(statement)
    if not chosen or metric not in {name for statement in chosen for name in _bound(statement)}:
        return None
    made = {name for statement in chosen for name in _bound(statement)}
    defined = [step for step in node.prelude if isinstance(step, Define)]
    carried = _definitions(defined, needed - made)
    if carried is None:
        return None
    provided = {name for step in carried for name in step.names}
    for step in carried:
        needed |= _reads_of(step.source)
    code = "\n".join(ast.unparse(statement) for statement in reversed(chosen))
    names = sorted(needed - made - provided - set(dir(builtins)))
    return Measure(metric, float(value), code, tuple(step.source for step in carried), tuple(names))


def _assignments(source: str) -> list[tuple[set[str], ast.stmt]]:
    """The assignments at the top of a cell, with the names that each binds; the rest of it (prints, plots) makes no metric."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # what only IPython understands
        return []
    return [(_bound(one), one) for one in body if isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign)]


def _bound(statement: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _reads(tree: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _reads_of(source: str) -> set[str]:
    tree = ast.parse(source)
    local = {
        argument.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    }
    return _reads(tree) - local - _bound(tree)


def _definitions(steps: Sequence[Define], names: Iterable[str]) -> list[Define] | None:
    """The steps that bind these names, with those that they need in turn; None if one is no plain Python."""
    wanted = set(names)
    found: list[Define] = []
    for step in reversed(steps):
        if not wanted & set(step.names):
            continue
        try:
            wanted |= _reads_of(step.source)
        except SyntaxError:
            return None
        found.append(step)
    return found[::-1]
