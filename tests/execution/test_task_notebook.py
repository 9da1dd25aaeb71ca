"""A task's notebook stands in the order of the author's, and every line of it can be traced back there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nbprod.execution.graph_file import read_graph, write_graph
from nbprod.execution.task_notebook import build, job, place
from nbprod.notebook.cell import Cell
from nbprod.notebook.graph import Bind, Define, Graph, Load, Node

NOTEBOOK: Any = SimpleNamespace(kernel_name="python3", language="python")


def cell(number: int, source: str, *tags: str) -> Cell:
    return Cell(f"id{number}", number, number - 1, source, tags)


def made(node: Node, values: Any = None, defaults: Any = None, loads: Any = None) -> Any:
    return build(node, NOTEBOOK, Path("/job.json"), values or {}, defaults or values or {}, loads or {})


def roles(nb: Any) -> list[str]:
    return [cell.metadata["nbprod"].get("role", cell.id) for cell in nb.cells]


FIRST, SECOND = cell(1, "import math\n\ndef f(x):\n    return x"), cell(4, "def g():\n    return f(1)")
NODE = Node(
    "train",
    (cell(5, "a = 1", "task:train"), cell(6, "b = 2")),
    prelude=(
        Define(FIRST, 1, "import math", ("math",)),
        Define(FIRST, 3, "def f(x):\n    return x", ("f",)),
        Bind(("depth",)),
        Load("clean", ("df", "gone")),
        Define(SECOND, 1, "def g():\n    return f(1)", ("g",)),
    ),
    outputs=("a",),
    defines=frozenset({"math", "f", "g"}),
    wanted_by={"a": ("show",)},
    after=frozenset({"early"}),
)


def test_steps_stand_in_order_and_the_authors_cells_keep_ids_and_tags() -> None:
    task = made(NODE, {"depth": 8}, {"depth": 6}, {"clean": {"df": "D"}})

    assert roles(task.nb) == ["begin", "parameters", "load", "id5", "id6", "finish"]
    assert task.nb.cells[0].source.splitlines()[1:] == ["import math", "def f(x):", "    return x"]
    assert task.nb.cells[2].source.splitlines() == [
        "get_ipython()._nbprod.load('clean', 'df')",
        "def g():",
        "    return f(1)",
        "get_ipython()._nbprod.ready()",
    ]
    assert task.nb.cells[3].metadata["tags"] == ["task:train"]
    assert task.inject == {"depth": 8}
    assert task.nb.cells[1].metadata["tags"] == ["parameters"]


def test_what_is_loaded_before_any_code_is_loaded_by_the_first_cell() -> None:
    node = Node(
        "train",
        (cell(5, "a = x"),),
        prelude=(Load("first", ("x",)), Load("second", ("y",)), Bind(("depth",)), Load("third", ("z",))),
    )

    task = made(node, {"depth": 8}, {"depth": 6}, {"first": {"x": "X"}, "second": {"y": "Y"}, "third": {"z": "Z"}})

    assert roles(task.nb) == ["begin", "parameters", "load", "id5", "finish"]
    assert task.nb.cells[0].source.splitlines()[1:] == [
        "get_ipython()._nbprod.load('first', 'x')",
        "get_ipython()._nbprod.load('second', 'y')",
    ]


def test_a_line_of_carried_code_is_traced_to_the_cell_it_was_written_in() -> None:
    first, _, second, *_ = made(NODE, {"depth": 8}, loads={"clean": {"df": "D"}}).nb.cells

    assert [place(first, line) for line in (1, 2, 3, 4, None)] == [(None, None), (1, 1), (1, 3), (1, 4), (1, None)]
    assert [place(second, line) for line in (1, 2, 3, 4, None)] == [
        (None, None),
        (4, 1),
        (4, 2),
        (None, None),
        (4, None),
    ]


@pytest.mark.parametrize("first", ["%%time\nx = 1", "from __future__ import annotations"])
def test_code_that_must_begin_a_cell_does(first: str) -> None:
    steps = (
        Define(FIRST, 1, "import math", ()),
        Define(FIRST, 2, first, ()),
        Define(FIRST, 4, "import os", ()),
    )
    task = made(Node("t", (cell(1, "1"),), prelude=steps))

    sources = [c.source for c in task.nb.cells[:3]]
    assert [sources[0].splitlines()[1:], sources[1], sources[2].splitlines()[:1]] == [
        ["import math"],
        first,
        ["import os"],
    ]


def test_values_that_differ_are_injected_after_the_parameters_cell() -> None:
    node = Node("t", (cell(1, "a = 1\nb = 2", "parameters"), cell(2, "a")), binds=("a", "b"))

    task = made(node, {"a": 1, "b": 3}, {"a": 1, "b": 2})

    assert task.inject == {"b": 3}
    assert task.nb.cells[1].metadata["tags"] == ["parameters"]


def test_nothing_is_injected_when_all_is_as_written() -> None:
    node = Node("t", (cell(1, "a = 1", "parameters"),), binds=("a",))

    assert made(node, {"a": 1}).inject == {}


def test_papermill_finds_kales_parameters_cell() -> None:
    node = Node("t", (cell(1, "a = 1", "pipeline-parameters"),), binds=("a",))

    assert made(node, {"a": 2}, {"a": 1}).nb.cells[1].metadata["tags"] == ["pipeline-parameters", "parameters"]


def test_a_job_says_what_to_load_to_save_and_to_watch() -> None:
    told = job(NODE, Path("/store"), Path("/result.json"), {"clean": {"df": "D"}}, ("df",))

    assert told == {
        "task": "train",
        "store": "/store",
        "result": "/result.json",
        "loads": {"clean": {"df": "D"}},
        "outputs": ["a"],
        "wanted_by": {"a": ["show"]},
        "metrics": [],
        "watch": ["df"],
        "defined": ["f", "g", "math"],
    }


def test_a_graph_is_read_back_as_it_was(tmp_path: Path) -> None:
    graph = Graph({"train": NODE}, serve=Node("serve", (), prelude=(Load("train", ("a",)),)))

    write_graph(tmp_path, graph)

    assert read_graph(tmp_path) == graph
