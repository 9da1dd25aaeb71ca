"""Sweeps and their trials."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from nbprod.server.models.base import Model, RunStatus


class SweepOptions(Model):
    """A new sweep (`space` as in pipelines.yaml), or one to go on with (`resume`)."""

    path: str
    space: dict[str, JsonValue] = Field(default_factory=dict)
    fixed: dict[str, JsonValue] = Field(default_factory=dict)
    search: Literal["grid", "random", "tpe"] | None = None
    trials: int | None = Field(default=None, ge=1)
    parallel: int | None = Field(default=None, ge=1)
    metric: str | None = None
    direction: Literal["maximize", "minimize"] = "maximize"
    seed: int | None = Field(default=None, ge=0)
    resume: str | None = None
    retry_failed: bool = False


class Trial(Model):
    number: int
    status: RunStatus
    parameters: dict[str, JsonValue]
    run: str | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)
    tasks: dict[str, int] = Field(default_factory=dict)
    error: str | None = None
    seconds: float | None = None


class Sweep(Model):
    id: str
    pipeline: str
    status: RunStatus
    metric: str
    direction: Literal["maximize", "minimize"]
    search: str
    size: int
    parallel: int
    space: dict[str, JsonValue]
    created: float
    finished: float | None = None
    best: int | None = None
    trials: list[Trial]
    importance: dict[str, float] = Field(default_factory=dict)
    """How much each parameter matters to the metric, adding up to 1; empty while there are too few trials."""


class SweepInfo(Model):
    id: str
    pipeline: str
    status: RunStatus
    created: float
    trials: int
    size: int
    best: float | None = None
    metric: str
