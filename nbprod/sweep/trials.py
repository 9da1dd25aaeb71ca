"""Sweeps and trials as they are remembered in the records."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nbprod.errors import NotFoundError
from nbprod.execution import processes, tables
from nbprod.execution.database import Place, database
from nbprod.execution.events import Status
from nbprod.execution.records import new_id
from nbprod.sweep.plan import SweepPlan


@dataclass(frozen=True)
class Trial:
    """One set of parameter values, the run that tried it, and what came of it.

    `tasks` counts the run's tasks by the state they ended in, so that what was shared shows.
    """

    number: int
    status: Status
    parameters: Mapping[str, Any]
    run: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    started: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Sweep:
    """A sweep and its trials so far, in the order in which they were proposed."""

    id: str
    pipeline: str
    status: Status
    plan: SweepPlan
    trials: tuple[Trial, ...]
    created: float
    finished: float | None = None

    @property
    def best(self) -> Trial | None:
        """The best finished trial on the first metric that is optimised, the earlier one of equals."""
        metric, direction = next(iter(self.plan.optimize.items()))
        done = [t for t in self.trials if t.status.is_good() and math.isfinite(t.metrics.get(metric, math.nan))]
        if not done:
            return None
        return min(done, key=lambda t: (t.metrics[metric] * (1 if direction == "minimize" else -1), t.number))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, the best trial's number included."""
        best = self.best
        return {
            "id": self.id,
            "pipeline": self.pipeline,
            "status": self.status,
            "plan": self.plan.to_json(),
            "trials": [asdict(trial) for trial in self.trials],
            "created": self.created,
            "finished": self.finished,
            "best": None if best is None else best.number,
        }


class Sweeps:
    """The sweeps of a project, read and written by any number of processes."""

    def __init__(self, project: Place) -> None:
        self._db = database(project)

    def start(self, pipeline: str, plan: SweepPlan) -> str:
        """Enter a sweep of this process and return its id."""
        host, pid, process_started = processes.me()
        now = time.time()
        sweep = new_id(now)
        with self._db.write() as connection:
            tables.Sweeps.add(
                connection,
                id=sweep,
                pipeline=pipeline,
                status=Status.RUNNING,
                plan=plan.to_json(),
                host=host,
                pid=pid,
                process_started=process_started,
                created=now,
            )
        return sweep

    def take_over(self, sweep: str, plan: SweepPlan) -> None:
        """Enter that this process goes on with a sweep that had stopped."""
        host, pid, process_started = processes.me()
        self._update(
            sweep,
            status=Status.RUNNING,
            plan=plan.to_json(),
            host=host,
            pid=pid,
            process_started=process_started,
            finished=None,
        )

    def finish(self, sweep: str, status: Status) -> None:
        """Enter how a sweep ended."""
        self._update(sweep, status=status, finished=time.time())

    def save(self, sweep: str, trial: Trial) -> None:
        """Enter the state of a trial, in place of what was entered for it before."""
        with self._db.write() as connection:
            tables.Trials.put(connection, sweep=sweep, **asdict(trial))

    def get(self, sweep: str | None = None, pipeline: str | None = None) -> Sweep:
        """Return a sweep by its id or the end of it; without one the newest (of a pipeline). Raises `NotFoundError`."""
        self.reconcile()
        table = tables.Sweeps
        query = table.select().order_by(table.created.desc())
        if sweep is not None:
            query = query.where((table.id == sweep) | table.id.endswith(sweep))
        if pipeline is not None:
            query = query.where(table.pipeline == pipeline)
        found = self._read(query.limit(1))
        if not found:
            what = f"there is no sweep {sweep!r}" if sweep else f"{pipeline or 'the project'} has no sweep yet"
            raise NotFoundError(what, fix="nbprod sweep starts one")
        return found[0]

    def all(self, pipeline: str | None = None) -> list[Sweep]:
        """Return the sweeps (of a pipeline), the newest first."""
        self.reconcile()
        table = tables.Sweeps
        query = table.select().order_by(table.created.desc())
        return self._read(query if pipeline is None else query.where(table.pipeline == pipeline))

    def _read(self, query: Any) -> list[Sweep]:
        trials: dict[str, list[Trial]] = {}
        table = tables.Trials
        with self._db.read() as connection:
            rows = list(query.execute(connection))
            wanted = table.select().where(table.sweep.in_([row.id for row in rows])).order_by(table.number)
            for row in wanted.dicts().execute(connection):
                of = trials.setdefault(row.pop("sweep"), [])
                of.append(Trial(**{**row, "status": Status(row["status"])}))
        return [
            Sweep(
                row.id,
                row.pipeline,
                Status(row.status),
                SweepPlan.from_json(row.plan),
                tuple(trials.get(row.id, ())),
                row.created,
                row.finished,
            )
            for row in rows
        ]

    def reconcile(self) -> None:
        """Mark sweeps of this host as lost whose process is gone."""
        host = processes.me()[0]
        table = tables.Sweeps
        going = table.select(table.id, table.pid, table.process_started)
        with self._db.read() as connection:
            running = list(going.where(table.status == Status.RUNNING, table.host == host).execute(connection))
        for row in running:
            if not processes.is_alive(row.pid, row.process_started):
                self.finish(row.id, Status.LOST)

    def _update(self, sweep: str, **values: Any) -> None:
        with self._db.write() as connection:
            tables.Sweeps.update(**values).where(tables.Sweeps.id == sweep).execute(connection)
