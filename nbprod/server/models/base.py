"""What every model has, and the body of every answer that is no success."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

RunStatus = Literal["pending", "running", "cached", "done", "failed", "cancelled", "skipped", "lost"]


Role = Literal["parameters", "imports", "metrics", "serve", "skip"]


Severity = Literal["error", "warning", "info"]


class Model(BaseModel):
    # In the OpenAPI document what is asked has the schemas of `validation` (defaults may be left out), what is answered those of
    # `serialization`, in which everything is there.
    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
    )


class Problem(Model):
    """The body of every answer that is no success: `message` is the whole text, the others are its parts."""

    message: str
    what: str
    fix: str | None = None
    file: str | None = None
    task: str | None = None
    cell: int | None = None
    line: int | None = None
