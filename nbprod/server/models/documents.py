"""The notebook as it is in the editor, and what it says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from nbprod.server.models.base import Model, Problem, Role, Severity


class CellSource(Model):
    """A code cell of the open document (markdown cells carry headings for suggestions)."""

    id: str
    type: Literal["code", "markdown", "raw"] = "code"
    source: str
    tags: list[str] = Field(default_factory=list)


class Document(Model):
    """A notebook, saved or not: all its cells in order."""

    path: str
    kernel: str = "python3"
    language: str = "python"
    cells: list[CellSource]


class CellFix(Model):
    """A change of tags that mends a problem: the cell gets these in place of the ones it has."""

    title: str
    cell: str
    tags: list[str]


class Diagnostic(Model):
    code: str
    severity: Severity
    message: str
    cell: str | None = None
    number: int | None = None
    line: int | None = None
    task: str | None = None
    hint: str | None = None
    fix: CellFix | None = None


class CellMark(Model):
    """What a cell is to the pipeline. `task` is null for what is skipped or only carried; `starts` is true where the cell's own tag names the task."""

    id: str
    number: int
    task: str | None = None
    starts: bool = False
    roles: list[Role] = Field(default_factory=list)


class TaskNode(Model):
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


class Edge(Model):
    """`variables` is empty for an order edge."""

    source: str
    target: str
    variables: list[str]


class Parameter(Model):
    name: str
    type: str
    default: JsonValue
    optional: bool = False
    value: JsonValue = None
    """What `pipelines.yaml` says, else the default."""
    space: JsonValue = None
    """The space that `pipelines.yaml` gives it for sweeps: a list, or `{low, high, log, step}`."""


class Serve(Model):
    """What becomes the service; `node` holds what it takes along, as a task would."""

    name: str
    kind: Literal["function", "estimator"]
    inputs: dict[str, str]


class SweepDefaults(Model):
    search: Literal["grid", "random", "tpe"] | None = None
    trials: int | None = None
    parallel: int = 1
    metric: str | None = None
    direction: Literal["maximize", "minimize"] = "maximize"


class Analysis(Model):
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


class SuggestedTask(Model):
    name: str
    cells: list[str]
    why: str


class Suggestion(Model):
    """Tags proposed for an untagged notebook: for each cell that changes, all its tags as they would be."""

    tasks: list[SuggestedTask]
    tags: dict[str, list[str]]
    reasons: dict[str, str] = Field(default_factory=dict)
    """For each of these cells why, in a few words."""
