"""The resolved pipeline: which task takes what from whom, and what stands in front of its cells.

The rule that everything follows: **the prelude of a task replays the notebook up to the task, with each
computation that the task does not own replaced by a load of its result.** Its steps stand in notebook order, so
that a definition is evaluated with the versions of the names that it saw where it was written, and an instance
is loaded under the version of its class that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbprod.notebook.cell import Cell
from nbprod.notebook.diagnostics import Diagnostic


@dataclass(frozen=True)
class Define:
    """Source that is carried into a task: imports, functions, classes, setup magics.

    `source` is whole top-level statements of one cell, as written (IPython syntax included); `line` is the 1-based
    line of the cell on which it starts. `names` are the globals that it binds.
    """

    cell: Cell
    line: int
    source: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Load:
    """Values (and hidden state, `@...`) taken from the artifacts that `task` left.

    Loads from one task may stand in several places of a prelude: each at the place of the versions that it loads.
    """

    task: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Bind:
    """Parameters bound to their values of this run, at the place of the parameters cell."""

    names: tuple[str, ...]


Step = Define | Load | Bind


@dataclass(frozen=True)
class Node:
    """A task with everything resolved.

    `cells` run in this order after `prelude`. If `binds` names parameters, the parameters cell is among `cells`
    and they are bound right after it (Papermill's convention). `outputs` are saved when the cells have run.
    `code` is the normalised text of all code that runs (formatting and comments aside), for the cache key.
    """

    name: str
    cells: tuple[Cell, ...]
    prelude: tuple[Step, ...] = ()
    binds: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    after: frozenset[str] = frozenset()
    """Order edges: `after:` tags and files."""
    defines: frozenset[str] = frozenset()
    """Names that its own cells or its prelude bind by source (functions, classes, imports), not by value."""
    wanted_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each output, the tasks that take it."""
    code: str = ""
    imports: tuple[str, ...] = ()
    """Top-level modules that its code imports."""
    metrics: tuple[str, ...] = ()
    """Outputs of this task that are metrics of the run."""

    @property
    def inputs(self) -> dict[str, str]:
        """The names it loads at the end of its prelude and the task each comes from (a later load wins)."""
        return {name: step.task for step in self.prelude if isinstance(step, Load) for name in step.names}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters whose values it uses, sorted."""
        bound = {name for step in self.prelude if isinstance(step, Bind) for name in step.names}
        return tuple(sorted(bound | set(self.binds)))

    @property
    def upstream(self) -> frozenset[str]:
        """The tasks that must have finished before it starts."""
        return self.after | {step.task for step in self.prelude if isinstance(step, Load)}


@dataclass(frozen=True)
class Graph:
    """All tasks resolved, in notebook order.

    `serve` is the closure of the function that becomes the service, at the end of the notebook: a `Node` without
    cells whose prelude holds the definitions and values that it uses. `None` without a `serve` cell or estimator.
    """

    nodes: Mapping[str, Node]
    serve: Node | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
