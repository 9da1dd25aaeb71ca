"""A pipeline: the tasks that tagged cells form, its parameters, metrics and service.

Built by `read_pipeline`; `Pipeline.resolve` gives the graph, with what runs have taught.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.notebook.cell import Cell, Notebook
from nbprod.notebook.diagnostics import Diagnostic
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Graph


@dataclass(frozen=True)
class Parameter:
    """A name assigned a literal in the cell tagged `parameters`; `type` is `int`, `float`, `str`, `bool`, `list`, ..."""

    name: str
    default: Any
    type: str
    cell: Cell
    line: int
    optional: bool = False


@dataclass(frozen=True)
class Task:
    """A named group of cells that runs as one unit."""

    name: str
    cells: tuple[Cell, ...]
    after: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Serve:
    """What becomes the service: `kind` is `function` (from a `serve` cell) or `estimator` (a fitted variable).

    `samples` are names and call arguments in the notebook that show an input: `(variable,)` for a bare name.
    """

    name: str
    kind: str
    cell: Cell | None
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """What a notebook says, statically."""

    notebook: Notebook
    tasks: Mapping[str, Task]
    parameters: Mapping[str, Parameter]
    metrics: tuple[str, ...]
    serve: Serve | None
    diagnostics: tuple[Diagnostic, ...]

    def resolve(self, facts: Mapping[str, Facts] | None = None, keep: frozenset[str] = frozenset()) -> Graph:
        """Resolve names in notebook order, as a kernel would, with the facts known for each task.

        `keep` names variables to save at their last version, whoever needs them (`@all`: every variable).
        """
        raise NotImplementedError


def read_pipeline(path: str) -> Pipeline:
    """Read a notebook (`.ipynb`, or jupytext's `.py` and `.md`) into a pipeline. Raises `NotebookError`."""
    raise NotImplementedError
