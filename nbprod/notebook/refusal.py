"""Which problems of a notebook keep it from running at all."""

from __future__ import annotations

from nbprod.errors import Location, NotebookError
from nbprod.notebook.diagnostics import Diagnostic, Severity
from nbprod.notebook.graph import Graph
from nbprod.notebook.pipeline import Pipeline

# What the author asked for with a tag, and cannot be done; running on would leave it out silently. A name that is
# defined nowhere is not among them: the kernel itself has the last word there, and says so at its cell.
BLOCKING = frozenset(
    {
        "after-cycle",
        "after-unknown",
        "history",
        "kernel-language",
        "parameter-twice",
        "syntax",
        "tag-name",
        "tag-two-tasks",
        "tag-unknown",
        "task-split",
    }
)


def blocking(pipeline: Pipeline, graph: Graph | None = None) -> list[Diagnostic]:
    """Return the problems for which a pipeline is not run; `graph` is what runs have taught to make of it."""
    found = pipeline.diagnostics if graph is None else graph.diagnostics
    return [one for one in found if one.severity is Severity.ERROR and one.code in BLOCKING]


def refuse(pipeline: Pipeline, graph: Graph | None = None) -> None:
    """Raise `NotebookError` with the first problem, and the others below it, for which a pipeline is not run (further)."""
    found = blocking(pipeline, graph)
    if not found:
        return
    first, *others = found
    file = str(pipeline.notebook.path)
    lines = [first.hint or "", *(f"also cell {one.cell}: {one.message}. {one.hint or ''}" for one in others)]
    raise NotebookError(
        first.message,
        where=Location(file=file, task=first.task, cell=first.cell, line=first.line),
        fix="\n  ".join(filter(None, lines)) or None,
    )
