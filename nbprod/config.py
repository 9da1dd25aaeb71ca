"""`pipelines.yaml`: what a project says about its pipelines, checked once when it is read."""

from __future__ import annotations

import ast
import datetime as dt
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


class HoldoutConfig(_Model):
    """The held-out rows of a run, where they cannot be found: variables of the notebook."""

    rows: str | None = None
    """The variable with the rows that the serve function is asked."""
    truth: str | None = None
    """The variable with the right answers."""
    answer: str | None = None
    """The column of the serve function's answer that is compared with them."""


class PromoteConfig(_Model):
    """The gate: what a run must reach to become a model version."""

    require: dict[str, Requirement] = Field(default_factory=dict)
    """For each metric, a comparison such as ">= 0.9"."""
    holdout: HoldoutConfig = Field(default_factory=HoldoutConfig)
    """The rows on which a new model and the champion are compared; found by themselves where they can be."""
    latency_ms: float | None = Field(default=None, gt=0)
    """Milliseconds in which the service must answer the sample's smallest call (the median of 40, over HTTP on this machine)."""
    size_mb: float | None = Field(default=None, gt=0)
    """Megabytes that the version may take."""
    approval: bool = False
    """Whether somebody must approve a version (nbprod models approve) before it becomes the champion."""


class MonitorConfig(_Model):
    """How a service's requests are compared with what its model was made from."""

    window: int = Field(default=1000, ge=200)
    """Rows that are compared: the newest ones."""
    every: float = Field(default=60, ge=1)
    """Seconds between two looks of `nbprod watch` at least; fewer looks need less certainty for an alarm."""
    false_alarms: float = Field(default=0.005, gt=0, le=1)
    """How many false alarms a day are borne at most, on average: 0.005 is two a year."""
    require: dict[str, Requirement] = Field(default_factory=dict)
    """For each metric of rows with feedback, a comparison such as ">= 0.85"."""
    label: str | None = None
    """The field of the answer that feedback is about; it is found from the labels without it."""
    route: str = "predict"
    """The route that feedback is about."""


class WatchConfig(_Model):
    """When `nbprod watch` trains again, and what it does with the new model."""

    data: bool = True
    """Train again when a file that the champion's run has read, or one of `inputs`, is new or changed."""
    cron: str | None = Field(default=None, examples=["0 3 * * *"])
    """Train again at these times: minute, hour, day of the month, month, day of the week."""
    drift: bool = True
    """Train again when requests have drifted, or a metric of labelled rows has become worse."""
    labels: int | None = Field(default=None, ge=1)
    """Train again when so many rows have been labelled (by feedback) since the last time."""
    collect: str | None = None
    """A CSV or Parquet file that the notebook reads: rows with feedback are added to it before it runs."""
    column: str | None = None
    """The column of that file for the label; found from the file's other columns without it."""
    keep: int | None = Field(default=None, ge=1)
    """The newest labelled rows that a run is given; all without it. As many as `labels`: adjacent windows; more: overlapping ones."""
    test: float = Field(default=0.3, gt=0, lt=1)
    """The part of the new labelled rows, the newest, that no model is trained on: champion and challenger are compared on it."""
    gate: Literal["both", "window"] = "both"
    """On which rows a challenger must be no worse than the champion: those frozen with it and the newest labelled ones, or the newest alone
    (when the world has changed, a model that is right today may be worse on rows of then). What `promote.require` asks always holds."""
    cooldown: float = Field(default=3600, ge=0)
    """Seconds after an attempt in which no other one begins."""
    every: float = Field(default=5, gt=0)
    """Seconds between two looks at files, labels and requests."""
    shadow: int = Field(default=200, ge=0)
    """Requests that a challenger answers beside the champion before it takes over; none with 0."""
    patience: float = Field(default=3600, gt=0)
    """Seconds that it waits for those requests; then those that came decide."""
    agree: float = Field(default=0, ge=0, le=1)
    """The part of the shadowed answers that must be the champion's."""
    guard: float = Field(default=600, ge=0)
    """Seconds after a change in which the champion before it comes back if errors or latency get worse."""
    slower: float = Field(default=2, gt=1)
    """How many times the champion's median latency is worse."""
    parameters: Literal["champion", "config"] = "champion"
    """Whose parameters a run gets: those of the champion's run, or those of this file and the notebook."""
    notify: list[str] = Field(default_factory=list)
    """Commands and http(s) addresses that are told of each event, as JSON."""

    @model_validator(mode="after")
    def _check(self) -> WatchConfig:
        if self.cron is not None:
            from cronsim import CronSim, CronSimError

            try:
                CronSim(self.cron, dt.datetime(2026, 1, 1))  # noqa: DTZ001 - only read
            except CronSimError as error:
                raise ValueError(f"cron: {self.cron!r} is no line of cron ({error})") from None
        if self.collect is not None and not self.collect.lower().endswith((".csv", ".parquet")):
            raise ValueError(f"collect: {self.collect!r} should end in .csv or .parquet")
        if self.keep is not None and self.labels is not None and self.keep < self.labels:
            raise ValueError(f"keep ({self.keep}) must not be below labels ({self.labels}): rows would never be used")
        return self


class LogConfig(_Model):
    """What a service keeps of its predictions."""

    enabled: bool = True
    sample: float = Field(default=1, gt=0, le=1)
    """The share of the requests that is kept."""
    megabytes: float = Field(default=256, gt=0)
    """Size beyond which the oldest are removed."""
    days: float = Field(default=30, gt=0)
    """Age beyond which they are removed."""
    leave_out: list[str] = Field(default_factory=list)
    """Columns and arguments that are not kept."""


class ServiceConfig(_Model):
    """How the promoted model is served."""

    name: Name | None = None
    """The service's name; the pipeline's name without it."""
    workers: int = Field(default=1, ge=1)
    """Processes that answer requests."""
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)
    """The port; a free one without it."""
    timeout: float = Field(default=60, ge=0)
    """Seconds that a request may take; 0 for any. A process whose model takes longer is replaced."""
    log: LogConfig = Field(default_factory=LogConfig)


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
    monitor: MonitorConfig = Field(default_factory=MonitorConfig)
    watch: WatchConfig = Field(default_factory=WatchConfig)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: object) -> object:
        return {"notebook": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _collected(self) -> PipelineConfig:
        collect = self.watch.collect
        if collect is not None and collect.lower().endswith(".parquet") and collect not in self.inputs:
            # pyarrow opens it by itself, so no run is seen to read it
            object.__setattr__(self, "inputs", [*self.inputs, collect])
        return self


class ProjectConfig(_Model):
    """The whole of `pipelines.yaml`."""

    pipelines: dict[Name, PipelineConfig] = Field(default_factory=dict)
    """The project's pipelines by name."""
    records: str | None = None
    """URL of the database for runs and models (`sqlite:////FILE`, `postgresql://...`); an SQLite file under .nbprod without it."""


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
