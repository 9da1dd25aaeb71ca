"""Runs, whole, in pages and side by side."""

from __future__ import annotations

from pydantic import JsonValue

from nbprod.server.models.base import Model, Problem, RunStatus


class TaskRun(Model):
    task: str
    status: RunStatus
    reason: str
    seconds: float | None = None
    started: float | None = None
    cached_from: str | None = None
    error: Problem | None = None
    has_notebook: bool = False


class Run(Model):
    id: str
    pipeline: str
    path: str | None
    """The notebook, relative to the server's root; null where it lies outside."""
    status: RunStatus
    parameters: dict[str, JsonValue]
    metrics: dict[str, float | None]
    created: float
    seconds: float | None = None
    sweep: str | None = None
    trial: int | None = None
    job: str | None = None
    error: Problem | None = None


class RunPage(Model):
    """Some of the runs, newest first unless asked otherwise; `total` is how many there are in all with that filter."""

    total: int
    runs: list[Run]


class ArtifactInfo(Model):
    name: str
    task: str
    type: str
    bytes: int
    summary: str


class RunDetail(Model):
    run: Run
    tasks: list[TaskRun]
    artifacts: list[ArtifactInfo]
    files: dict[str, list[str]]
    """`read` and `written`."""


class CodeChange(Model):
    """A task whose code differs between runs: a unified diff from the first run to the other."""

    task: str
    run: str
    diff: str


class Comparison(Model):
    """Runs side by side: only rows that differ have `differs`."""

    runs: list[Run]
    parameters: dict[str, list[JsonValue]]
    metrics: dict[str, list[float | None]]
    tasks: dict[str, list[str | None]]
    """For each task its status in each run."""
    code: list[CodeChange]
