"""What came of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import NbprodError
from nbprod.execution.events import Status
from nbprod.execution.outcome import Outcome
from nbprod.execution.selection import order
from nbprod.notebook.graph import Graph


@dataclass(frozen=True)
class TaskResult:
    """What a run did with a task. `notebook` is the executed notebook, where this run made one."""

    name: str
    status: Status
    reason: str
    seconds: float = 0.0
    cached_from: str | None = None
    error: NbprodError | None = None
    notebook: Path | None = None


@dataclass(frozen=True)
class RunResult:
    """What came of a run. `outputs` maps each variable that was saved to its last version's artifact."""

    id: str
    pipeline: str
    status: Status
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    tasks: tuple[TaskResult, ...]
    outputs: Mapping[str, str]
    graph: Graph
    notebook: Path
    """The author's notebook with what its cells gave in this run."""
    seconds: float
    error: NbprodError | None = None


def blocked(graph: Graph, selected: frozenset[str], outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Return for each selected task that could not run the failed one that it waits for."""
    culprits = {name: name for name, outcome in outcomes.items() if outcome.error is not None}
    for name in order(graph):
        if name in selected and name not in outcomes:
            found = sorted(culprits[upstream] for upstream in graph.nodes[name].upstream if upstream in culprits)
            if found:
                culprits[name] = found[0]
    return {name: culprit for name, culprit in culprits.items() if name not in outcomes}


def task_results(
    graph: Graph, selected: frozenset[str], outcomes: Mapping[str, Outcome], folder: Path
) -> tuple[TaskResult, ...]:
    """Return what came of each selected task, in notebook order."""
    results = []
    waiting = blocked(graph, selected, outcomes)
    for name in graph.nodes:
        if name not in selected:
            continue
        outcome = outcomes.get(name)
        if outcome is None:
            left = Status.SKIPPED if name in waiting else Status.CANCELLED
            results.append(TaskResult(name, left, why_skipped(waiting.get(name))))
            continue
        notebook = folder / "tasks" / f"{name}.ipynb"
        results.append(
            TaskResult(
                name,
                outcome.status,
                outcome.reason,
                outcome.seconds,
                outcome.cached_from,
                outcome.error,
                notebook if notebook.exists() else None,
            )
        )
    return tuple(results)


def why_skipped(culprit: str | None) -> str:
    """Say why a task did not run."""
    return f"{culprit} failed" if culprit else "the run ended before"


def last_versions(graph: Graph, outcomes: Mapping[str, Outcome]) -> tuple[dict[str, str], dict[str, float]]:
    """Return the artifact of each variable and the value of each metric, as the last task that has it left it."""
    outputs: dict[str, str] = {}
    metrics: dict[str, float] = {}
    for name in graph.nodes:
        trace = outcomes[name].trace if name in outcomes else None
        if trace is not None:
            outputs |= trace.digests
            metrics |= trace.metrics
    return outputs, metrics
