"""Problems found in a notebook before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Fix:
    """A change of tags that a tool can apply: `cell` (its id) gets `tags` in place of the ones it has."""

    title: str
    cell: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Diagnostic:
    """One problem: a stable `code` (`undefined-name`, `tag-unknown`, ...), where it is, and what to do."""

    code: str
    severity: Severity
    message: str
    cell: int | None = None
    line: int | None = None
    task: str | None = None
    hint: str | None = None
    fix: Fix | None = None
