"""The notebook that one task runs as: what it takes, the author's cells, what it gives.

Cells of ours say their role in `metadata.nbprod.role` (see docs/architecture.md); the author's keep their ids and tags.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.execution import libraries
from nbprod.execution.literals import literal, same
from nbprod.notebook.cell import Cell, Notebook
from nbprod.notebook.graph import Bind, Define, Load, Node

BOOT = Path(__file__).resolve().parent.parent / "runtime" / "boot.py"
READY = "get_ipython()._nbprod.ready()"
"""The last that is done before the author's cells."""
_PARAMETERS = "parameters"
_ALONE = re.compile(r"\s*(%%|from\s+__future__\s)")


@dataclass(frozen=True)
class TaskNotebook:
    """The notebook of a task, and the parameters that Papermill is to inject into it."""

    nb: Any
    inject: dict[str, Any]


def build(
    node: Node,
    notebook: Notebook,
    job_path: Path,
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    loads: Mapping[str, Mapping[str, str]],
) -> TaskNotebook:
    """Return the notebook of a task.

    Args:
        node: The task.
        notebook: The author's notebook, for its kernel.
        job_path: The file that tells the runtime what to do.
        values: The run's parameter values.
        defaults: The notebook's own.
        loads: For each task, the names to load with their digests; a name that is not there does not exist.
    """
    globals_ = f"{{'__name__': 'nbprod_runtime', 'JOB': {str(job_path)!r}}}"
    boot = f"exec(compile(open({str(BOOT)!r}, encoding='utf-8').read(), {str(BOOT)!r}, 'exec'), {globals_})"
    cells: list[dict[str, Any]] = []
    ours = _Ours(cells)
    ours.add("begin", boot)
    inject: dict[str, Any] = {}
    taken = False  # Papermill injects once, after the first cell tagged `parameters`
    for step in node.prelude:
        if isinstance(step, Define):
            ours.define(step)
        elif isinstance(step, Load):
            names = [name for name in step.names if name in loads.get(step.task, {})]
            if names:
                ours.add("load", f"get_ipython()._nbprod.load({', '.join(repr(name) for name in (step.task, *names))})")
        elif isinstance(step, Bind):
            bound = {name: values[name] for name in step.names}
            if taken:
                ours.add("parameters", assignments(bound))
            else:
                ours.close()
                cells.append(_ours("parameters", "", tags=[_PARAMETERS]))
                inject, taken = bound, True
    ours.add("ready", READY)
    ours.close()

    changed = {name: values[name] for name in node.binds if not same(values[name], defaults[name])}
    after = _parameters_cell(node.cells) if changed else None
    for cell in node.cells:
        tags = list(cell.tags)
        if cell is after and not taken:
            tags += [] if _PARAMETERS in tags else [_PARAMETERS]
            inject = changed
        elif _PARAMETERS in tags:
            tags.remove(_PARAMETERS)  # only the first cell that has it counts, and this is not it
        cells.append(_code(cell.source, tags, cell.id, {"cell": cell.number}))
        if cell is after and taken:
            cells.append(_ours("parameters", assignments(changed)))
    cells.append(_ours("finish", "get_ipython()._nbprod.finish()"))

    spec = {"name": notebook.kernel_name, "display_name": notebook.kernel_name, "language": notebook.language}
    metadata = {"kernelspec": spec, "nbprod": {"task": node.name}}
    # not by nbformat's `new_code_cell`, which checks each cell by its schema: a tenth of what a small task costs us
    nb = libraries.notebooks().from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
    return TaskNotebook(nb, inject)


def job(
    node: Node, store: Path, result: Path, loads: Mapping[str, Mapping[str, str]], watch: tuple[str, ...]
) -> dict[str, Any]:
    """Return what `job.json` says. `watch` are inputs that a later task reads too."""
    return {
        "task": node.name,
        "store": str(store),
        "result": str(result),
        "loads": {task: dict(names) for task, names in loads.items()},
        "outputs": list(node.outputs),
        "wanted_by": {name: list(tasks) for name, tasks in node.wanted_by.items()},
        "metrics": list(node.metrics),
        "watch": list(watch),
        "defined": sorted(node.defines),
    }


def place(nb_cell: Any, line: int | None) -> tuple[int | None, int | None]:
    """Return the number of the author's cell that a cell of a task notebook stands for, and the line in it."""
    about = nb_cell.metadata.get("nbprod", {})
    if "cell" in about:
        return about["cell"], line
    for first, number, start in reversed(about.get("lines", ())):
        if line is None and number is not None:
            return number, None
        if line is not None and line >= first:
            return number, None if number is None else line - first + start
    return None, None


def _parameters_cell(cells: tuple[Cell, ...]) -> Cell:
    named = [cell for cell in cells if "parameters" in " ".join(cell.tags)]  # Kale says `pipeline-parameters`
    return named[-1] if named else cells[0]


def assignments(values: Mapping[str, Any]) -> str:
    """Return code that binds parameters to values."""
    return "\n".join(f"{name} = {literal(value)}" for name, value in values.items())


def stands_alone(source: str) -> bool:
    """Say whether source must be a cell of its own: a `%%` magic, a `from __future__` import."""
    return _ALONE.match(source) is not None


class _Ours:
    """Code of ours, and definitions that are carried, gathered into few cells: each is a round trip to the kernel.

    A cell's role is that of what it begins with; `lines` says for its definitions which lines of which of the author's cells they are.
    """

    def __init__(self, cells: list[dict[str, Any]]) -> None:
        self.cells = cells
        self.role = ""
        self.source: list[str] = []
        self.lines: list[tuple[int, int | None, int]] = []

    def add(self, role: str, source: str) -> None:
        """Add code of ours."""
        if self.lines:
            self.lines.append((self._next(), None, 1))
        self.role = self.role or role
        self.source.append(source)

    def define(self, step: Define) -> None:
        """Add a definition; it may be one that must stand alone."""
        alone = stands_alone(step.source)
        if alone:
            self.close()
        self.lines.append((self._next(), step.cell.number, step.line))
        self.role = self.role or "definitions"
        self.source.append(step.source.rstrip("\n"))
        if alone:
            self.close()

    def close(self) -> None:
        """End the cell: what comes next stands in another."""
        if self.source:
            cell = _ours(self.role, "\n".join(self.source))
            if self.lines:
                cell["metadata"]["nbprod"]["lines"] = self.lines
            self.cells.append(cell)
        self.role, self.source, self.lines = "", [], []

    def _next(self) -> int:
        return sum(text.count("\n") + 1 for text in self.source) + 1


def _ours(role: str, source: str, tags: list[str] | None = None) -> dict[str, Any]:
    return _code(source, tags or [], None, {"role": role})


def _code(source: str, tags: list[str], name: str | None, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name or uuid.uuid4().hex[:8],
        "cell_type": "code",
        "metadata": {"nbprod": about} | ({"tags": tags} if tags else {}),
        "execution_count": None,
        "source": source,
        "outputs": [],
    }
