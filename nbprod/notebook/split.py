"""Tasks whose cells stand in several places: checks that running them together gives what running them in order gives."""

from __future__ import annotations

from collections.abc import Iterator

from nbprod.notebook.diagnostics import Diagnostic, Severity
from nbprod.notebook.events import Event, Kind, Statement
from nbprod.notebook.timeline import Timeline


def split_problems(timeline: Timeline) -> Iterator[Diagnostic]:
    """Yield an error for every name that a task in several places would see, or leave, in another version than the kernel."""
    split = _split_tasks(timeline)
    if not split:
        return
    # what a run has seen is noted right behind the last statement of its task
    at = {pos: statement for statement in timeline.statements for pos in (statement.pos, statement.pos + 1)}
    for task, users in timeline.uses.items():
        taken: dict[str, Event] = {}
        for use in users:
            event = use.event
            if event.task != task and task in split:
                mine = _own_before(timeline, task, event.name, event.pos)
                if event.pos > timeline.first[task] and mine is not None:
                    yield _problem(
                        task,
                        event,
                        at[use.pos],
                        mine.statement,
                        f"between the cells of task {task!r}, {_maker(event)} sets it anew",
                    )
                    continue
                seen = timeline.missed.get((task, event.name), timeline.saw_all.get(task))
                if seen is not None and seen < event.pos and not event.name.startswith("@"):
                    why = f"an earlier cell of task {task!r} looks for it before {_maker(event)} sets it"
                    yield _problem(task, event, at[use.pos], at[seen], why)
                    continue
                before = taken.setdefault(event.name, event)
                if before is not event and not _made_of(event, before):
                    yield _problem(
                        task, event, at[use.pos], before.statement, f"the cells of task {task!r} see two versions of it"
                    )
            elif event.task != task and event.task in split and event.kind is not Kind.DEFINE:
                last = timeline.touched[event.task][event.name]
                if last.pos > use.pos:
                    yield _problem(
                        event.task,
                        last,
                        at[use.pos],
                        event.statement,
                        f"task {task!r} reads it before a later cell of task {event.task!r} changes it",
                    )


def _split_tasks(timeline: Timeline) -> set[str]:
    seen: set[str] = set()
    split: set[str] = set()
    previous: str | None = None
    for statement in timeline.statements:
        task = statement.task
        if task is None or task == previous:
            continue
        if task in seen:
            split.add(task)
        seen.add(task)
        previous = task
    return split


def _own_before(timeline: Timeline, task: str, name: str, pos: int) -> Event | None:
    return next((e for e in timeline.history.get(name, ()) if e.task == task and e.pos < pos), None)


def _made_of(event: Event, older: Event) -> bool:
    """Say whether both versions are source that is carried one after the other."""
    while event.kind is Kind.DEFINE and event.prev is not None:
        event = event.prev
        if event is older:
            return True
    return False


def _maker(event: Event) -> str:
    return f"task {event.task!r}" if event.task else "a cell"


def _problem(task: str, event: Event, reader: Statement, other: Statement | None, why: str) -> Diagnostic:
    cells = sorted({s.cell.number for s in (event.statement, other, reader) if s is not None})
    shown = " and ".join([", ".join(map(str, cells[:-1])), str(cells[-1])]) if len(cells) > 1 else str(cells[0])
    name = event.name.removeprefix("@")
    return Diagnostic(
        "task-split",
        Severity.ERROR,
        f"task {task!r} stands in several places, and {name!r} would differ from the kernel's: {why} (cells {shown})",
        reader.cell.number,
        reader.piece.line,
        task,
        "Put the cells of the task side by side, or give the later ones a task of their own.",
    )
