"""`nbprod tag`: tags of cells from the command line."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import CHAIN


def test_cells_are_listed_with_their_tags(nbprod):
    nbprod.notebook(*CHAIN)

    result = nbprod("tag", "a.ipynb")

    assert [line.split(maxsplit=2) for line in result.out.splitlines()[1:3]] == [
        ["1", "parameters", "n = 3"],
        ["2", "task:load", "rows = list(range(n))"],
    ]


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        (["3", "--add", "metrics"], ["task:train", "metrics"]),
        (["c3", "--add", "a", "--add", "b", "--remove", "task:train"], ["a", "b"]),
        (["3", "--add", "task:train"], ["task:train"]),
        (["3", "--set", "skip"], ["skip"]),
        (["3", "--clear"], []),
    ],
)
def test_tags_are_added_removed_and_replaced(nbprod, arguments, tags):
    path = nbprod.notebook(*CHAIN)
    wanted = json.loads(path.read_text())
    wanted["cells"][2]["metadata"]["tags"] = tags

    result = nbprod("tag", "a.ipynb", *arguments, "--json")

    assert (result.code, result.json) == (0, [{"number": 3, "id": "c3", "tags": tags}])
    assert json.loads(path.read_text()) == wanted


def test_several_cells_are_tagged_at_once(nbprod):
    path = nbprod.notebook("a = 1", "b = 2", "c = 3")

    nbprod("tag", "a.ipynb", "1", "3", "--add", "skip")

    assert [cell["metadata"].get("tags") for cell in json.loads(path.read_text())["cells"]] == [
        ["skip"],
        None,
        ["skip"],
    ]


def test_a_cell_that_is_not_there_is_told_and_nothing_changes(nbprod):
    path = nbprod.notebook(*CHAIN)
    before = path.read_bytes()

    result = nbprod("tag", "a.ipynb", "1", "9", "--add", "skip")

    assert result.code == 1
    assert "a.ipynb: there is no code cell '9'\n  Its code cells are 1 to 4" in result.err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--add", "skip"], "say which cells"),
        (["3"], "say what to do"),
        (["3", "--set", "a", "--add", "b"], "stand alone"),
        (["3", "--set", "a", "--clear"], "stand alone"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(nbprod, arguments, message):
    nbprod.notebook(*CHAIN)

    result = nbprod("tag", "a.ipynb", *arguments)

    assert result.code == 2
    assert message in result.err


def test_what_check_proposes_is_applied(nbprod):
    """`taks:train` becomes `task:train`."""
    path = nbprod.notebook(("task:load", "x = 1"), ("taks:train", "y = x + 1"))

    result = nbprod("tag", "a.ipynb", "--fix")

    assert result.code == 0
    assert json.loads(path.read_text())["cells"][1]["metadata"]["tags"] == ["task:train"]


UNTAGGED = ("import os", "n = 3", "rows = [os.sep] * n", "total = len(rows)\nprint(total)")


def test_tags_are_proposed_and_nothing_is_written(nbprod):
    path = nbprod.notebook(*UNTAGGED)
    before = path.read_bytes()

    result = nbprod("tag", "a.ipynb", "--suggest")

    assert result.code == 0
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["cell", "tags"],
        ["1", "imports"],
        ["2", "parameters"],
        ["3", "task:total"],
    ]
    assert "settings that later cells read: n" in result.out
    assert "nothing is written yet: nbprod tag a.ipynb --suggest --apply" in result.err
    assert path.read_bytes() == before


def test_proposed_tags_are_written_on_demand_and_then_nothing_is_left_to_propose(nbprod):
    path = nbprod.notebook(*UNTAGGED)

    result = nbprod("tag", "a.ipynb", "--suggest", "--apply", "--json")

    tags = {"c1": ["imports"], "c2": ["parameters"], "c3": ["task:total"]}
    assert (result.code, result.json["tags"], result.json["applied"]) == (0, tags, True)
    assert [task["cells"] for task in result.json["tasks"]] == [["c3", "c4"]]
    assert set(result.json["reasons"]) == set(tags)
    cells = json.loads(path.read_text())["cells"]
    assert {cell["id"]: cell["metadata"]["tags"] for cell in cells if cell["metadata"]} == tags
    again = nbprod("tag", "a.ipynb", "--suggest", "--apply")
    assert (again.code, again.out) == (0, "nothing to propose: every cell has its place\n")


@pytest.mark.parametrize(
    "arguments", [["3", "--suggest"], ["--suggest", "--fix"], ["--apply"], ["3", "--add", "a", "--apply"]]
)
def test_a_proposal_stands_alone(nbprod, arguments):
    nbprod.notebook(*UNTAGGED)

    result = nbprod("tag", "a.ipynb", *arguments)

    assert result.code == 2
    assert "--suggest" in result.err
