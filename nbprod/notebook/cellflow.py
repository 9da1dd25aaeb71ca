"""The data flow from cell to cell, before there are tasks: what each cell gives to which other one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nbprod.notebook import state, tags
from nbprod.notebook.authoring import outline_of
from nbprod.notebook.cell import Cell, Notebook
from nbprod.notebook.events import Event, Kind, Statement
from nbprod.notebook.timeline import Timeline

_APART = 3.0
"""What it costs to cut between a value and a change of it in place: as much as three values that cross."""
_SOURCE = 0.4
"""What it costs to cut between a definition and its user: source crosses by itself, but is read best beside its use."""


@dataclass(frozen=True)
class Link:
    """Cell `user` takes a version of `name` that cell `maker` made; both are places in `CellFlow.cells`."""

    name: str
    maker: int
    user: int
    source: bool
    """It is a definition or an import."""
    changes: bool
    """The user changes it in place."""


@dataclass(frozen=True)
class CellFlow:
    """The cells of a notebook (blank and skipped ones left out) and what they give to each other."""

    cells: tuple[Cell, ...]
    timeline: Timeline
    links: frozenset[Link]
    statements: dict[int, list[Statement]] = field(repr=False)

    @cached_property
    def taken(self) -> dict[int, list[Link]]:
        """For each cell the links to its users, in the order of these."""
        found: dict[int, list[Link]] = {place: [] for place in range(len(self.cells))}
        for link in sorted(self.links, key=lambda link: (link.user, link.name)):
            found[link.maker].append(link)
        return found

    @cached_property
    def found(self) -> dict[int, list[Link]]:
        """For each cell the links to those that made what it takes."""
        found: dict[int, list[Link]] = {place: [] for place in range(len(self.cells))}
        for link in sorted(self.links, key=lambda link: (link.maker, link.name)):
            found[link.user].append(link)
        return found

    def hidden(self, place: int) -> bool:
        """Say whether the cell changes state that is no variable, a seeded random generator for example."""
        touched = self.timeline.touched.get(_task(self.cells[place]), {})
        quiet = {*state.CARRIED, state.FIGURES}
        return any(name.startswith("@") and name not in quiet for name in touched)

    def costs(self, places: Sequence[int]) -> list[float]:
        """Return what it costs to cut before each of these cells (the first: 0), taking only these into account.

        Each value that crosses costs 1, however often it is used.
        """
        at = {place: number for number, place in enumerate(places)}
        crossing: list[dict[tuple[str, str], float]] = [{} for _ in places]
        for link in self.links:
            if link.maker not in at or link.user not in at:
                continue
            kinds = [("source", _SOURCE)] if link.source else [("value", 1.0)]
            if link.changes and not link.source:
                kinds.append(("change", _APART))
            for cut in range(at[link.maker] + 1, at[link.user] + 1):
                crossing[cut].update({(link.name, kind): cost for kind, cost in kinds})
        return [sum(names.values()) for names in crossing]


def flow_of(notebook: Notebook) -> CellFlow:
    """Follow the values of a notebook from cell to cell: the walk through it with each cell as a task of its own."""
    cells = tuple(
        cell for cell in notebook.cells if cell.source.strip() and "skip" not in tags.read_marks(cell)[0].roles
    )
    alone = tuple(replace(cell, tags=(f"task:{_task(cell)}",)) for cell in cells)
    _, _, _, timeline = outline_of(replace(notebook, cells=alone))
    place = {_task(cell): number for number, cell in enumerate(cells)}
    statements: dict[int, list[Statement]] = {number: [] for number in range(len(cells))}
    for statement in timeline.statements:
        if statement.task is not None:
            statements[place[statement.task]].append(statement)
    return CellFlow(cells, timeline, frozenset(_links(timeline, place)), statements)


def _task(cell: Cell) -> str:
    return f"cell-{cell.number}"


def _links(timeline: Timeline, place: dict[str, int]) -> Iterable[Link]:
    changed = {
        (id(event.prev), event.task)
        for events in timeline.history.values()
        for event in events
        if event.kind is Kind.MUTATE
    }
    for task, uses in timeline.uses.items():
        user = place[task]
        for use in uses:
            event: Event | None = use.event
            while event is not None:
                maker = place.get(event.task) if event.task is not None else None
                if maker is not None and maker != user and not event.name.startswith("@"):
                    yield Link(event.name, maker, user, event.by_source, (id(event), task) in changed)
                # a version that may still be the older one needs that one too
                event = event.prev if event.kind is Kind.SOFT else None
