"""An open document as a pipeline: static analysis with what runs have taught. No code of the user's runs."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.server.models import (
    Analysis,
    CellFix,
    CellMark,
    Diagnostic,
    Document,
    Edge,
    Parameter,
    Serve,
    SweepDefaults,
    TaskNode,
)
from nbprod.server.problems import problem_of
from nbprod.server.values import json_value

if TYPE_CHECKING:
    from nbprod.config import SweepConfig
    from nbprod.notebook.cell import Cell, Notebook
    from nbprod.notebook.diagnostics import Diagnostic as Found
    from nbprod.notebook.facts import Facts
    from nbprod.notebook.graph import Graph, Node
    from nbprod.notebook.pipeline import Pipeline
    from nbprod.server.place import Place

REMEMBERED = 16
"""Documents of which the analysis is kept."""


@dataclass
class _Memory:
    """The newest analyses; one is made at a time, since they share the processor anyway."""

    pipelines: OrderedDict[Hashable, Pipeline] = field(default_factory=OrderedDict)
    graphs: OrderedDict[Hashable, Graph] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_memory = _Memory()


def notebook_from(place: Place, document: Document) -> Notebook:
    """Return an open document as a notebook. Raises `NotebookError` if it has no code cell."""
    from nbprod.notebook.reader import notebook_of

    cells = [
        {"cell_type": cell.type, "id": cell.id, "source": cell.source, "metadata": {"tags": list(cell.tags)}}
        for cell in document.cells
    ]
    metadata = {"kernelspec": {"name": document.kernel, "language": document.language}}
    return notebook_of({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}, place.notebook)


def analysis_of(place: Place, document: Document) -> Analysis:
    """Return the pipeline of a document; what keeps it from being one is among the diagnostics."""
    from nbprod.errors import NotebookError

    try:
        pipeline, graph = _resolved(place, notebook_from(place, document))
    except NotebookError as error:
        return _nothing(place, error)
    config = place.entry.config
    cells = pipeline.notebook.cells
    return Analysis(
        **_about(place),
        tagged=any(_marks(cell).task is not None for cell in cells),
        cells=_cell_marks(pipeline),
        tasks=[_task(node) for node in graph.nodes.values()],
        edges=_edges(graph),
        parameters=[
            Parameter(
                name=one.name,
                type=one.type,
                default=json_value(one.default),
                optional=one.optional,
                value=json_value(config.parameters.get(one.name, one.default)),
                space=_space(config.sweep, one.name),
            )
            for one in pipeline.parameters.values()
        ],
        metrics=list(pipeline.metrics),
        serve=_serve(pipeline, graph),
        diagnostics=_diagnostics(place, pipeline, graph),
        sweep=_sweep(config.sweep),
        require={name: str(rule) for name, rule in config.promote.require.items()},
    )


def _resolved(place: Place, notebook: Notebook) -> tuple[Pipeline, Graph]:
    from nbprod.notebook.pipeline import pipeline_of

    key = (str(notebook.path), notebook.kernel_name, notebook.language, notebook.cells)
    with _memory.lock:
        pipeline = _memory.pipelines.get(key)
        if pipeline is None:
            pipeline = pipeline_of(notebook)
        _keep(_memory.pipelines, key, pipeline)
        facts = _facts(place, pipeline)
        taught = (key, tuple(sorted((task, repr(told.to_json())) for task, told in facts.items())))
        graph = _memory.graphs.get(taught)
        if graph is None:
            graph = pipeline.resolve(facts)
        _keep(_memory.graphs, taught, graph)
    return pipeline, graph


def _keep(memory: OrderedDict[Hashable, Any], key: Hashable, value: Any) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)


def _facts(place: Place, pipeline: Pipeline) -> dict[str, Facts]:
    if not place.project.has_records:
        return {}
    from nbprod.execution.database import database
    from nbprod.execution.lessons import Lessons

    return Lessons(database(place.project), pipeline).read()


def _about(place: Place) -> dict[str, Any]:
    return {
        "pipeline": place.entry.name,
        "root": place.root,
        "listed": place.entry.name in place.project.pipelines,
        "config_problem": problem_of(place.problem, place.server_root) if place.problem is not None else None,
    }


def _nothing(place: Place, error: Any) -> Analysis:
    config = place.entry.config
    return Analysis(
        **_about(place),
        tagged=False,
        cells=[],
        tasks=[],
        edges=[],
        parameters=[],
        metrics=[],
        diagnostics=[Diagnostic(code="notebook", severity="error", message=error.what, hint=error.fix)],
        sweep=_sweep(config.sweep),
        require={name: str(rule) for name, rule in config.promote.require.items()},
    )


def _marks(cell: Cell) -> Any:
    from nbprod.notebook.tags import read_marks

    return read_marks(cell)[0]


def _cell_marks(pipeline: Pipeline) -> list[CellMark]:
    tasks = {cell.id: name for name, task in pipeline.tasks.items() for cell in task.cells}
    tasks = {cell.id: task for cell, task, _ in pipeline.outline.cells if task is not None} | tasks
    marks = []
    for cell in pipeline.notebook.cells:
        said = _marks(cell)
        marks.append(
            CellMark(
                id=cell.id,
                number=cell.number,
                task=tasks.get(cell.id),
                starts=said.task is not None,
                roles=sorted(said.roles),
            )
        )
    return marks


def _task(node: Node) -> TaskNode:
    return TaskNode(
        name=node.name,
        cells=[cell.id for cell in node.cells],
        numbers=[cell.number for cell in node.cells],
        upstream=sorted(node.upstream),
        inputs={name: task for name, task in node.inputs.items() if not name.startswith("@")},
        outputs=[name for name in node.outputs if not name.startswith("@")],
        parameters=list(node.parameters),
        metrics=list(node.metrics),
        code=hashlib.sha256(node.code.encode("utf-8", "surrogatepass")).hexdigest()[:16],
    )


def _edges(graph: Graph) -> list[Edge]:
    edges = []
    for node in graph.nodes.values():
        taken: dict[str, list[str]] = {task: [] for task in node.upstream}
        for name, task in node.inputs.items():
            taken[task].append(name)
        edges += [Edge(source=task, target=node.name, variables=sorted(taken[task])) for task in sorted(taken)]
    return edges


def _serve(pipeline: Pipeline, graph: Graph) -> Serve | None:
    if pipeline.serve is None:
        return None
    inputs = graph.serve.inputs if graph.serve is not None else {}
    return Serve.model_validate({"name": pipeline.serve.name, "kind": pipeline.serve.kind, "inputs": dict(inputs)})


def _diagnostics(place: Place, pipeline: Pipeline, graph: Graph) -> list[Diagnostic]:
    from nbprod.agreement import disagreements

    ids = {cell.number: cell.id for cell in pipeline.notebook.cells}
    found = dict.fromkeys([*pipeline.diagnostics, *graph.diagnostics, *disagreements(place.entry, pipeline)])
    order = {"error": 0, "warning": 1, "info": 2}
    return [
        _diagnostic(one, ids)
        for one in sorted(found, key=lambda one: (order[one.severity], one.cell or 0, one.line or 0))
    ]


def _diagnostic(one: Found, ids: dict[int, str]) -> Diagnostic:
    fix = None if one.fix is None else CellFix(title=one.fix.title, cell=one.fix.cell, tags=list(one.fix.tags))
    return Diagnostic.model_validate(
        {
            "code": one.code,
            "severity": str(one.severity),
            "message": one.message,
            "cell": ids.get(one.cell) if one.cell is not None else None,
            "number": one.cell,
            "line": one.line,
            "task": one.task,
            "hint": one.hint,
            "fix": fix,
        }
    )


def _space(config: SweepConfig, name: str) -> Any:
    space = config.space.get(name)
    if space is None or isinstance(space, list):
        return json_value(space)
    return space.model_dump(exclude_none=True)


def _sweep(config: SweepConfig) -> SweepDefaults:
    metric, direction = next(iter(config.optimize.items()), (None, "maximize"))
    return SweepDefaults.model_validate(
        {
            "search": config.search,
            "trials": config.trials,
            "parallel": config.parallel,
            "metric": metric,
            "direction": direction,
        }
    )
