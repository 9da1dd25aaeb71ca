"""`nbprod check`: what a notebook is as a pipeline, and what is wrong with it."""

from __future__ import annotations

from tests.cli.conftest import CHAIN


def test_tasks_parameters_metrics_and_no_problems_are_shown(nbprod):
    nbprod.notebook(*CHAIN)

    result = nbprod("check", "a.ipynb")

    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == "a  a.ipynb  (kernel python3)"
    assert [line.split()[0] for line in lines[1:] if line.startswith(("load", "train", "evaluate"))] == [
        "load",
        "train",
        "evaluate",
    ]
    assert any(line.split() == ["train", "3", "rows", "from", "load", "scale"] for line in lines)
    assert "parameters: n = 3, scale = 1.5" in lines
    assert "metrics: total" in lines
    assert lines[-1] == "no problems"


def test_json_names_cells_by_id_and_number(nbprod):
    nbprod.notebook(*CHAIN)

    (report,) = nbprod("check", "a.ipynb", "--json").json

    train = next(task for task in report["tasks"] if task["name"] == "train")
    assert train["cells"] == [{"id": "c3", "number": 3}]
    assert train["inputs"] == {"rows": "load"}
    assert train["parameters"] == ["scale"]
    assert report["parameters"][1] == {"name": "scale", "type": "float", "default": 1.5, "optional": False}
    assert report["problems"] == []


def test_a_problem_is_told_with_its_cell_and_the_exit_code_is_1(nbprod):
    nbprod.notebook(("task:a", "x = 1\ny = undefined_thing + x"))

    result = nbprod("check", "a.ipynb")

    assert result.code == 1
    assert "error: " in result.out
    assert "cell 1, line 2" in result.out
    assert "undefined_thing" in result.out
    assert result.out.splitlines()[-1] == "1 problem"


def test_every_pipeline_is_checked_without_a_name(nbprod):
    nbprod.notebook(*CHAIN)
    nbprod.notebook(("task:b", "x = nowhere"), name="b.ipynb")
    nbprod.config("pipelines: {one: a.ipynb, two: b.ipynb}")

    result = nbprod("check", "--json")

    assert result.code == 1
    assert [(one["pipeline"], len(one["problems"])) for one in result.json] == [("one", 0), ("two", 1)]


def test_pipelines_yaml_is_held_against_the_notebook(nbprod):
    """Tasks, parameters and metrics that the notebook does not have are told with the nearest that it has."""
    nbprod.notebook(*CHAIN)
    nbprod.config(
        "pipelines:\n  a:\n    notebook: a.ipynb\n    parameters: {scael: 2}\n    resources: {trian: {retries: 1}}\n"
        "    sweep: {space: {m: [1, 2]}, optimize: {totl: minimize}}\n    promote: {require: {acuracy: '> 1'}}\n"
    )

    result = nbprod("check")

    assert result.code == 1
    assert "pipelines.yaml, a.parameters: the notebook has no parameter 'scael'" in result.out
    assert "Did you mean 'scale'? It has: n, scale." in result.out
    assert "a.resources: the notebook has no task 'trian'" in result.out
    assert "a.sweep.space: the notebook has no parameter 'm'" in result.out
    assert "a.sweep.optimize: the notebook has no metric 'totl'" in result.out
    assert "a.promote.require: the notebook has no metric 'acuracy'" in result.out
    assert result.out.splitlines()[-1] == "5 problems"


def test_checking_changes_and_keeps_nothing(nbprod):
    path = nbprod.notebook(*CHAIN)
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    nbprod("check", "a.ipynb")

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert sorted(file.name for file in nbprod.path.iterdir()) == ["a.ipynb", "pipelines.yaml"]


def test_a_notebook_without_tags_is_told_how_to_get_some(nbprod):
    nbprod.notebook(("mine", "x = 1"))
    assert "nbprod tag a.ipynb --suggest proposes tasks" in nbprod("check", "a.ipynb").out

    nbprod.notebook(("task:a", "x = 1"))
    assert "--suggest" not in nbprod("check", "a.ipynb").out
