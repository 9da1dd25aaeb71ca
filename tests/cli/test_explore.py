"""`nbprod explore`: which run, which task, and where the notebook is."""

from __future__ import annotations

import json

import pytest

CELLS = (("task:load", "x = 1"), ("task:train", "y = x / 0"))


def test_the_failed_task_of_the_newest_run_is_taken_by_default(nbprod):
    nbprod.notebook(*CELLS)
    nbprod("run", "a.ipynb")

    result = nbprod("explore", "a.ipynb", "--json")

    assert result.code == 0
    run = nbprod("runs", "--json").json[0]["id"]
    path = nbprod.path / "a.explore-train.ipynb"
    assert result.json == {"event": "explored", "path": str(path), "run": run, "task": "train"}
    assert json.loads(path.read_text())["metadata"]["nbprod"]["run"] == run
    assert "a.explore-load.ipynb: task 'load'" in nbprod("explore", "--run", run[-4:], "--task", "load").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "nothing", "--task", "load"], "there is no run 'nothing'"),
        (["a.ipynb", "--task", "nothing"], "has no task 'nothing'\n  Its tasks: load, train."),
        (["b.ipynb"], "there is no run of 'b' yet\n  nbprod run b makes one."),
        (["b.ipynb", "--run", "2", "--task", "load"], "is of the pipeline 'a', not 'b'"),
    ],
)
def test_what_is_not_there_is_told(nbprod, arguments, message):
    nbprod.notebook(*CELLS)
    nbprod.notebook(*CELLS, name="b.ipynb")
    assert "there is no run" in nbprod("explore", "a.ipynb").err
    nbprod("run", "a.ipynb")

    result = nbprod("explore", *arguments)

    assert result.code == 1
    assert message in result.err


def test_a_run_in_which_nothing_failed_asks_for_a_task(nbprod):
    nbprod.notebook(("task:load", "x = 1"))
    nbprod("run", "a.ipynb")

    result = nbprod("explore", "a.ipynb")

    assert result.code == 1
    assert "say which one, with --task\n  Its tasks: load." in result.err
