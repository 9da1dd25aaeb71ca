"""How a run is shown while it goes on: a live table on a terminal, lines in a pipe, JSON lines for a program."""

from __future__ import annotations

import json
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

from nbprod.cli.common import number, plain, seconds
from nbprod.execution.events import (
    Event,
    Replanned,
    RunFinished,
    RunStarted,
    Status,
    TaskCell,
    TaskFinished,
    TaskQueued,
    TaskStarted,
)

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

COLOURS = {
    Status.PENDING: "dim",
    Status.RUNNING: "cyan",
    Status.CACHED: "blue",
    Status.DONE: "green",
    Status.FAILED: "bold red",
    Status.CANCELLED: "yellow",
    Status.SKIPPED: "yellow",
    Status.LOST: "red",
}
SYMBOLS = {
    Status.PENDING: "·",
    Status.RUNNING: "▸",
    Status.CACHED: "=",
    Status.DONE: "✓",
    Status.FAILED: "✗",
    Status.CANCELLED: "■",
    Status.SKIPPED: "-",
    Status.LOST: "?",
}


class Progress(Protocol):
    """A context manager that is called with each event."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def __call__(self, event: Event) -> None: ...


def progress(*, as_json: bool) -> Progress:
    """Return the display that fits where the output goes."""
    if as_json:
        return JsonLines()
    return LiveTable() if sys.stdout.isatty() else Lines()


class _Stream:
    """Writes on standard output as events come; all of it is there when the run has ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()


class JsonLines(_Stream):
    """One JSON object a line: every event."""

    def __call__(self, event: Event) -> None:
        click.echo(json.dumps(plain(event.to_json()), ensure_ascii=False))


class Lines(_Stream):
    """One line for each thing worth knowing."""

    def __call__(self, event: Event) -> None:
        text = describe(event)
        if text:
            click.echo(text)


def describe(event: Event) -> str | None:
    """Return the line that tells of an event; `None` for one that a reader need not know of."""
    match event:
        case RunStarted():
            values = ", ".join(f"{name}={number(value)}" for name, value in event.parameters.items())
            return f"run {event.run} of {event.pipeline}" + (f" with {values}" if values else "")
        case TaskStarted():
            return (
                f"{event.task}: {event.reason}"
                if event.reason.startswith("runs")
                else f"{event.task}: runs: {event.reason}"
            )
        case TaskFinished(status=Status.CACHED | Status.SKIPPED):
            return f"{event.task}: {event.reason}"
        case TaskFinished():
            return f"{event.task}: {event.status} in {seconds(event.seconds)}"
        case Replanned():
            again = f"; again: {', '.join(event.pending)}" if event.pending else ""
            return f"{event.taught_by} showed more than its code says: planned anew{again}"
        case RunFinished():
            return summary(event)
        case _:
            return None


def summary(event: RunFinished) -> str:
    """Return the last line about a run: its state, time and metrics."""
    values = ", ".join(f"{name} {number(value)}" for name, value in event.metrics.items())
    return f"{event.status} in {seconds(event.seconds)}" + (f": {values}" if values else "")


class _Row:
    def __init__(self) -> None:
        self.status = Status.PENDING
        self.note = ""
        self.started: float | None = None
        self.seconds: float | None = None

    @property
    def time(self) -> str:
        if self.status is Status.RUNNING and self.started is not None:
            return seconds(time.time() - self.started)
        return "" if self.status is Status.CACHED else seconds(self.seconds)


class LiveTable:
    """A table of tasks that is redrawn as they go on; it stays on the screen when the run has ended."""

    def __init__(self) -> None:
        self.rows: dict[str, _Row] = {}
        self.title = ""
        self.last = ""
        self.lock = threading.Lock()
        self.live: Live | None = None

    def __enter__(self) -> Self:
        from rich.live import Live

        self.live = Live(get_renderable=self.table, refresh_per_second=8, transient=False)
        self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.__exit__(kind, error, trace)
        if self.last:
            click.echo(self.last)

    def __call__(self, event: Event) -> None:
        with self.lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.title = describe(event) or ""
                self.rows = {name: _Row() for name in event.tasks}
            case TaskQueued():
                self._set(event.task, Status.PENDING, event.reason)
            case TaskStarted():
                self._set(event.task, Status.RUNNING, event.reason)
                self.rows[event.task].started = event.at
            case TaskCell():
                self._set(event.task, Status.RUNNING, f"cell {event.cell} ({event.index} of {event.total})")
            case TaskFinished():
                self._set(event.task, event.status, event.error.splitlines()[0] if event.error else event.reason)
                self.rows[event.task].seconds = event.seconds
            case Replanned():
                for name in event.pending:
                    self._set(name, Status.PENDING, f"again: {event.taught_by} showed more than its code says")
            case RunFinished():
                self.last = summary(event)
            case _:
                pass

    def _set(self, task: str, status: Status, note: str) -> None:
        row = self.rows.setdefault(task, _Row())
        row.status, row.note = status, note

    def table(self) -> Group:
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        with self.lock:
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            table.add_column("task", no_wrap=True)
            table.add_column("state", no_wrap=True)
            table.add_column("time", justify="right", no_wrap=True)
            table.add_column("", overflow="ellipsis", no_wrap=True)
            for name, row in self.rows.items():
                colour = COLOURS[row.status]
                state = Text(f"{SYMBOLS[row.status]} {row.status}", style=colour)
                table.add_row(Text(name), state, row.time, Text(row.note, style="dim"))
            return Group(Text(self.title), table)
