"""Ploomber's DAG over tasks that are computed elsewhere, also when there are many."""

from __future__ import annotations

import pytest

from nbprod.errors import TaskError
from nbprod.execution import libraries
from nbprod.notebook.graph import Node


class Computed:
    """Computes a task at once, in the order in which they are started; those of `failing` fail."""

    def __init__(self, *failing: str, settled: tuple[str, ...] = ()) -> None:
        self.failing = failing
        self.settled = set(settled)
        self.started: list[str] = []
        self.ended: list[str] = []

    def is_settled(self, name: str) -> bool:
        return name in self.settled

    def start(self, name: str) -> None:
        self.started.append(name)
        self.ended.append(name)
        if name not in self.failing:
            self.settled.add(name)

    def next(self) -> list[str]:
        ended, self.ended = self.ended, []
        return ended

    def replanned(self) -> bool:
        return False

    def raise_if_failed(self, name: str) -> None:
        if name in self.failing:
            raise TaskError("it failed")


def graph(**upstream: str) -> dict[str, Node]:
    """Return tasks and, as words, those that each comes after."""
    return {name: Node(name, (), after=frozenset(before.split())) for name, before in upstream.items()}


def states(nodes: dict[str, Node], work: Computed) -> dict[str, str]:
    dag = libraries.dag().build_dag(nodes, work, "p")
    if work.failing:
        with pytest.raises(Exception, match="failed: "):
            dag.build(show_progress=False)
    else:
        dag.build(show_progress=False)
    return {task.name: task.exec_status.value for task in dag.values()}


def test_a_task_starts_when_all_before_it_have_ended() -> None:
    work = Computed()

    found = states(graph(a="", b="a", c="a", d="b c", e="d a"), work)

    assert work.started.index("d") > max(work.started.index("b"), work.started.index("c"))
    assert work.started == [*work.started[:3], "d", "e"]
    assert set(found.values()) == {"executed"}


def test_what_has_a_result_is_skipped_and_holds_nothing_up() -> None:
    work = Computed(settled=("a", "b"))

    found = states(graph(a="", b="a", c="a b", d="c b"), work)

    assert work.started == ["c", "d"]
    assert found == {"a": "skipped", "b": "skipped", "c": "executed", "d": "executed"}


def test_what_comes_after_a_failure_is_aborted_and_the_rest_runs() -> None:
    work = Computed("b")

    found = states(graph(a="", b="a", c="b", d="c", e="a", f="e d"), work)

    assert sorted(work.started) == ["a", "b", "e"]
    assert found == {"a": "executed", "b": "errored", "c": "aborted", "d": "aborted", "e": "executed", "f": "aborted"}


@pytest.mark.parametrize("failing", [(), ("t0",), ("t700",)])
def test_a_line_of_many_tasks(failing: tuple[str, ...]) -> None:
    names = [f"t{number}" for number in range(1500)]
    work = Computed(*failing)

    libraries.dag().run_dag(graph(t0="", **dict(zip(names[1:], names, strict=False))), work, "p")

    last = names.index(failing[0]) if failing else len(names) - 1
    assert work.started == names[: last + 1]
