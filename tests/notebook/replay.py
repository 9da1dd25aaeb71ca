"""Runs a resolved graph in this process: real preludes and artifacts, plain namespaces instead of kernels."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbprod.execution.selection import watched
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Bind, Define, Graph, Load, Node
from nbprod.notebook.pipeline import Pipeline
from nbprod.runtime.session import Session

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def run_code(source: str, namespace: dict[str, Any]) -> None:
    """Execute statement by statement, as IPython does; the runtime knows this function by its name."""
    for node in ast.parse(source).body:
        exec(compile(ast.Module([node], []), "<cell>", "exec"), namespace)


@contextlib.contextmanager
def main_module(namespace_of: types.ModuleType):
    before = sys.modules["__main__"]
    sys.modules["__main__"] = namespace_of
    try:
        yield vars(namespace_of)
    finally:
        sys.modules["__main__"] = before


def run_in_one_namespace(cells: list[str]) -> tuple[list[str], dict[str, Any], BaseException | None]:
    """What the kernel would do: the printed text of each cell, the final names, the error that ended it."""
    printed: list[str] = []
    with main_module(types.ModuleType("__main__")) as namespace:
        for source in cells:
            out = io.StringIO()
            error: BaseException | None = None
            with contextlib.redirect_stdout(out):
                try:
                    run_code(source, namespace)
                except Exception as raised:
                    error = raised
            printed.append(_ADDRESS.sub("0x", out.getvalue()))
            if error is not None:
                return printed, namespace, error
        return printed, namespace, None


class Refused(Exception):
    """What running has taught makes the graph one that cannot be right."""


class Replay:
    """Runs a pipeline until nothing changes any more: as the scheduler does, one task at a time."""

    def __init__(self, pipeline: Pipeline, folder: Path, values: Mapping[str, Any] | None = None) -> None:
        self.pipeline = pipeline
        self.folder = folder
        self.store = folder / "artifacts"
        self.values = {name: p.default for name, p in pipeline.parameters.items()} | dict(values or {})
        self.facts: dict[str, Facts] = {}
        self.ended: dict[str, tuple[Node, Any, dict[str, str]]] = {}
        self.printed: dict[int, str] = {}
        self.runs = 0

    def run(self, keep: frozenset[str] = frozenset()) -> Graph:
        while True:
            graph = self.pipeline.resolve(self.facts, keep)
            if problems := [problem for problem in graph.diagnostics if problem.severity == "error"]:
                raise Refused(problems)
            name = self._next(graph)
            if name is None:
                return graph
            self.runs += 1
            assert self.runs < 20 * len(graph.nodes) + 20, "it never ends"
            self._run(graph, graph.nodes[name])

    def _loads(self, node: Node) -> dict[str, dict[str, str]] | None:
        loads: dict[str, dict[str, str]] = {}
        for step in node.prelude:
            if isinstance(step, Load):
                outputs = self.ended[step.task][2]
                loads.setdefault(step.task, {}).update({n: outputs[n] for n in step.names if n in outputs})
        return loads

    def _next(self, graph: Graph) -> str | None:
        valid: set[str] = set()
        waiting = dict(graph.nodes)
        while waiting:
            ready = [name for name, node in waiting.items() if node.upstream <= valid]
            assert ready, f"a cycle among {sorted(waiting)}"
            for name in ready:
                node = waiting.pop(name)
                done = self.ended.get(name)
                if done is None or done[0] != node or done[1] != self._loads(node):
                    return name
                valid.add(name)
        return None

    def _run(self, graph: Graph, node: Node) -> None:
        loads = self._loads(node)
        result = self.folder / f"{node.name}.json"
        job = {
            "task": node.name, "store": str(self.store), "result": str(result), "loads": loads,
            "outputs": list(node.outputs), "wanted_by": {k: list(v) for k, v in node.wanted_by.items()},
            "metrics": [], "watch": list(watched(graph)[node.name]), "defined": sorted(node.defines),
        }  # fmt: skip
        with main_module(types.ModuleType("__main__")) as namespace:
            session = Session(job, namespace)
            for step in node.prelude:
                if isinstance(step, Define):
                    run_code(step.source, namespace)
                elif isinstance(step, Bind):
                    namespace.update({name: self.values[name] for name in step.names})
                else:
                    names = [name for name in step.names if name in loads[step.task]]
                    if names:
                        session.load(step.task, *names)
            session.ready()
            for cell in node.cells:
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    run_code(cell.source, namespace)
                self.printed[cell.number] = _ADDRESS.sub("0x", out.getvalue())
            session.finish()
        told = json.loads(result.read_text())
        assert told["error"] is None, told["error"]
        self.facts[node.name] = self.facts.get(node.name, Facts()).merge(Facts.from_json(told["facts"]))
        outputs = {name: entry["artifact"] for name, entry in told["outputs"].items()}
        self.ended[node.name] = (node, loads, outputs)
