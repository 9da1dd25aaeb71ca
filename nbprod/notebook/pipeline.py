"""A pipeline: the tasks that tagged cells form, its parameters, metrics and service.

Built by `read_pipeline`; `Pipeline.resolve` gives the graph, with what runs have taught.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbprod.notebook.authoring import outline_of
from nbprod.notebook.builder import Outline, build
from nbprod.notebook.cell import Cell, Notebook
from nbprod.notebook.diagnostics import Diagnostic
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Graph
from nbprod.notebook.parameters import Parameter
from nbprod.notebook.reader import read_notebook
from nbprod.notebook.serving import Serve

DEEP = 12_000
"""Nested calls that the analysis may make; a kernel compiles an expression of 3,000 terms, and we need three calls for each."""

__all__ = ["Parameter", "Pipeline", "Serve", "Task", "pipeline_of", "read_pipeline"]


@dataclass(frozen=True)
class Task:
    """A named group of cells that runs as one unit."""

    name: str
    cells: tuple[Cell, ...]
    after: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Pipeline:
    """What a notebook says, statically.

    A cell that holds nothing but definitions, setup or literal parameters, and that stands before the first task, is tagged
    `imports`, or sets the parameters, belongs to no task: it is carried into the tasks that need it.
    """

    notebook: Notebook
    tasks: Mapping[str, Task]
    parameters: Mapping[str, Parameter]
    metrics: tuple[str, ...]
    serve: Serve | None
    diagnostics: tuple[Diagnostic, ...]
    outline: Outline = field(repr=False, compare=False)
    plain: Graph = field(repr=False, compare=False)
    """The graph as the code alone says, without facts."""

    def resolve(self, facts: Mapping[str, Facts] | None = None, keep: frozenset[str] = frozenset()) -> Graph:
        """Resolve names in notebook order, as a kernel would, with the facts known for each task.

        `keep` names variables to save at their last version, whoever needs them (`@all`: every variable).
        """
        known = {task: told for task, told in (facts or {}).items() if task in self.tasks}
        if not known and not keep:
            return self.plain
        with _walking_trees():
            return build(self.outline, known, keep)


def read_pipeline(path: str | Path) -> Pipeline:
    """Read a notebook (`.ipynb`, or jupytext's `.py` and `.md`) into a pipeline. Raises `NotebookError`."""
    return pipeline_of(read_notebook(path))


@contextlib.contextmanager
def _walking_trees() -> Iterator[None]:
    """Let expressions be nested as deeply as Python lets them, a sum of 1,000 terms say, and keep the garbage collector away.

    It would walk through all syntax trees again and again, and make the time grow faster than the notebook. The limit of recursion stays
    raised: other threads may rely on it.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), DEEP))
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def pipeline_of(notebook: Notebook) -> Pipeline:
    """Make a pipeline of a notebook that is read already, an open document for example."""
    with _walking_trees():
        outline, parameters, problems, timeline = outline_of(notebook)
        graph = build(outline, {}, frozenset(), timeline)
    tasks = {name: Task(name, cells, outline.after.get(name, frozenset())) for name, cells in outline.tasks.items()}
    metrics = tuple(dict.fromkeys(name for names in outline.metrics.values() for name in names))
    diagnostics = tuple(dict.fromkeys((*problems, *graph.diagnostics)))
    return Pipeline(notebook, tasks, parameters, metrics, outline.serve, diagnostics, outline, graph)
