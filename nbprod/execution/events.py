"""What happens in a run, as it happens."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """The state of a run or of one of its tasks."""

    PENDING = "pending"
    RUNNING = "running"
    CACHED = "cached"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    """A task that could not run because one that it depends on failed."""
    LOST = "lost"
    """A run whose process is gone."""

    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (Status.PENDING, Status.RUNNING)

    def is_good(self) -> bool:
        """Whether its results can be used."""
        return self in (Status.DONE, Status.CACHED)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in the run `run`; `at` is in seconds since 1970."""

    run: str
    at: float = field(default_factory=time.time)

    @property
    def kind(self) -> str:
        """The event's name in JSON: `run-started`, `task-finished`, ..."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values with the event's name under `event`."""
        return {"event": self.kind, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    pipeline: str
    parameters: Mapping[str, Any]
    tasks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    status: Status
    seconds: float
    metrics: Mapping[str, float]
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskQueued(Event):
    """The task has to run, and why; it waits for a worker."""

    task: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TaskStarted(Event):
    task: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TaskCell(Event):
    """The task begins the author's cell with this number, its `index`-th of `total`."""

    task: str
    cell: int
    index: int
    total: int


@dataclass(frozen=True, kw_only=True)
class TaskLog(Event):
    """The task printed `text`; `stream` is `stdout` or `stderr`."""

    task: str
    stream: str
    text: str
    cell: int | None = None


@dataclass(frozen=True, kw_only=True)
class TaskFinished(Event):
    """`reason` says why it ran, or of a cached one which run computed it (`cached from run ...`)."""

    task: str
    status: Status
    seconds: float
    reason: str
    cached_from: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Replanned(Event):
    """What a task taught changed the graph: `pending` are the tasks that this puts back."""

    taught_by: str
    pending: tuple[str, ...]


Listener = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Listen to nothing."""
