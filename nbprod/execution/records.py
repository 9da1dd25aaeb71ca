"""What is remembered of runs: a run is a durable object that has an id at once and outlives the process that runs it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbprod.errors import NotFoundError
from nbprod.execution import processes
from nbprod.execution.database import Database, Place, Taken, database
from nbprod.execution.events import Status
from nbprod.execution.orm import Connection
from nbprod.execution.tables import Files, Metrics, Runs, TaskRuns


@dataclass(frozen=True)
class TaskRun:
    """One task of a run. `cached_from` is the run that computed it; `notebook` the executed notebook, if kept."""

    task: str
    status: Status
    reason: str
    key: str | None = None
    trace: int | None = None
    cached_from: str | None = None
    attempts: int = 0
    started: float | None = None
    finished: float | None = None
    seconds: float | None = None
    notebook: str | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TaskResults:
    """The metrics that a task gave, and the files that it read and wrote with their hashes."""

    metrics: Mapping[str, float]
    read: Mapping[str, str | None]
    written: Mapping[str, str | None]


@dataclass(frozen=True)
class Run:
    """One execution of a pipeline. `outputs` maps each saved variable to its artifact's digest."""

    id: str
    pipeline: str
    notebook: str
    status: Status
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    outputs: Mapping[str, str]
    options: Mapping[str, Any]
    created: float
    finished: float | None = None
    error: Mapping[str, Any] | None = None
    sweep: str | None = None
    trial: int | None = None
    host: str = ""
    pid: int = 0
    process_started: float | None = None
    tasks: tuple[TaskRun, ...] = field(default=(), compare=False)

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it runs."""
        return None if self.finished is None else self.finished - self.created

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["tasks"] = [vars(task) for task in self.tasks]
        values["seconds"] = self.seconds
        return values


class Records:
    """The runs of a project, read and written by any number of processes."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @classmethod
    def open(cls, project: Place) -> Records:
        """Return the records of a project."""
        return cls(database(project))

    def start_run(
        self,
        pipeline: str,
        notebook: str,
        parameters: Mapping[str, Any],
        *,
        options: Mapping[str, Any] | None = None,
        sweep: str | None = None,
        trial: int | None = None,
    ) -> Run:
        """Enter a run of this process, running from now on, and return it."""
        host, pid, process_started = processes.me()
        while True:
            now = time.time()
            run = Run(
                id=new_id(now),
                pipeline=pipeline,
                notebook=notebook,
                status=Status.RUNNING,
                parameters=dict(parameters),
                metrics={},
                outputs={},
                options=dict(options or {}),
                created=now,
                sweep=sweep,
                trial=trial,
                host=host,
                pid=pid,
                process_started=process_started,
            )
            values = {name: getattr(run, name) for name in Run.__dataclass_fields__ if name != "tasks"}
            try:
                with self.db.write() as connection:
                    Runs.add(connection, **values)
                return run
            except Taken:
                continue  # another process drew the same id in the same second

    def finish_run(
        self,
        run: str,
        status: Status,
        *,
        metrics: Mapping[str, float] | None = None,
        outputs: Mapping[str, str] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """Enter how a run ended; tasks of it that had not ended are cancelled."""
        values = {"status": status, "finished": time.time(), "error": error}
        if metrics is not None:
            values["metrics"] = dict(metrics)
        if outputs is not None:
            values["outputs"] = dict(outputs)
        with self.db.write() as connection:
            Runs.update(**values).where(Runs.id == run).execute(connection)
            _close_tasks(connection, [run])

    def save_task(self, run: str, task: TaskRun, results: TaskResults | None = None) -> None:
        """Enter the state of a task of a run and, when it has ended, its results, in place of what was entered before."""
        with self.db.write() as connection:
            TaskRuns.put(connection, run=run, **vars(task))
            if results is not None:
                _save_results(connection, run, task.task, results)

    def run(self, run: str) -> Run:
        """Return a run with its tasks by its id, or by the beginning or end of it. Raises `NotFoundError`."""
        self.reconcile()
        with self.db.read() as connection:
            rows = Runs.having(connection, id=run)
            if not rows:
                like = Runs.id.startswith(run) | Runs.id.endswith(run)
                rows = list(Runs.select().where(like).order_by(Runs.id).limit(5).dicts().execute(connection))
            if len(rows) == 1:
                return run_of_row(rows[0], tuple(map(_task, TaskRuns.having(connection, run=rows[0]["id"]))))
        if rows:
            which = ", ".join(row["id"] for row in rows)
            raise NotFoundError(f"run {run!r} can be any of {which}", fix="Give more of it.")
        raise NotFoundError(f"there is no run {run!r}", fix="nbprod runs lists the runs.")

    def runs(
        self, pipeline: str | None = None, *, sweep: str | None = None, status: Status | None = None, limit: int = 50
    ) -> list[Run]:
        """Return the newest runs first, without their tasks."""
        self.reconcile()
        query = Runs.select().order_by(Runs.created.desc(), Runs.id.desc()).limit(limit).dicts()
        for column, value in ((Runs.pipeline, pipeline), (Runs.sweep, sweep), (Runs.status, status)):
            if value is not None:
                query = query.where(column == value)
        with self.db.read() as connection:
            return [run_of_row(row) for row in query.execute(connection)]

    def files(self, run: str) -> dict[str, dict[str, str | None]]:
        """Return the files that a run's tasks read and wrote: `{"read": {path: sha}, "written": {...}}`."""
        found: dict[str, dict[str, str | None]] = {"read": {}, "written": {}}
        with self.db.read() as connection:
            for row in Files.having(connection, run=run):
                found[row["mode"]][row["path"]] = row["sha"]
        return found

    def reconcile(self) -> list[str]:
        """Mark runs of this host as lost whose process is gone, and return their ids."""
        host = processes.me()[0]
        going = Runs.select(Runs.id, Runs.pid, Runs.process_started)
        going = going.where(Runs.status == Status.RUNNING, Runs.host == host)
        with self.db.read() as connection:
            running = list(going.execute(connection))
        lost = [row.id for row in running if not processes.is_alive(row.pid, row.process_started)]
        if lost:
            with self.db.write() as connection:
                left = Runs.update(status=Status.LOST, finished=time.time())
                left.where(Runs.id.in_(lost), Runs.status == Status.RUNNING).execute(connection)
                _close_tasks(connection, lost)
        return lost


def new_id(now: float) -> str:
    """Return a run id that sorts by time and can be read: `2026-11-21T06-41-07-a3f2` (UTC)."""
    return time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(now)) + f"-{os.urandom(2).hex()}"


def _save_results(connection: Connection, run: str, task: str, results: TaskResults) -> None:
    Files.remove(connection, run=run, task=task)
    Metrics.remove(connection, run=run, task=task)
    for mode, found in (("read", results.read), ("written", results.written)):
        for path, sha in found.items():
            Files.add(connection, run=run, task=task, path=path, mode=mode, sha=sha)
    for name, value in results.metrics.items():
        Metrics.put(connection, run=run, name=name, task=task, value=value)


def _close_tasks(connection: Connection, runs: Iterable[str]) -> None:
    unfinished = TaskRuns.run.in_(list(runs)) & TaskRuns.status.in_([Status.PENDING, Status.RUNNING])
    TaskRuns.update(status=Status.CANCELLED, finished=time.time()).where(unfinished).execute(connection)


def run_of_row(row: Mapping[str, Any], tasks: tuple[TaskRun, ...] = ()) -> Run:
    """Return the run that a row of the table holds."""
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    values["status"] = Status(values["status"])
    return Run(**values, tasks=tasks)


def _task(row: Mapping[str, Any]) -> TaskRun:
    values = {name: row[name] for name in TaskRun.__dataclass_fields__}
    values["status"] = Status(values["status"])
    return TaskRun(**values)
