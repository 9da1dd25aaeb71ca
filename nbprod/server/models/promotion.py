"""Model versions, promotion and services."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from nbprod.server.models.base import Model, Problem
from nbprod.server.models.documents import Serve
from nbprod.server.models.runs import Run


class GateCheck(Model):
    metric: str
    value: float | None
    wanted: str
    passed: bool


class PromotePreview(Model):
    """What promoting would do: which run, whether the gate is met, what becomes the service."""

    run: Run
    model: str
    checks: list[GateCheck]
    met: bool
    serve: Serve | None = None
    champion: str | None = None
    problem: Problem | None = None


class PromoteOptions(Model):
    path: str
    run: str | None = None
    allow_pickle: bool = False


class ModelVersion(Model):
    model: str
    version: int
    name: str
    pipeline: str
    run: str
    status: Literal["building", "ready", "failed"]
    aliases: list[str]
    metrics: dict[str, float | None]
    created: float
    error: str | None = None
    lineage: dict[str, JsonValue]
    signature: JsonValue = None
    """The JSON Schemas of what the service takes and gives, by route, as the Bento has them."""
    sample: JsonValue = None


class Service(Model):
    name: str
    version: int
    status: Literal["starting", "running", "stopped", "dead"]
    url: str
    started: float


class Models(Model):
    versions: list[ModelVersion]
    services: list[Service]


class ServeOptions(Model):
    path: str
    version: int | None = None
    port: int | None = Field(default=None, ge=1, le=65535)


class PredictRequest(Model):
    path: str
    data: JsonValue
    route: str = "predict"


class Prediction(Model):
    url: str
    answer: JsonValue
    seconds: float


class Text(Model):
    text: str
