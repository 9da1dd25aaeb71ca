"""What a run would do, and work that runs in processes of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from nbprod.server.models.base import Model, Problem


class RunOptions(Model):
    """What to run. `only` and `start_from` name tasks."""

    path: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    only: list[str] = Field(default_factory=list)
    start_from: list[str] = Field(default_factory=list)
    force: bool = False
    workers: int | None = Field(default=None, ge=1)
    """How many tasks may run at the same time; else what `pipelines.yaml` says."""


class TaskPlan(Model):
    name: str
    action: Literal["run", "cached", "unknown"]
    reason: str
    cached_from: str | None = None


class Plan(Model):
    tasks: list[TaskPlan]


JobKind = Literal["run", "sweep", "preview", "promote", "serve", "report", "explore"]


JobStatus = Literal["running", "done", "failed", "cancelled", "lost"]


class Job(Model):
    """A command under way, or ended: `nbprod run`, say. It outlives the page and the server."""

    id: str
    kind: JobKind
    path: str
    """The notebook."""
    pipeline: str
    status: JobStatus
    created: float
    finished: float | None = None
    events: int = 0
    """How many events it has given so far."""
    run: str | None = None
    """Of a run, its id once it has one; of a promotion and its preview, the run that is promoted."""
    sweep: str | None = None
    error: Problem | None = None
    result: JsonValue = None
    """What the command printed last, when it has ended well: the model version, the service, the path of a report or notebook."""


class JobEvent(Model):
    """The `number`-th event (from 0) of a job, as `nbprod ... --json` prints it: `{"event": "task-started", ...}`.

    The last one is `{"event": "job-ended", "status": ...}`, by the server, when the process has gone and the job's state is written.

    As a Jupyter event of the schema `https://nbprod.dev/events/job` it reaches every page as it happens; pages that were not there
    ask for those they lack.
    """

    job: str
    kind: JobKind
    path: str
    number: int
    data: dict[str, JsonValue]


class JobEvents(Model):
    """A job and some of its events, in order. Where numbers are left out, so is what was printed then; if the last one is not the
    job's last, more are to be asked for.
    """

    job: Job
    events: list[JobEvent]


class ExploreOptions(Model):
    """A notebook in which a task's inputs are loaded, to look into it."""

    path: str
    run: str
    task: str
