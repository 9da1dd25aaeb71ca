"""The executor that Ploomber's DAG runs with: event driven, it sleeps until a task ends."""

from __future__ import annotations

from typing import Any, Protocol

from ploomber.constants import TaskStatus
from ploomber.exceptions import DAGBuildEarlyStop, DAGBuildError, TaskBuildError
from ploomber.executors.abc import Executor


class Work(Protocol):
    """Computes tasks in threads of its own."""

    def is_settled(self, name: str) -> bool:
        """Return whether the task has a result that can be used."""

    def start(self, name: str) -> None:
        """Have the task computed, unless it is under way or has ended as it is now."""

    def next(self) -> list[str]:
        """Wait until tasks end and return them; nothing when none is under way."""

    def replanned(self) -> bool:
        """Return whether the graph has changed since the DAG was built."""

    def raise_if_failed(self, name: str) -> None:
        """Raise what a task that has ended failed with."""


class EventExecutor(Executor):  # type: ignore[misc]
    """Starts what is ready, whenever a task has ended; ends early when the graph has changed."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def __call__(self, dag: Any, show_progress: bool = False) -> list[Any]:
        """Run the tasks of a rendered DAG.

        Raises `DAGBuildError` when one failed and the others have ended, `DAGBuildEarlyStop` when the graph has changed.
        """
        super().__call__(dag)
        waiting = list(dag)
        while True:
            for name in dict.fromkeys(waiting):
                if dag[name].exec_status == TaskStatus.WaitingExecution:
                    self.work.start(name)
            ended = self.work.next()
            waiting = []
            for name in ended:
                # Ploomber's own bookkeeping: hooks, status of this task and of those after it.
                if name in dag and dag[name].exec_status == TaskStatus.WaitingExecution:
                    try:
                        dag[name]._build(catch_exceptions=True)  # noqa: SLF001
                    except TaskBuildError:
                        continue
                    waiting += dag.get_downstream(name)
            if not ended or self.work.replanned():
                break
        if self.work.replanned():
            raise DAGBuildEarlyStop("the graph has changed")
        failed = [task.name for task in dag.values() if task.exec_status == TaskStatus.Errored]
        if failed:
            raise DAGBuildError(f"failed: {', '.join(failed)}")
        return []  # the records are the report
