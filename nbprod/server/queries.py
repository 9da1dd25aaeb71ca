"""What the panel asks in the query of a URL."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nbprod.server.models import RunStatus


class _Query(BaseModel):
    model_config = ConfigDict(
        extra="ignore", use_attribute_docstrings=True
    )  # Jupyter adds names of its own, `token` say


class At(_Query):
    path: str
    """The notebook."""


class MaybeAt(_Query):
    path: str | None = None
    """The notebook; without it, those of all projects that the server has seen."""


class After(_Query):
    after: int = Field(default=0, ge=0)
    """The number of the first event that is wanted."""
    log: int = Field(default=512, ge=0, le=8192)
    """How many KiB of what the run printed are wanted at most; the newest are given, events have their numbers."""


class RunsQuery(At):
    status: RunStatus | None = None
    sweep: str | None = None
    where: str = ""
    """Comparisons of metrics and parameters that all hold: `accuracy > 0.9, kind = tree`."""
    limit: int = Field(default=50, ge=1, le=1000)
    offset: int = Field(default=0, ge=0)
    sort: str = Field(default="created", pattern=r"^(created|seconds|status|(metric|parameter):\w+)$")
    """`created`, `seconds`, `status`, `metric:NAME` or `parameter:NAME`."""
    order: Literal["asc", "desc"] = "desc"


class CompareQuery(At):
    ids: str
    """The runs, two or more, separated by commas."""


class NotebookQuery(At):
    task: str | None = None


class PromoteQuery(At):
    run: str | None = None


class LogQuery(At):
    lines: int = Field(default=200, ge=1, le=10_000)
