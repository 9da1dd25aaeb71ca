"""A run that is over, read back from what it kept: its notebook, its graph, its traces."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import NotFoundError
from nbprod.execution.cache import Cache, Digests, Trace
from nbprod.execution.database import Place, database
from nbprod.execution.graph_file import read_graph
from nbprod.execution.kernels import KernelSpec, find_kernel
from nbprod.execution.records import Run
from nbprod.execution.report import NOTEBOOK
from nbprod.execution.store import Store
from nbprod.notebook.graph import Graph
from nbprod.notebook.pipeline import Pipeline, pipeline_of
from nbprod.notebook.reader import notebook_of


@dataclass(frozen=True)
class PastRun:
    """A run with all that it kept.

    `pipeline` is that of the notebook as it was when the run took place (its path is the author's); `traces` are those of the
    tasks that ended well or were cached, in notebook order; `parameters` are Python values.
    """

    run: Run
    pipeline: Pipeline
    graph: Graph
    kernel: KernelSpec
    store: Store
    traces: Mapping[str, Trace]
    parameters: Mapping[str, Any]

    @property
    def loads(self) -> Digests:
        """For each task that has a trace, the artifacts of its outputs."""
        return {name: trace.digests for name, trace in self.traces.items()}


def read_past(project: Place, run: Run) -> PastRun:
    """Read a run back. Raises `NotFoundError` if it kept nothing, `NotebookError` if its kernel is no longer installed."""
    folder = project.state.absolute() / "runs" / run.id
    try:
        graph = read_graph(folder)
        document = json.loads((folder / NOTEBOOK).read_text("utf-8"))
    except FileNotFoundError:
        raise _gone(run) from None
    document["cells"] = [
        cell for cell in document["cells"] if "injected-parameters" not in cell["metadata"].get("tags", [])
    ]
    pipeline = pipeline_of(notebook_of(document, Path(run.notebook)))
    kernel = find_kernel(pipeline.notebook.kernel_name, run.notebook)
    store = Store(project.state.absolute() / "artifacts")
    cache = Cache(database(project), store, kernel)
    traces = {
        task.task: trace
        for task in run.tasks
        if task.trace is not None and (trace := cache.get(task.trace)) is not None
    }
    ordered = {name: traces[name] for name in graph.nodes if name in traces}
    return PastRun(run, pipeline, graph, kernel, store, ordered, _parameters(run, pipeline))


def _gone(run: Run) -> NotFoundError:
    if run.finished is None:
        return NotFoundError(f"run {run.id} has not ended yet", fix="Wait until it has.")
    return NotFoundError(
        f"what run {run.id} kept of its notebook is gone",
        fix=f"Run it again (nbprod run {run.pipeline}); what is unchanged is not repeated.",
    )


def _parameters(run: Run, pipeline: Pipeline) -> dict[str, Any]:
    """Return the run's parameters: the records hold what is no JSON (a tuple, say) as Python writes it."""
    found = dict(run.parameters)
    for name, value in found.items():
        known = pipeline.parameters.get(name)
        default = known.default if known is not None else None
        if isinstance(value, str) and default is not None and not isinstance(default, str):
            found[name] = ast.literal_eval(value)
    return found
