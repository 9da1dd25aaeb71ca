"""The one family of errors that nbprod raises.

Every message says what went wrong, where, and what to do. The command line prints it without a traceback and
exits with `exit_code`; the server maps `status` to a response in one place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """Where something is: a file, a task, a cell (its 1-based number among code cells) and a 1-based line of it."""

    file: str | None = None
    task: str | None = None
    cell: int | None = None
    line: int | None = None

    def __str__(self) -> str:
        parts = []
        if self.file:
            here = os.path.join(os.getcwd(), "")
            file = self.file.removeprefix(here)  # as a reader in this folder would name it
            parts.append(f"{file}:{self.line}" if self.line and self.cell is None else file)
        if self.task:
            parts.append(f"task {self.task!r}")
        if self.cell is not None:
            parts.append(f"cell {self.cell}" + (f", line {self.line}" if self.line else ""))
        return ", ".join(parts)


class NbprodError(Exception):
    """Something that the caller can put right.

    Args:
        what: What went wrong, a sentence without a full stop at its end.
        where: The place of it.
        fix: What to do about it.
    """

    exit_code = 1
    status = 400

    def __init__(self, what: str, *, where: Location | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where or Location()
        self.fix = fix

    def __str__(self) -> str:
        place = str(self.where)
        text = f"{place}: {self.what}" if place else self.what
        return f"{text}\n  {self.fix}" if self.fix else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.fix, self.__dict__)


def _rebuild(
    kind: type[NbprodError], what: str, where: Location, fix: str | None, state: dict[str, object]
) -> NbprodError:
    error = kind.__new__(kind)
    NbprodError.__init__(error, what, where=where, fix=fix)
    error.__dict__.update(state)
    return error


class NotebookError(NbprodError, ValueError):
    """The notebook cannot be read, or cannot become a pipeline."""


class ConfigError(NbprodError, ValueError):
    """pipelines.yaml, or an option, is wrong."""


class ParameterError(NbprodError, ValueError):
    """A parameter does not exist, or its value has the wrong type."""


class TaskError(NbprodError, RuntimeError):
    """A task's code failed, its kernel died, or it ran out of time."""


class ArtifactError(NbprodError, TypeError):
    """A value cannot be saved, or a saved one cannot be loaded."""


class RunError(NbprodError, RuntimeError):
    """A run did not finish."""


class GateError(NbprodError, RuntimeError):
    """A run does not meet what promotion requires; nothing was stored."""

    exit_code = 3


class PromotionError(NbprodError, RuntimeError):
    """A run cannot become a service: no sample input, a value that cannot be packaged, code that does not stand alone."""


class ParityError(NbprodError, RuntimeError):
    """The packaged service does not answer what the run's own model answers; it is never marked ready."""

    exit_code = 4


class ExportError(NbprodError, RuntimeError):
    """A model version cannot be exported: a package is missing, a folder is taken, or what was made does not pass its check."""


class ServiceError(NbprodError, RuntimeError):
    """A service cannot start, stop or answer."""


class NotFoundError(NbprodError, LookupError):
    """There is no such pipeline, run, model version or service."""

    status = 404


class ConflictError(NbprodError, RuntimeError):
    """What is asked for cannot be while something else is as it is: a run goes on, or a model version needs it."""

    status = 409


class Cancelled(NbprodError):
    """The user stopped the run."""

    exit_code = 130
