"""Notebooks in whose kernel a task's inputs are loaded, run top to bottom in plain Jupyter kernels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from nbprod.errors import NotFoundError
from nbprod.execution.explore import explore
from nbprod.execution.garbage import collect
from nbprod.execution.records import Records, Run
from nbprod.execution.run import RunResult
from tests.execution.pipelines import Work

CELLS = (
    ("parameters", "scale = 3\nname = 'x'"),
    ("imports", "from __future__ import annotations\nimport math"),
    ("imports", "class Box:\n    def __init__(self, v):\n        self.v = v"),
    ("task:load", "import random\nrandom.seed(5)\nrows = [Box(n * scale) for n in range(4)]\nfirst = rows[0]"),
    ("task:train hide-input", "first.v += math.floor(1.5)\nprint(random.random(), scale, rows[0] is first)"),
    ("", "total = sum(box.v for box in rows)"),
    ("task:show", "print(total, isinstance(first, Box), first.v)"),
)


def recorded(work: Work, result: RunResult) -> Run:
    return Records.open(work.project).run(result.id)


def executed(path: Path) -> Any:
    """The notebook run top to bottom, as JupyterLab would: in its folder, errors let through."""
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    NotebookClient(nb, timeout=60, allow_errors=True, resources={"metadata": {"path": str(path.parent)}}).execute()
    return nb


def shown(cells: Any, ids: set[str]) -> dict[str, str]:
    """What cells printed, or the error that they ended with."""
    return {
        cell["id"]: "".join("".join(output.get("text", output.get("evalue", ""))) for output in cell["outputs"])
        for cell in cells
        if cell["id"] in ids
    }


@pytest.mark.parametrize("task", ["load", "train", "show"])
def test_its_cells_print_what_they_printed_in_the_run(tmp_path: Path, task: str) -> None:
    """Instances of the notebook's classes, shared objects, a seeded generator and parameters are as they were."""
    work = Work(tmp_path, *CELLS)
    run = recorded(work, work.run(parameters={"scale": 4}))
    author = (tmp_path / "nb.ipynb").read_bytes()

    path = explore(work.project, run, task)

    assert path == tmp_path / f"nb.explore-{task}.ipynb"
    ran = json.loads((work.project.state / "runs" / run.id / "tasks" / f"{task}.ipynb").read_text())["cells"]
    ids = {cell["id"] for cell in ran if "cell" in cell["metadata"].get("nbprod", {})}
    assert shown(executed(path).cells, ids) == shown(ran, ids)
    assert (tmp_path / "nb.ipynb").read_bytes() == author


def test_the_failed_line_is_pointed_out_above_its_cell(tmp_path: Path) -> None:
    work = Work(
        tmp_path,
        ("task:load", "values = [1, 2]"),
        ("task:train", "kept = values[0]"),
        ("", "a = 1\nb = values['`<b>`']"),
    )
    run = recorded(work, work.run())
    assert run.status == "failed"

    nb = executed(explore(work.project, run, "train"))

    kinds = [(cell.cell_type, cell.id) for cell in nb.cells]
    assert kinds[-2:] == [("markdown", "nbprod-failed"), ("code", "cell-3")]
    assert nb.cells[-2].source == (
        "**The task failed in the next cell, line 2:**\n\n```text\nb = values['`<b>`']\n"
        "TypeError: list indices must be integers or slices, not str\n```"
    )
    assert shown(nb.cells, {"cell-3"}) == {"cell-3": "list indices must be integers or slices, not str"}
    assert "It failed. It takes `values` from `load`." in nb.cells[0].source


def test_a_cached_task_and_a_notebook_that_has_changed_since(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 20"), ("task:b", "y = x + 1\nprint(y)"))
    work.run()
    run = recorded(work, work.run())
    work.write(("task:a", "x = 0"), ("task:b", "print('other')"))

    nb = executed(explore(work.project, run, "b"))

    assert "It was taken from the cache." in nb.cells[0].source
    assert "The notebook has changed since" in nb.cells[0].source
    assert shown(nb.cells, {"cell-2"}) == {"cell-2": "21\n"}


def test_what_stands_alone_stays_alone_and_tags_of_ours_are_left_out(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    run = recorded(work, work.run())

    nb = json.loads(explore(work.project, run, "train").read_text())

    code = [cell for cell in nb["cells"] if cell["cell_type"] == "code"]
    assert [cell["metadata"].get("tags") for cell in code if cell["id"] in ("cell-5", "cell-6")] == [
        ["hide-input"],
        None,
    ]
    future = [cell for cell in code if "__future__" in "".join(cell["source"])]
    assert "".join(future[0]["source"]) == "from __future__ import annotations"
    assert nb["metadata"]["kernelspec"]["name"] == "python3"


def test_a_parameters_cell_with_code_is_followed_by_the_values_of_the_run(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a parameters", "n = 2\nm = len('ab')"), ("", "print(n, m)"))
    run = recorded(work, work.run(parameters={"n": 7}))

    nb = executed(explore(work.project, run, "a"))

    assert shown(nb.cells, {"cell-2"}) == {"cell-2": "7 2\n"}


def test_a_notebook_that_was_changed_is_kept(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 1"))
    run = recorded(work, work.run())
    first = explore(work.project, run, "a")
    assert explore(work.project, run, "a") == first, "one that was only run, or not touched, is written anew"
    nbformat.write(executed(first), first)
    assert explore(work.project, run, "a") == first
    nb = nbformat.read(first, as_version=4)
    nb.cells[-1].source = "x = 2  # mine"
    nbformat.write(nb, first)

    second = explore(work.project, run, "a")

    assert second == tmp_path / "nb.explore-a-2.ipynb"
    assert "# mine" in first.read_text()
    (tmp_path / "nb.explore-a-2.ipynb").write_text("no notebook")
    assert explore(work.project, run, "a").name == "nb.explore-a-3.ipynb"


def test_a_task_that_is_not_there_or_has_no_inputs_is_told(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 1 / 0"), ("task:b", "y = x"), ("task:c", "z = y"))
    run = recorded(work, work.run())

    with pytest.raises(NotFoundError, match=r"run \S+ has no task 'd'\n  Its tasks: a, b, c\."):
        explore(work.project, run, "d")
    with pytest.raises(
        NotFoundError, match=r"'b' of run \S+ had no inputs: 'x' comes from task 'a', which failed\n.*--task a"
    ):
        explore(work.project, run, "b")
    with pytest.raises(NotFoundError, match="from task 'b', which was skipped"):
        explore(work.project, run, "c")
    assert not list(tmp_path.glob("*.explore-*"))


def test_what_was_deleted_since_is_told(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "x = 1"), ("task:b", "y = x"))
    run = recorded(work, work.run())
    digest = run.outputs["x"]
    (work.project.state / "artifacts" / digest[:2] / digest).unlink()

    with pytest.raises(NotFoundError, match=r"'x', made by task 'a', is no longer kept\n  Run it again: nbprod run p"):
        explore(work.project, run, "b")

    work.run(force=True)
    collect(work.project, keep=1)
    with pytest.raises(NotFoundError, match="kept of its notebook is gone"):
        explore(work.project, run, "b")
