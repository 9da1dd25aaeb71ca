"""The state of a task in a run."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from nbprod.errors import NbprodError
from nbprod.execution.cache import Key, Trace
from nbprod.execution.cancel import Cancel
from nbprod.execution.events import Status
from nbprod.notebook.graph import Node


@dataclass(frozen=True)
class Outcome:
    """What came of a task in this run, with the bindings of `node` and the inputs of `key`: a trace, or an error."""

    node: Node
    key: Key
    status: Status
    reason: str
    trace: Trace | None = None
    error: NbprodError | None = None
    attempts: int = 0
    started: float | None = None
    finished: float | None = None

    @property
    def seconds(self) -> float:
        """How long this run spent on it; 0 for what was reused."""
        return 0.0 if self.started is None or self.finished is None else self.finished - self.started

    @property
    def cached_from(self) -> str | None:
        """The run that computed what was reused."""
        return self.trace.run if self.trace is not None and self.status is Status.CACHED else None

    def holds_for(self, node: Node, key: Key) -> bool:
        """Return whether a task with these bindings and inputs would come to the same."""
        return self.node == node and self.key.digest == key.digest


@dataclass(eq=False)
class Running:
    """A task that is being computed."""

    node: Node
    key: Key
    reason: str
    watch: tuple[str, ...]
    cancel: Cancel = field(default_factory=Cancel)
    ended: threading.Event = field(default_factory=threading.Event)
    future: Future[None] | None = None
    started: float | None = None
    attempts: int = 0

    def stop(self) -> None:
        """Have it end, and wait until it has."""
        self.cancel.set()
        if self.future is None or not self.future.cancel():
            self.ended.wait()

    def reused(self, trace: Trace) -> Outcome:
        """Return the outcome when another run has computed it meanwhile."""
        return Outcome(self.node, self.key, Status.CACHED, f"cached from run {trace.run}", trace)

    def done(self, trace: Trace, now: float) -> Outcome:
        """Return the outcome of success."""
        return Outcome(self.node, self.key, Status.DONE, self.reason, trace, None, self.attempts, self.started, now)

    def failed(self, error: NbprodError, now: float) -> Outcome:
        """Return the outcome of failure."""
        return Outcome(self.node, self.key, Status.FAILED, self.reason, None, error, self.attempts, self.started, now)


def describe(error: NbprodError) -> dict[str, Any]:
    """Return an error as plain JSON values, for the records."""
    where = error.where
    extra = {name: value for name, value in vars(error).items() if name not in ("what", "where", "fix")}
    return {
        "type": type(error).__name__,
        "message": str(error),
        "what": error.what,
        "fix": error.fix,
        "file": where.file,
        "task": where.task,
        "cell": where.cell,
        "line": where.line,
        **extra,
    }
