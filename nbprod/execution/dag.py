"""The graph as a Ploomber DAG. This module and those it imports are the only ones that know Ploomber."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ploomber import DAG
from ploomber.constants import TaskStatus
from ploomber.exceptions import DAGBuildError
from ploomber.sources.abc import Source
from ploomber.tasks.abc import Task

from nbprod.execution.executor import EventExecutor, Work
from nbprod.execution.product import CachedProduct
from nbprod.notebook.graph import Node

logging.getLogger("ploomber").setLevel(logging.CRITICAL)  # a task's failure is told by us, once

_READY = (TaskStatus.Executed, TaskStatus.Skipped)


class CodeSource(Source):  # type: ignore[misc]
    """The code of a task: no template, no file."""

    def __init__(self, primitive: str, hot_reload: bool = False) -> None:
        self._code = primitive
        self._hot_reload = hot_reload

    primitive = property(lambda self: self._code)
    variables = property(lambda self: set())
    loc = property(lambda self: None)
    doc = property(lambda self: "")
    extension = property(lambda self: "ipynb")
    name = property(lambda self: None)
    hot_reload = property(lambda self: False)

    def render(self, params: Any) -> None:
        """Leave the code as it is."""

    def __str__(self) -> str:
        return self._code

    def _post_render_validation(self, rendered_value: Any, params: Any) -> None:
        pass

    def _post_init_validation(self, value: Any) -> None:
        pass


class NotebookTask(Task):  # type: ignore[misc]
    """One task of the pipeline; by the time Ploomber builds it, our executor has computed it."""

    def __init__(self, node: Node, work: Work, dag: DAG) -> None:
        self._source = CodeSource(node.code)
        self.work = work
        self.waits_for: set[str] | None = None
        super().__init__(CachedProduct(node.name, work.is_settled), dag, name=node.name)

    def _init_source(self, source: Any, kwargs: Any) -> Source:
        return self._source

    def run(self) -> None:
        """Take over what came of the task. Raises what it failed with."""
        self.work.raise_if_failed(self.name)

    def _run(self) -> None:
        """Take over what came of it, without the tables, as text and as HTML, that Ploomber draws of each task (0.5 ms)."""
        self.run()

    def _post_run_actions(self) -> None:
        """Keep nothing beside the product: the records have it."""

    def _update_downstream_status(self) -> None:
        """Say to the tasks after it what its status means for them.

        Ploomber's own does the same by walking all tasks whenever the status of one changes, many times 1,000 for 1,000 tasks, and calls
        itself from task to task down a line of them.
        """
        if self.exec_status in _READY:
            for name in self.dag.get_downstream(self.name):
                after = self.dag[name]
                if after.waits_for is None:
                    after.waits_for = {one.name for one in after.upstream.values() if one.exec_status not in _READY}
                after.waits_for.discard(self.name)
                if not after.waits_for and after.exec_status == TaskStatus.WaitingUpstream:
                    after.exec_status = TaskStatus.WaitingExecution
        elif self.exec_status == TaskStatus.Errored:
            open_ = self.dag.get_downstream(self.name)
            while open_:
                after = self.dag[open_.pop()]
                if after.exec_status != TaskStatus.Aborted:
                    after.exec_status = TaskStatus.Aborted
                    open_ += self.dag.get_downstream(after.name)


def build_dag(nodes: Mapping[str, Node], work: Work, name: str) -> DAG:
    """Return the tasks with their edges, to be run by our executor."""
    dag = DAG(name, executor=EventExecutor(work))
    tasks = {node.name: NotebookTask(node, work, dag) for node in nodes.values()}
    for node in nodes.values():
        for upstream in sorted(node.upstream):
            if upstream in tasks:
                tasks[node.name].set_upstream(tasks[upstream])
    return dag


def run_dag(nodes: Mapping[str, Node], work: Work, name: str) -> None:
    """Build the DAG until its tasks have ended, well or not, or the graph has changed."""
    try:
        build_dag(nodes, work, name).build(show_progress=False)
    except DAGBuildError:
        return  # `work` knows which tasks failed, and why
