"""What a run would do, and why; nothing is run or changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.execution.database import Place
from nbprod.execution.selection import check_tasks, order, select, watched
from nbprod.execution.setting import Setting, values_of
from nbprod.notebook.pipeline import Pipeline


@dataclass(frozen=True)
class TaskPlan:
    """What a run would do with a task. `action` is `run`, `cached` or `unknown` (it depends on what one before it gives)."""

    name: str
    action: str
    reason: str
    cached_from: str | None = None


def plan_pipeline(
    pipeline: Pipeline,
    project: Place,
    *,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    only: Collection[str] = (),
    start_from: Collection[str] = (),
    force: bool = False,
    keep: frozenset[str] = frozenset(),
    inputs: Collection[str] = (),
) -> list[TaskPlan]:
    """Say for each task whether a run would compute it, and why. Nothing is run or changed.

    Takes what `run_pipeline` takes and raises the same for wrong options.
    """
    check_tasks(pipeline, [*only, *start_from])
    setting = Setting(pipeline, project, name, values_of(pipeline, parameters or {}), inputs)
    graph = pipeline.resolve(setting.lessons.read(), keep)
    selected, forced = select(graph, only, start_from, force)
    digests: dict[str, Mapping[str, str]] = {}
    files: dict[str, str | None] = {}
    plans: dict[str, TaskPlan] = {}
    watch = watched(graph)
    for task in order(graph):
        if task not in selected:
            continue
        node = graph.nodes[task]
        if waits := [u for u in sorted(node.upstream) if u not in digests and u in selected]:
            plans[task] = TaskPlan(task, "unknown", f"depends on what {', '.join(waits)} will give")
            if task in forced:
                plans[task] = TaskPlan(task, "run", "forced")
            continue
        loads = {u: digests[u] for u in node.upstream if u in digests}
        key = setting.key(node, loads)
        found = setting.cache.look(key, name, task, node.outputs, watch[task], files)
        if task in forced:
            plans[task] = TaskPlan(task, "run", "forced")
        elif found.trace is None:
            plans[task] = TaskPlan(task, "run", found.reason)
        else:
            plans[task] = TaskPlan(task, "cached", found.reason, found.trace.run)
            digests[task] = found.trace.digests
            files.update((path, sha) for path, sha in found.trace.written.items() if not path.endswith("/"))
    return [plans[task] for task in graph.nodes if task in plans]
