"""A notebook in whose kernel the inputs of a task are loaded, to look into what the task does, or why it failed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbprod.errors import NbprodError, NotFoundError
from nbprod.execution import task_notebook
from nbprod.execution.atomic import write_text
from nbprod.execution.database import Place
from nbprod.execution.events import Status
from nbprod.execution.past import PastRun, read_past
from nbprod.execution.records import Run
from nbprod.notebook import tags as tagging
from nbprod.notebook.cell import Cell
from nbprod.notebook.graph import Load, Node
from nbprod.notebook.reader import read_notebook

_READY = "get_ipython()._nbprod.explore()"


def explore(project: Place, run: Run, task: str) -> Path:
    """Write a notebook that begins as a task of a run did, beside the author's, and return its path.

    It is called `NOTEBOOK.explore-TASK.ipynb`; where a notebook of that name was changed, a number makes the name new. Raises
    `NotFoundError` for a task that the run does not have, or whose inputs were never made or are gone.
    """
    past = read_past(project, run)
    node = past.graph.nodes.get(task)
    if node is None:
        raise NotFoundError(f"run {run.id} has no task {task!r}", fix=f"Its tasks: {', '.join(past.graph.nodes)}.")
    _check_inputs(past, node)
    folder = project.state.absolute() / "runs" / run.id / "explore" / task
    job = task_notebook.job(node, past.store.root, folder / "result.json", past.loads, ())
    write_text(folder / "job.json", json.dumps(job))
    author = past.pipeline.notebook.path
    path = _free_path(author.parent / f"{author.stem}.explore-{task}.ipynb")
    write_text(path, json.dumps(_document(past, node, folder / "job.json"), ensure_ascii=False, indent=1) + "\n")
    return path


def _check_inputs(past: PastRun, node: Node) -> None:
    """See that every task that it loads from has ended well, and that its artifacts are still there."""
    states = {one.task: one.status for one in past.run.tasks}
    for step in node.prelude:
        if not isinstance(step, Load):
            continue
        trace = past.traces.get(step.task)
        if trace is None:
            names = ", ".join(repr(name) for name in step.names if not name.startswith("@")) or "what it needs"
            raise NotFoundError(
                f"task {node.name!r} of run {past.run.id} had no inputs: {names} comes from task {step.task!r}, "
                f"which {_happened(states.get(step.task))}",
                fix=f"Look into that one: nbprod explore {past.run.pipeline} --run {past.run.id} --task {step.task}",
            )
        for name in step.names:
            digest = trace.digests.get(name)
            if digest is not None and not past.store.exists(digest):
                raise NotFoundError(
                    f"{name!r}, made by task {step.task!r}, is no longer kept",
                    fix=f"Run it again: nbprod run {past.run.pipeline}",
                )


_HAPPENED = {
    Status.FAILED: "failed",
    Status.DONE: "ended well",
    Status.CACHED: "was taken from the cache",
    Status.SKIPPED: "was skipped",
    Status.CANCELLED: "was cancelled",
}


def _happened(status: Status | None) -> str:
    return _HAPPENED.get(status, f"is {status}") if status is not None else "did not run"


def _free_path(path: Path) -> Path:
    """Return the path, or one with a number if what is there is no notebook of ours, or was changed since we wrote it."""
    number, found = 2, path
    while found.exists() and not _is_untouched(found):
        found = path.with_name(f"{path.stem}-{number}.ipynb")
        number += 1
    return found


def _is_untouched(path: Path) -> bool:
    try:
        document = json.loads(path.read_text("utf-8"))
        return bool(document["metadata"]["nbprod"]["sha256"] == _digest(document["cells"]))
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _digest(cells: Iterable[Mapping[str, Any]]) -> str:
    texts = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _document(past: PastRun, node: Node, job: Path) -> dict[str, Any]:
    defaults = {name: parameter.default for name, parameter in past.pipeline.parameters.items()}
    built = task_notebook.build(node, past.pipeline.notebook, job, past.parameters, defaults, past.loads)
    record = next((one for one in past.run.tasks if one.task == node.name), None)
    error = record.error if record is not None and record.status is Status.FAILED else None
    status = record.status if record is not None else None
    cells = [_markdown("about", _about(past, node, status))]
    if error is not None and error.get("cell") is None:
        cells.append(_markdown("failed", _failure(error, None)))
    ours: list[str] = [_comment(past, node)]

    def flush() -> None:
        if ours:
            cells.append(_code(f"nbprod-{len(cells)}", "\n".join(ours)))
            ours.clear()

    for cell in built.nb.cells:
        about, source = cell.metadata["nbprod"], cell.source
        injected = task_notebook.assignments(built.inject) if "parameters" in cell.metadata.get("tags", ()) else ""
        if "cell" in about:
            flush()
            if error is not None and error.get("cell") == about["cell"]:
                cells.append(_markdown("failed", _failure(error, source)))
            cells.append(_code(cell["id"], source, _foreign(cell)))
        elif about["role"] != "finish":
            if task_notebook.stands_alone(source):
                flush()
            ours += [source.replace(task_notebook.READY, _READY)] if source else []
            if task_notebook.stands_alone(source) or task_notebook.READY in source:
                flush()
        ours += [injected] if injected else []
    flush()
    kept = past.pipeline.notebook.document["metadata"]
    metadata = {key: kept[key] for key in ("kernelspec", "language_info") if key in kept}
    about = {"explore": node.name, "run": past.run.id, "sha256": _digest(cells)}
    return {"cells": cells, "metadata": {**metadata, "nbprod": about}, "nbformat": 4, "nbformat_minor": 5}


def _comment(past: PastRun, node: Node) -> str:
    return (
        f"# As task {node.name!r} began in run {past.run.id}: `load(task, names...)` binds the values that the run kept.\n"
        "# `nbprod explore` made this; what you change in this notebook changes no run."
    )


def _about(past: PastRun, node: Node, status: Status | None) -> str:
    inputs: dict[str, list[str]] = {}
    for name, task in node.inputs.items():
        if not name.startswith("@") and name in past.loads.get(task, {}):
            inputs.setdefault(task, []).append(f"`{name}`")
    what = [f"{', '.join(names)} from `{task}`" for task, names in inputs.items()]
    lines = [
        f"# Task `{node.name}` of run `{past.run.id}`",
        "",
        f"It {_happened(status)}. It takes {'; '.join(what) or 'nothing from other tasks'}.",
    ]
    if past.parameters and node.parameters:
        values = ", ".join(f"`{name} = {past.parameters[name]!r}`" for name in node.parameters)
        lines[-1] += f" Parameters: {values}."
    if _has_changed(past, node):
        lines += ["", "The notebook has changed since: the cells below are those of the run."]
    return "\n".join(lines)


def _has_changed(past: PastRun, node: Node) -> bool:
    try:
        now = {cell.source for cell in read_notebook(past.pipeline.notebook.path).cells}
    except NbprodError:
        return True
    return not {cell.source for cell in node.cells} <= now


def _failure(error: Mapping[str, Any], source: str | None) -> str:
    """Return what is said above the cell that failed: the line and the error, as text that no markdown reads."""
    line, shown = error.get("line"), []
    lines = (source or "").splitlines()
    where = "The task failed."
    if source is not None:
        where = "The task failed in the next cell" + (f", line {line}:" if line else ":")
    if line and line <= len(lines):
        shown.append(lines[line - 1].strip())
    shown.append(str(error.get("what") or error.get("message") or ""))
    text = "\n".join(shown)
    fence = "`" * max(3, 1 + max((len(run) for run in _ticks(text)), default=0))
    return f"**{where}**\n\n{fence}text\n{text}\n{fence}"


def _ticks(text: str) -> Iterable[str]:
    return "".join(c if c == "`" else " " for c in text).split()


def _foreign(cell: Any) -> list[str]:
    """Return the tags of a cell that are not ours: the notebook is no pipeline."""
    probe = Cell(cell["id"], 1, 0, "")
    found = []
    for tag in cell.metadata.get("tags", ()):
        marks, problems = tagging.read_marks(replace(probe, tags=(tag,)))
        if marks == tagging.Marks() and not problems:
            found.append(tag)
    return found


def _markdown(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "id": f"nbprod-{name}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }


def _code(name: str, source: str, tags: list[str] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"tags": tags} if tags else {},
        "source": source.splitlines(keepends=True),
        "outputs": [],
        "execution_count": None,
    }
