"""`nbprod sweep`: what is searched, what is shared, what is shown."""

from __future__ import annotations

import json

import pytest

from nbprod.notebook.pipeline import read_pipeline
from nbprod.project import Project
from nbprod.sweep import Choices, Range
from nbprod.sweep.making import make_plan

CELLS = (
    ("parameters", "depth = 2\nrate = 0.1\nname = 'a'"),
    ("task:load", "rows = [1, 2, 3]"),
    ("task:features", "squares = [row**2 for row in rows]"),
    ("task:train", "model = [square * rate for square in squares]"),
    ("task:evaluate metrics", "score = sum(model) - (depth - 4) ** 2\nloss = float(depth)"),
)


def plan(nbprod, config: str = "", given: dict | None = None, **options):
    nbprod.notebook(*CELLS)
    nbprod.config(f"pipelines:\n  a:\n    notebook: a.ipynb\n{config}")
    entry = Project.find().pipeline("a")
    return make_plan(entry, read_pipeline(str(entry.notebook)), given or {}, **options)


SPACE = "    parameters: {rate: 0.5, name: b}\n    sweep:\n      trials: 9\n      optimize: {loss: minimize}\n      space: {depth: [1, 2, 3], rate: {low: 0.1, high: 1.0}}\n"


def test_pipelines_yaml_says_what_is_searched(nbprod):
    made = plan(nbprod, SPACE)

    assert made.space == {"depth": Choices((1, 2, 3)), "rate": Range(0.1, 1.0)}
    assert made.fixed == {"name": "b"}
    assert (made.search, made.trials, made.optimize) == ("tpe", 9, {"loss": "minimize"})


def test_a_space_on_the_command_line_is_all_that_is_searched(nbprod):
    made = plan(nbprod, SPACE, {"depth": "4..8", "rate": "0.7"}, trials=3, optimize="score")

    assert made.space == {"depth": Range(4, 8)}
    assert made.fixed == {"name": "b", "rate": 0.7}
    assert (made.trials, made.optimize) == (3, {"score": "maximize"})


def test_a_single_value_on_the_command_line_is_fixed_and_the_rest_still_searched(nbprod):
    made = plan(nbprod, SPACE, {"rate": "0.7"})

    assert made.space == {"depth": Choices((1, 2, 3))}
    assert made.fixed == {"rate": 0.7, "name": "b"}


@pytest.mark.parametrize(
    ("given", "options", "search"),
    [
        ({"depth": "1,2,3"}, {}, "grid"),
        ({"depth": "1,2,3"}, {"trials": 2}, "tpe"),
        ({"depth": "1,2,3"}, {"search": "random"}, "random"),
        ({"depth": "1,2,3", "rate": "0.1..0.9"}, {}, "tpe"),
    ],
)
def test_few_choices_are_tried_one_by_one(nbprod, given, options, search):
    """Proposing at random would only repeat some of them."""
    assert plan(nbprod, given=given, **options).search == search


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("loss", {"loss": "minimize"}), ("score", {"score": "maximize"}), ("score:minimize", {"score": "minimize"})],
)
def test_the_direction_of_a_metric_follows_from_its_name_unless_said(nbprod, text, wanted):
    assert plan(nbprod, given={"depth": "1,2"}, optimize=text).optimize == wanted


def test_a_sweep_shares_what_the_parameter_does_not_reach(nbprod):
    """Three trials over a parameter of the last of four tasks run 3 + 3 tasks, not 12."""
    nbprod.notebook(*CELLS)

    result = nbprod("sweep", "a.ipynb", "-p", "depth=2,4,8", "--json")

    assert result.code == 0
    end = result.events[-1]
    ran = sum(trial["tasks"].get("done", 0) for trial in end["trials"])
    assert (ran, end["status"], end["trials"][end["best"]]["parameters"]["depth"]) == (3 + 3, "done", 4)
    assert {event["event"] for event in result.events} == {"sweep-started", "trial", "sweep-finished"}
    listed = nbprod("runs", "--sweep", end["id"], "--json").json
    assert sorted(run["trial"] for run in listed) == [0, 1, 2]


def test_the_table_ranks_trials_and_says_which_is_best(nbprod):
    nbprod.notebook(*CELLS)

    result = nbprod("sweep", "a.ipynb", "-p", "depth=2,4")

    lines = result.out.splitlines()
    table = next(i for i, line in enumerate(lines) if line.split()[:4] == ["trial", "state", "depth", "score"])
    assert [lines[table + i].split()[2] for i in (1, 2)] == ["4", "2"]
    assert any(line.startswith("best: trial ") and "with depth=4" in line for line in lines)


def test_failed_trials_do_not_stop_a_sweep_and_are_retried(nbprod):
    """A trial that fails while a file is missing succeeds when it is there."""
    flag = nbprod.path / "flag"
    nbprod.notebook(
        ("parameters", "depth = 2"),
        ("task:a metrics", f"import os\nassert depth != 4 or os.path.exists({str(flag)!r})\nscore = depth"),
    )

    first = nbprod("sweep", "a.ipynb", "-p", "depth=2,4,8")
    flag.touch()
    second = nbprod("sweep", "a.ipynb", "--retry-failed", "--json").events[-1]

    assert first.code == 0
    assert "1 failed; nbprod sweep a --retry-failed repeats them" in first.out
    done = [trial for trial in second["trials"] if trial["status"] == "done"]
    assert sorted(trial["parameters"]["depth"] for trial in done) == [2, 4, 8]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["-p", "deph=1,2"], "there is no parameter 'deph'", 1),
        (["-p", "depth=a,b"], "'depth' is int, not 'a'", 1),
        (["-p", "depth=8..2"], "lower bound", 1),
        (["-p", "name=1..2"], "", 1),
        ([], "nothing to search", 1),
        (["-p", "depth=1,2", "--optimize", "scoer"], "there is no metric 'scoer'", 1),
        (["--resume", "-p", "depth=1,2"], "keeps its space", 2),
        (["--resume"], "has no sweep yet", 1),
        (["-p", "depth=1,2", "--search", "gird"], "gird", 2),
    ],
)
def test_a_sweep_that_makes_no_sense_is_told_before_anything_runs(nbprod, arguments, message, code):
    nbprod.notebook(*CELLS)

    result = nbprod("sweep", "a.ipynb", *arguments)

    assert result.code == code, result.out + result.err
    assert message in result.err
    assert "Traceback" not in result.err
    assert nbprod("runs", "--json").json == []


def test_json_of_a_sweep_is_one_object_a_line(nbprod):
    nbprod.notebook(*CELLS)

    lines = nbprod("sweep", "a.ipynb", "-p", "depth=2,4", "--json").out.splitlines()

    assert all(isinstance(json.loads(line), dict) for line in lines)
