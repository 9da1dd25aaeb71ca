"""Turns what the walk through a notebook has found into diagnostics."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from nbprod.notebook.analysis import Piece
from nbprod.notebook.cell import Cell
from nbprod.notebook.diagnostics import Diagnostic, Fix, Severity
from nbprod.notebook.events import Finding, Kind
from nbprod.notebook.reading import KNOWN
from nbprod.notebook.resolve import Needs
from nbprod.notebook.timeline import Timeline


def flow_problems(timeline: Timeline, needs: Needs, skipped: list[tuple[Cell, list[Piece]]]) -> list[Diagnostic]:
    """Return the diagnostics that follow from how names are read and written."""
    hidden = {
        name: cell
        for cell, pieces in skipped
        for piece in pieces
        for name in piece.effects.defines | piece.effects.may_define
    }
    found: list[Diagnostic] = []
    seen: set[tuple[str, str, int]] = set()
    for finding in timeline.findings:
        key = (finding.code, finding.name, finding.statement.cell.number)
        if key not in seen:
            seen.add(key)
            found.append(_describe(finding, timeline, hidden))
    found += _uncrossable(timeline, needs)
    return found


def _describe(finding: Finding, timeline: Timeline, skipped: Mapping[str, Cell]) -> Diagnostic:
    statement, name, line = finding.statement, finding.name, finding.line
    cell, task = statement.cell, statement.task
    if finding.code == "undefined-name":
        severity = Severity.ERROR if finding.sure else Severity.WARNING
        later = timeline.history.get(name)
        if later:
            place = later[0].statement
            at = place.cell.number if place else "?"
            return Diagnostic(
                "out-of-order",
                severity,
                f"{name!r} is read here and defined only later, in cell {at}: in one fresh kernel this is a NameError",
                cell.number,
                line,
                task,
                f"Move the cell that defines {name!r} above this one.",
            )
        if name in skipped:
            other = skipped[name]
            tags = tuple(tag for tag in other.tags if tag != "skip")
            return Diagnostic(
                "undefined-name",
                severity,
                f"{name!r} is defined only in cell {other.number}, which is tagged `skip`",
                cell.number,
                line,
                task,
                "Remove the tag `skip` there, or define the name elsewhere.",
                Fix(f"Make cell {other.number} part of the pipeline", other.id, tags),
            )
        near = difflib.get_close_matches(
            name, [n for n in (*timeline.history, *KNOWN) if not n.startswith(("@", "_"))], n=1, cutoff=0.75
        )
        hint = f"Did you mean {near[0]!r}?" if near else "Define it in a cell above, or import it."
        return Diagnostic("undefined-name", severity, f"{name!r} is defined nowhere", cell.number, line, task, hint)
    if finding.code == "deleted-name":
        at = finding.other.cell.number if finding.other else "?"
        severity = Severity.ERROR if finding.sure else Severity.WARNING
        return Diagnostic(
            "deleted-name", severity, f"{name!r} was deleted in cell {at}: this read is a NameError", cell.number, line, task,
            f"Delete {name!r} after its last use, or not at all.",
        )  # fmt: skip
    if finding.code == "wildcard":
        return Diagnostic(
            "wildcard", Severity.WARNING if finding.sure else Severity.INFO, finding.detail, cell.number, line, task, _WILDCARD_HINT,
        )  # fmt: skip
    if finding.code == "wildcard-import":
        return Diagnostic(
            "wildcard-import", Severity.INFO, f"`from {name} import *`: every later task imports all of it, needed or not", cell.number,
            line, task, "Import the names that you use.",
        )  # fmt: skip
    if finding.code == "history":
        return Diagnostic(
            "history",
            Severity.ERROR,
            finding.detail,
            cell.number,
            line,
            task,
            "Assign the value to a variable of your own.",
        )
    return Diagnostic(finding.code, Severity.WARNING, finding.detail, cell.number, line, task)


_WILDCARD_HINT = "Name what you need: a plain name is passed by itself."


def _uncrossable(timeline: Timeline, needs: Needs) -> Iterable[Diagnostic]:
    """Warn of values that no artifact can hold and that another task needs."""
    for task, steps in needs.steps.items():
        if task.startswith("@"):
            continue
        for event in steps:
            if (
                event.kind is Kind.DEFINE
                or not event.what
                or event.what in ("iterator", "default")
                or event.task is None
            ):
                continue
            made = event.statement
            if made is None:
                continue
            yield Diagnostic(
                "unsaveable",
                Severity.WARNING,
                f"{event.name!r} is {_article(event.what)} {event.what}, which cannot be passed from task {event.task!r} to task {task!r}",
                made.cell.number,
                made.piece.line,
                event.task,
                f"Make it again in task {task!r}, or put the cells of both into one task.",
            )


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def cycle_problem(
    cycle: list[str], after: Mapping[str, frozenset[str]], tasks: Mapping[str, tuple[Cell, ...]]
) -> Diagnostic:
    """Describe tasks that wait for each other."""
    shown = " -> ".join([*cycle, cycle[0]])
    pairs = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    tagged = [
        (task, other, cell)
        for task, other in pairs
        if other in after.get(task, ())
        for cell in tasks[task]
        if {f"after:{other}", f"prev:{other}"} & set(cell.tags)
    ]
    cells = ", ".join(f"{cell.number} ('after:{other}')" for _, other, cell in tagged)
    first = tagged[0] if tagged else None
    fix = None
    if first:
        _, other, cell = first
        tags = tuple(tag for tag in cell.tags if tag not in (f"after:{other}", f"prev:{other}"))
        fix = Fix(f"Remove 'after:{other}' from cell {cell.number}", cell.id, tags)
    return Diagnostic(
        "after-cycle" if tagged else "task-split",
        Severity.ERROR,
        f"tasks wait for each other: {shown} (each waits for the next)" + (f"; tags in cells {cells}" if cells else ""),
        first[2].number if first else tasks[cycle[0]][0].number,
        task=first[0] if first else cycle[0],
        hint="Remove one of the `after:` tags."
        if tagged
        else "Put the cells of a task side by side, or give them different task names.",
        fix=fix,
    )
