"""What the panel sends and gets, as JSON. `openapi.py` publishes these models; the panel's TypeScript types are made from them.

Paths of notebooks are those of Jupyter's contents API: relative to the server's root, with `/`. Times are seconds since 1970, durations
seconds. A cell is named by its nbformat id and shown by its number among the code cells, from 1.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

RunStatus = Literal["pending", "running", "cached", "done", "failed", "cancelled", "skipped", "lost"]
Role = Literal["parameters", "imports", "metrics", "serve", "skip"]
Severity = Literal["error", "warning", "info"]


class _Model(BaseModel):
    # In the OpenAPI document what is asked has the schemas of `validation` (defaults may be left out), what is answered those of
    # `serialization`, in which everything is there.
    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
    )


class Problem(_Model):
    """The body of every answer that is no success: `message` is the whole text, the others are its parts."""

    message: str
    what: str
    fix: str | None = None
    file: str | None = None
    task: str | None = None
    cell: int | None = None
    line: int | None = None


# The notebook, as it is in the editor


class CellSource(_Model):
    """A code cell of the open document (markdown cells carry headings for suggestions)."""

    id: str
    type: Literal["code", "markdown", "raw"] = "code"
    source: str
    tags: list[str] = Field(default_factory=list)


class Document(_Model):
    """A notebook, saved or not: all its cells in order."""

    path: str
    kernel: str = "python3"
    language: str = "python"
    cells: list[CellSource]


class CellFix(_Model):
    """A change of tags that mends a problem: the cell gets these in place of the ones it has."""

    title: str
    cell: str
    tags: list[str]


class Diagnostic(_Model):
    code: str
    severity: Severity
    message: str
    cell: str | None = None
    number: int | None = None
    line: int | None = None
    task: str | None = None
    hint: str | None = None
    fix: CellFix | None = None


class CellMark(_Model):
    """What a cell is to the pipeline. `task` is null for what is skipped or only carried; `starts` is true where the cell's own tag names the task."""

    id: str
    number: int
    task: str | None = None
    starts: bool = False
    roles: list[Role] = Field(default_factory=list)


class TaskNode(_Model):
    """A task of the graph; `code` changes when what it runs changes."""

    name: str
    cells: list[str]
    numbers: list[int]
    upstream: list[str]
    inputs: dict[str, str]
    """The variables it takes and the task each comes from."""
    outputs: list[str]
    parameters: list[str]
    metrics: list[str]
    code: str


class Edge(_Model):
    """`variables` is empty for an order edge."""

    source: str
    target: str
    variables: list[str]


class Parameter(_Model):
    name: str
    type: str
    default: JsonValue
    optional: bool = False
    value: JsonValue = None
    """What `pipelines.yaml` says, else the default."""
    space: JsonValue = None
    """The space that `pipelines.yaml` gives it for sweeps: a list, or `{low, high, log, step}`."""


class Serve(_Model):
    """What becomes the service; `node` holds what it takes along, as a task would."""

    name: str
    kind: Literal["function", "estimator"]
    inputs: dict[str, str]


class SweepDefaults(_Model):
    search: Literal["grid", "random", "tpe"] | None = None
    trials: int | None = None
    parallel: int = 1
    metric: str | None = None
    direction: Literal["maximize", "minimize"] = "maximize"


class Analysis(_Model):
    """The pipeline of a document."""

    pipeline: str
    """Its name in the records."""
    root: str
    """The project's root, relative to the server's; empty for the root itself."""
    listed: bool
    """Whether `pipelines.yaml` lists it."""
    tagged: bool
    """Whether any cell has a task tag."""
    config_problem: Problem | None = None
    """What is wrong with `pipelines.yaml`; the rest is then as if there were none."""
    cells: list[CellMark]
    tasks: list[TaskNode]
    edges: list[Edge]
    parameters: list[Parameter]
    metrics: list[str]
    serve: Serve | None = None
    diagnostics: list[Diagnostic]
    sweep: SweepDefaults
    require: dict[str, str] = Field(default_factory=dict)
    """The gate: for each metric a comparison."""


class SuggestedTask(_Model):
    name: str
    cells: list[str]
    why: str


class Suggestion(_Model):
    """Tags proposed for an untagged notebook: for each cell that changes, all its tags as they would be."""

    tasks: list[SuggestedTask]
    tags: dict[str, list[str]]
    reasons: dict[str, str] = Field(default_factory=dict)
    """For each of these cells why, in a few words."""


# What a run would do


class RunOptions(_Model):
    """What to run. `only` and `start_from` name tasks."""

    path: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    only: list[str] = Field(default_factory=list)
    start_from: list[str] = Field(default_factory=list)
    force: bool = False
    workers: int | None = Field(default=None, ge=1)
    """How many tasks may run at the same time; else what `pipelines.yaml` says."""


class TaskPlan(_Model):
    name: str
    action: Literal["run", "cached", "unknown"]
    reason: str
    cached_from: str | None = None


class Plan(_Model):
    tasks: list[TaskPlan]


# Work: what runs in processes of its own

JobKind = Literal["run", "sweep", "promote", "serve", "report", "explore"]
JobStatus = Literal["running", "done", "failed", "cancelled", "lost"]


class Job(_Model):
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
    """Of a run, its id once it has one; of a promotion, the run that is promoted."""
    sweep: str | None = None
    error: Problem | None = None
    result: JsonValue = None
    """What the command printed last, when it has ended well: the model version, the service, the path of a report or notebook."""


class JobEvent(_Model):
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


class JobEvents(_Model):
    job: Job
    events: list[JobEvent]


# Runs


class TaskRun(_Model):
    task: str
    status: RunStatus
    reason: str
    seconds: float | None = None
    started: float | None = None
    cached_from: str | None = None
    error: Problem | None = None
    has_notebook: bool = False


class Run(_Model):
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


class RunPage(_Model):
    """Some of the runs, newest first unless asked otherwise; `total` is how many there are in all with that filter."""

    total: int
    runs: list[Run]


class ArtifactInfo(_Model):
    name: str
    task: str
    type: str
    bytes: int
    summary: str


class RunDetail(_Model):
    run: Run
    tasks: list[TaskRun]
    artifacts: list[ArtifactInfo]
    files: dict[str, list[str]]
    """`read` and `written`."""


class CodeChange(_Model):
    """A task whose code differs between runs: a unified diff from the first run to the other."""

    task: str
    run: str
    diff: str


class Comparison(_Model):
    """Runs side by side: only rows that differ have `differs`."""

    runs: list[Run]
    parameters: dict[str, list[JsonValue]]
    metrics: dict[str, list[float | None]]
    tasks: dict[str, list[str | None]]
    """For each task its status in each run."""
    code: list[CodeChange]


# Sweeps


class SweepOptions(_Model):
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


class Trial(_Model):
    number: int
    status: RunStatus
    parameters: dict[str, JsonValue]
    run: str | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)
    tasks: dict[str, int] = Field(default_factory=dict)
    error: str | None = None
    seconds: float | None = None


class Sweep(_Model):
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


class SweepInfo(_Model):
    id: str
    pipeline: str
    status: RunStatus
    created: float
    trials: int
    size: int
    best: float | None = None
    metric: str


# Models and services


class GateCheck(_Model):
    metric: str
    value: float | None
    wanted: str
    passed: bool


class PromotePreview(_Model):
    """What promoting would do: which run, whether the gate is met, what becomes the service."""

    run: Run
    model: str
    checks: list[GateCheck]
    met: bool
    serve: Serve | None = None
    champion: str | None = None
    problem: Problem | None = None


class PromoteOptions(_Model):
    path: str
    run: str | None = None
    allow_pickle: bool = False


class ModelVersion(_Model):
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


class Service(_Model):
    name: str
    version: int
    status: Literal["starting", "running", "stopped", "dead"]
    url: str
    started: float


class Models(_Model):
    versions: list[ModelVersion]
    services: list[Service]


class ServeOptions(_Model):
    path: str
    version: int | None = None
    port: int | None = Field(default=None, ge=1, le=65535)


class PredictRequest(_Model):
    path: str
    data: JsonValue
    route: str = "predict"


class Prediction(_Model):
    url: str
    answer: JsonValue
    seconds: float


class Text(_Model):
    text: str


class ExploreOptions(_Model):
    """A notebook in which a task's inputs are loaded, to look into it."""

    path: str
    run: str
    task: str
