"""What a run has kept: executed notebooks, the code that ran, what its variables are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import NotFoundError
from nbprod.execution.database import Place, database
from nbprod.execution.events import Status
from nbprod.execution.graph_file import read_graph
from nbprod.execution.records import Run, TaskRun
from nbprod.execution.report import NOTEBOOK
from nbprod.execution.store import Store
from nbprod.execution.tables import Traces


@dataclass(frozen=True)
class Artifact:
    """A variable that a task of a run saved; `summary` is a short text of its value."""

    name: str
    task: str
    type: str
    bytes: int
    summary: str


@dataclass(frozen=True)
class _Kept:
    outputs: Mapping[str, Mapping[str, Any]]
    notebook: str | None


def artifacts(project: Place, run: Run) -> list[Artifact]:
    """Return the variables that a run saved or took from the cache, by task."""
    kept = _traces(project, run)
    return [
        Artifact(name, task.task, entry.get("type", ""), entry.get("bytes", 0), entry.get("summary", ""))
        for task in run.tasks
        if task.trace in kept
        for name, entry in kept[task.trace].outputs.items()
        if not name.startswith("@")
    ]


def with_notebook(project: Place, run: Run) -> frozenset[str]:
    """Return the tasks of a run whose executed notebook is there, also those that it took from the cache."""
    kept = _traces(project, run)
    return frozenset(task.task for task in run.tasks if _notebook_path(project, run, task, kept) is not None)


def task_notebook(project: Place, run: Run, task: str) -> Mapping[str, Any]:
    """Return the executed notebook of a task: that of the run, or the one that was kept with what it took from the cache.

    Raises `NotFoundError` for a task that is not in the run, or has none.
    """
    found = next((one for one in run.tasks if one.task == task), None)
    if found is None:
        names = ", ".join(one.task for one in run.tasks)
        raise NotFoundError(f"run {run.id} has no task {task!r}", fix=f"Its tasks: {names}.")
    path = _notebook_path(project, run, found, _traces(project, run))
    if path is None:
        raise NotFoundError(
            f"task {task!r} of run {run.id} has no executed notebook", fix="It did not run, or gc has deleted it."
        )
    return _read(path)


def run_notebook(project: Place, run: Run) -> Mapping[str, Any]:
    """Return the author's notebook with what the run gave. Raises `NotFoundError`."""
    path = project.state / "runs" / run.id / NOTEBOOK
    if not path.exists():
        raise NotFoundError(f"run {run.id} has no executed notebook", fix="It ended before its first task.")
    return _read(path)


def code(project: Place, run: Run) -> dict[str, str]:
    """Return for each task of a run the source of its cells, as it ran; empty if the run has kept no graph."""
    try:
        graph = read_graph(project.state / "runs" / run.id)
    except FileNotFoundError:
        return {}
    return {
        node.name: "\n\n".join(cell.source.rstrip("\n") for cell in node.cells) + "\n" for node in graph.nodes.values()
    }


def _traces(project: Place, run: Run) -> dict[int | None, _Kept]:
    numbers = [task.trace for task in run.tasks if task.trace is not None]
    query = Traces.select(Traces.id, Traces.outputs, Traces.notebook).where(Traces.id.in_(numbers))
    with database(project).read() as connection:
        return {row.id: _Kept(row.outputs, row.notebook) for row in query.execute(connection)}


def _notebook_path(project: Place, run: Run, task: TaskRun, kept: Mapping[int | None, _Kept]) -> Path | None:
    own = project.state / "runs" / run.id / "tasks" / f"{task.task}.ipynb"
    if task.status is not Status.CACHED:
        return own if own.exists() else None
    found = kept.get(task.trace)
    path = Store(project.state / "artifacts").path(found.notebook) if found and found.notebook else None
    return path if path is not None and path.exists() else None


def _read(path: Path) -> Mapping[str, Any]:
    value: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return value
