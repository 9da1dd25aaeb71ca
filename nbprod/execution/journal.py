"""What happens to the tasks of one run, told to the listener and entered in the records."""

from __future__ import annotations

import time
from pathlib import Path

from nbprod.execution.events import Listener, Replanned, Status, TaskFinished, TaskQueued, TaskStarted
from nbprod.execution.outcome import Outcome, Running, describe
from nbprod.execution.records import Records, TaskResults, TaskRun


class Journal:
    """The journal of the run `run`, whose executed notebooks are in `folder`."""

    def __init__(self, run: str, folder: Path, records: Records, emit: Listener) -> None:
        self.run = run
        self.folder = folder
        self.records = records
        self.emit = emit

    def queued(self, task: str, running: Running) -> None:
        """The task has to be computed and waits for a worker."""
        self.emit(TaskQueued(run=self.run, task=task, reason=running.reason))
        self.records.save_task(self.run, TaskRun(task, Status.PENDING, running.reason, running.key.digest))

    def started(self, task: str, running: Running) -> None:
        """The task begins, or begins once more."""
        running.attempts += 1
        running.started = running.started or time.time()
        self.emit(TaskStarted(run=self.run, task=task, reason=running.reason))
        state = TaskRun(
            task,
            Status.RUNNING,
            running.reason,
            running.key.digest,
            attempts=running.attempts,
            started=running.started,
        )
        self.records.save_task(self.run, state)

    def ended(self, task: str, outcome: Outcome) -> None:
        """The task has ended, or was found in the cache."""
        trace, error = outcome.trace, outcome.error
        notebook = self.folder / "tasks" / f"{task}.ipynb"
        state = TaskRun(
            task,
            outcome.status,
            outcome.reason,
            outcome.key.digest,
            trace=trace.id if trace else None,
            cached_from=outcome.cached_from,
            attempts=outcome.attempts,
            started=outcome.started,
            finished=outcome.finished,
            seconds=outcome.seconds,
            notebook=str(notebook) if notebook.exists() else None,
            error=None if error is None else describe(error),
        )
        results = TaskResults(trace.metrics, trace.files, trace.written) if trace is not None else None
        self.records.save_task(self.run, state, results)
        self.emit(
            TaskFinished(
                run=self.run,
                task=task,
                status=outcome.status,
                seconds=outcome.seconds,
                reason=outcome.reason,
                cached_from=outcome.cached_from,
                error=None if error is None else str(error),
            )
        )

    def skipped(self, task: str, reason: str) -> None:
        """The task cannot run, since one that it depends on failed."""
        self.records.save_task(self.run, TaskRun(task, Status.SKIPPED, reason))
        self.emit(TaskFinished(run=self.run, task=task, status=Status.SKIPPED, seconds=0.0, reason=reason))

    def replanned(self, task: str, pending: tuple[str, ...]) -> None:
        """What the task taught has put tasks back."""
        self.emit(Replanned(run=self.run, taught_by=task, pending=pending))
