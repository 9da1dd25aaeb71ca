"""`pipelines.yaml`: what a project says about its pipelines, checked once when it is read."""

from __future__ import annotations

import ast
import operator
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    RootModel,
    Tag,
    ValidationError,
    model_validator,
)

from nbprod.validation import explain
from nbprod.yamlfile import read_yaml

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]

_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


class _Model(BaseModel):
    # strict: `trials: true` is no number and `log: "yes"` no boolean
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class TaskResources(_Model):
    """What one task may use."""

    retries: int = Field(default=0, ge=0)
    """How often the task is started again when it fails."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds that the task may take; no limit without it."""
    cell_timeout: float | None = Field(default=None, gt=0)
    """Seconds that each of its cells may take; no limit without it."""


class Range(_Model):
    """Numbers between `low` and `high`, both included; whole numbers where both bounds are."""

    low: int | float
    high: int | float
    log: bool = False
    """Search the exponents evenly rather than the values."""
    step: int | float | None = Field(default=None, gt=0)
    """Only `low`, `low + step`, ... are tried."""

    @model_validator(mode="after")
    def _check(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range must start above 0, not at {self.low}")
        if self.log and self.step is not None:
            raise ValueError("a range has either log or step, not both")
        return self


def _space_kind(value: object) -> str:
    return "range" if isinstance(value, dict | Range) else "choice"


Space = Annotated[
    Annotated[list[JsonValue], Field(min_length=1), Tag("choice")] | Annotated[Range, Tag("range")],
    Discriminator(_space_kind),
]
"""The values that a sweep tries for one parameter: a list of them, or a range."""


class SweepConfig(_Model):
    """A search over parameter values."""

    search: Literal["grid", "random", "tpe"] | None = None
    """How values are proposed; without it a grid where there are few enough choices, else `tpe`."""
    trials: int | None = Field(default=None, ge=1)
    """How many trials; for `grid` the whole grid without it, else 20."""
    parallel: int = Field(default=1, ge=1)
    """Trials that run at the same time."""
    optimize: dict[str, Literal["maximize", "minimize"]] = Field(default_factory=dict)
    """The metrics and their directions; the first one decides which trial is best."""
    space: dict[str, Space] = Field(default_factory=dict)
    """For each parameter, a list of values or a range {low, high, log, step}."""
    seed: int = Field(default=0, ge=0)
    """Seeds the search, so that a sweep can be repeated."""


class Requirement(RootModel[str]):
    """A comparison that a metric must meet, such as `>= 0.9`."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra={"pattern": r"^\s*(>=|<=|>|<|==)\s*\S+\s*$", "examples": [">= 0.9"]}
    )

    @model_validator(mode="before")
    @classmethod
    def _check(cls, value: object) -> object:
        if isinstance(value, Requirement):
            return value.root
        match = re.fullmatch(r"\s*(>=|<=|==|>|<)\s*(\S+)\s*", value) if isinstance(value, str) else None
        try:
            if match:
                return f"{match[1]} {float(match[2])!r}"
        except ValueError:
            pass
        raise ValueError(f'should be a comparison in quotes such as ">= 0.9", not {value!r}')

    @property
    def comparison(self) -> str:
        return self.root.split()[0]

    @property
    def bound(self) -> float:
        return float(self.root.split()[1])

    def holds(self, value: float) -> bool:
        """Say whether `value` meets it; a value that is no number (NaN) never does."""
        return bool(_COMPARISONS[self.comparison](value, self.bound))

    def __str__(self) -> str:
        return self.root


class PromoteConfig(_Model):
    """The evaluation gate: what a run must reach to become a model version."""

    require: dict[str, Requirement] = Field(default_factory=dict)
    """For each metric, a comparison such as ">= 0.9"."""


class ServiceConfig(_Model):
    """How the promoted model is served."""

    name: Name | None = None
    """The service's name; the pipeline's name without it."""
    workers: int = Field(default=1, ge=1)
    """Processes that answer requests."""
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)
    """The port; a free one without it."""


class PipelineConfig(_Model):
    """One pipeline: a notebook, and what differs from its defaults."""

    notebook: str
    """Path of the notebook (.ipynb, or jupytext's .py and .md), relative to the project's root."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """Values in place of the notebook's own defaults."""
    inputs: list[str] = Field(default_factory=list)
    """Files (glob patterns) that the pipeline depends on, besides those that its runs are seen to read."""
    resources: dict[str, TaskResources] = Field(default_factory=dict)
    """For each task, its retries and its time limit."""
    workers: int | None = Field(default=None, ge=1)
    """Tasks that run at the same time; as many as there are processors without it."""
    sweep: SweepConfig = Field(default_factory=SweepConfig)
    promote: PromoteConfig = Field(default_factory=PromoteConfig)
    service: ServiceConfig = Field(default_factory=ServiceConfig)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: object) -> object:
        return {"notebook": value} if isinstance(value, str) else value


class ProjectConfig(_Model):
    """The whole of `pipelines.yaml`."""

    pipelines: dict[Name, PipelineConfig] = Field(default_factory=dict)
    """The project's pipelines by name."""
    records: str | None = None
    """URL of the database for runs and models; an SQLite file under .nbprod without it."""


def read_config(path: Path, shown: str | None = None) -> ProjectConfig:
    """Read `pipelines.yaml`. Raises `ConfigError` that names the file, the line and the nearest valid key."""
    document = read_yaml(path, shown)
    try:
        return ProjectConfig.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        raise explain(error, document, ProjectConfig) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `pipelines.yaml`, for editors."""
    schema = _described(ProjectConfig.model_json_schema())
    shorthand = {"type": "string", "description": "Path of the notebook; everything else has its default."}
    pipelines = schema["properties"]["pipelines"]
    for holder in ("additionalProperties", "patternProperties"):
        if holder == "additionalProperties" and isinstance(pipelines.get(holder), dict):
            pipelines[holder] = {"anyOf": [shorthand, pipelines[holder]]}
        elif holder == "patternProperties" and holder in pipelines:
            pipelines[holder] = {k: {"anyOf": [shorthand, v]} for k, v in pipelines[holder].items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "nbprod pipelines.yaml", **schema}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """Give each key the text below its field as its description: pydantic would read this file for every command (0.05 s)."""
    for model in ast.parse(Path(__file__).read_text("utf-8")).body:
        if isinstance(model, ast.ClassDef) and (known := {**schema["$defs"], schema["title"]: schema}.get(model.name)):
            for field, text in pairwise(model.body):
                match field, text:
                    case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(said))):
                        known["properties"][name]["description"] = said
    return schema
