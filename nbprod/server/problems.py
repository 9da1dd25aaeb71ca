"""What an error becomes in an answer: a `Problem` and a status, decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nbprod.errors import Location, NbprodError
from nbprod.server.models import Problem

_PARTS = ("file", "task", "cell", "line")


class BadRequestError(NbprodError, ValueError):
    """The body or the query of a request is not what the route takes."""

    status = 422


def problem_of(error: NbprodError, root: Path | None = None) -> Problem:
    """Return an error as the panel shows it; its file is relative to the server's root where it lies below."""
    where = vars(error.where)
    file = where["file"]
    if file is not None and root is not None and Path(file).is_relative_to(root):
        file = Path(file).relative_to(root).as_posix()
    return Problem(message=str(error), what=error.what, fix=error.fix, **{**where, "file": file})


def problem_from(value: Mapping[str, Any] | None, root: Path | None = None) -> Problem | None:
    """Return an error that was written down as plain values."""
    if value is None:
        return None
    what = str(value.get("what") or value.get("message") or "it failed")
    where = Location(**{name: value.get(name) for name in _PARTS})
    found = problem_of(NbprodError(what, where=where, fix=value.get("fix")), root)
    return found.model_copy(update={"message": value["message"]}) if value.get("message") else found


def refused(error: ValidationError, what: str) -> BadRequestError:
    """Return the error for a request that is not what the route takes: each field with what is wrong."""
    lines = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(map(str, one["loc"]))
        lines.append(f"{place}: {one['msg']}" if place else one["msg"])
    shown = "; ".join(lines[:5]) + (f" (and {len(lines) - 5} more)" if len(lines) > 5 else "")
    return BadRequestError(
        f"{what} is not what this takes: {shown}", fix="GET /nbprod/api/openapi.json says what it takes."
    )
