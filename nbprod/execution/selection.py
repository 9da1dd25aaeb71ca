"""Which tasks a run is about, in which order, and what each may use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import TopologicalSorter
from typing import Any

from nbprod.errors import Location, NotFoundError
from nbprod.notebook.graph import Graph
from nbprod.notebook.pipeline import Pipeline


@dataclass(frozen=True)
class Limits:
    """What a task may use: seconds for the whole of it and for each cell, and how often it is started again."""

    timeout: float | None = None
    cell_timeout: float | None = None
    retries: int = 0


@dataclass(frozen=True)
class Request:
    """What a run is asked to do. `select` gives, for a graph, the tasks that are part of it and those forced to run."""

    select: Callable[[Graph], tuple[frozenset[str], frozenset[str]]]
    limits: Callable[[str], Limits]
    keep: frozenset[str] = frozenset()
    workers: int = 1


def order(graph: Graph) -> list[str]:
    """Return the tasks in notebook order, moved only where an edge asks for it."""
    place = {name: number for number, name in enumerate(graph.nodes)}
    sorter = TopologicalSorter({name: [u for u in node.upstream if u in place] for name, node in graph.nodes.items()})
    sorter.prepare()
    done: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        done += ready
        sorter.done(*ready)
    return done


def watched(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return for each task its inputs that a later one, or the service, takes too: changes in place must be noticed."""
    later: set[str] = set(graph.serve.inputs) if graph.serve else set()
    found: dict[str, tuple[str, ...]] = {}
    for name in reversed(list(graph.nodes)):
        inputs = graph.nodes[name].inputs
        found[name] = tuple(sorted(later & inputs.keys()))
        later.update(inputs)
    return found


def check_tasks(pipeline: Pipeline, names: Collection[str]) -> None:
    for name in names:
        if name not in pipeline.tasks:
            close = get_close_matches(name, pipeline.tasks, n=1)
            raise NotFoundError(
                f"there is no task {name!r}",
                where=Location(file=str(pipeline.notebook.path)),
                fix=(f"Did you mean {close[0]!r}? " if close else "") + f"Tasks: {', '.join(pipeline.tasks)}.",
            )


def select(
    graph: Graph, only: Collection[str], start_from: Collection[str], force: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tasks that are part of a run, and those of them that are computed anew."""
    selected = set(graph.nodes)
    if only:
        selected, open_ = set(), list(only)
        while open_:
            name = open_.pop()
            if name in graph.nodes and name not in selected:
                selected.add(name)
                open_ += graph.nodes[name].upstream
    forced = set((only or selected) if force else ())
    for name in order(graph):
        if name in start_from or (start_from and graph.nodes[name].upstream & forced and not force):
            forced.add(name)
    return frozenset(selected), frozenset(forced & selected)


def limits_of(value: Any) -> Limits:
    get = value.get if isinstance(value, Mapping) else lambda name, default=None: getattr(value, name, default)
    return Limits(get("timeout"), get("cell_timeout"), get("retries") or 0)


def together(own: Limits | None, general: Limits) -> Limits:
    if own is None:
        return general
    return Limits(
        own.timeout if own.timeout is not None else general.timeout,
        own.cell_timeout if own.cell_timeout is not None else general.cell_timeout,
        own.retries or general.retries,
    )
