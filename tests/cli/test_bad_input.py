"""Bad input: each gets a message that says what, where and what to do, a non-zero exit code and no traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import CHAIN


def explained(result, *parts: str, code: int = 1) -> None:
    """The message is there, in full, on its own."""
    said = result.out + result.err
    assert result.code == code, said
    assert "Traceback" not in result.err
    assert "itself failed" not in result.err
    for part in parts:
        assert part in said, said


def unreadable(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.parametrize("command", ["check", "plan", "run"])
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("PK\x03\x04 no notebook", ["a.ipynb"]),
        ("{}", ["a.ipynb"]),
        ("[1, 2]", ["a.ipynb"]),
        ("", ["a.ipynb"]),
        (json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}), ["a.ipynb", "nbformat 3"]),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}), ["a.ipynb", "no code"]),
    ],
    ids=["binary", "object", "list", "nothing", "nbformat 3", "no cells"],
)
def test_a_file_that_is_no_notebook_of_today(nbprod, command, text, parts):
    (nbprod.path / "a.ipynb").write_text(text)

    explained(nbprod(command, "a.ipynb"), *parts)


def test_a_notebook_that_is_not_there(nbprod):
    explained(nbprod("run", "b.ipynb"), "b.ipynb")


@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        ([("taks:train", "x = 1")], ["taks:train", "task:train", "cell 1"]),
        ([("task:a after:b", "x = 1")], ["no task 'b'", "cell 1"]),
        ([("task:a after:b", "x = 1"), ("task:b after:a", "y = 1")], ["a", "b"]),
        ([("task:a", "x = 1"), ("task:b", "y = x + nowhere")], ["nowhere", "cell 2, line 1"]),
    ],
    ids=["nearly a tag", "after an unknown task", "a cycle", "a name defined nowhere"],
)
def test_a_problem_of_the_notebook_is_found_before_anything_runs(nbprod, cells, parts):
    nbprod.notebook(*cells)

    explained(nbprod("check", "a.ipynb"), *parts)


@pytest.mark.parametrize("command", ["run", "plan", "sweep -p n=1,2"])
@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        ([("taks:train", "x = 1")], ["a.ipynb, cell 2: unknown tag 'taks:train'", "did you mean 'task:train'?"]),
        ([("task:a after:b", "x = 1")], ["a.ipynb, task 'a', cell 2: there is no task 'b' to run after"]),
        ([("task:a after:b", "x = 1"), ("task:b after:a", "y = 1")], ["tasks wait for each other"]),
        ([("task:a task:b", "x = 1")], ["cell 2"]),
        ([("task:a", "x = (1")], ["cell 2", "line 1"]),
        ([("parameters", "n = 2")], ["'n' is set twice", "cell 1"]),
    ],
    ids=["nearly a tag", "after an unknown task", "a cycle", "two tasks", "no Python", "a parameter twice"],
)
def test_what_a_tag_asks_for_and_cannot_be_done_is_never_left_out_silently(nbprod, command, cells, parts):
    """Nothing runs."""
    nbprod.notebook(("parameters", "n = 1"), *cells, ("metrics task:z", "score = n"))

    explained(nbprod(command.split()[0], "a.ipynb", *command.split()[1:]), *parts)
    assert nbprod("runs", "--json").json == []


def test_an_unknown_kernel(nbprod):
    nbprod.notebook(*CHAIN, kernel="no-such-kernel")

    explained(nbprod("run", "a.ipynb"), "a.ipynb", "no-such-kernel")


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("given", "parts", "code"),
    [
        ("scael=2", ["there is no parameter 'scael'", "'scale'"], 1),
        ("n=many", ["n", "'many'", "int"], 1),
        ("n=2.5", ["n", "2.5", "int"], 1),
        ("n", ["'n' is not NAME=VALUE"], 2),
    ],
)
def test_a_parameter_that_is_wrong(nbprod, command, given, parts, code):
    nbprod.notebook(*CHAIN)

    explained(nbprod(command, "a.ipynb", "-p", given), *parts, code=code)


def test_a_parameter_given_twice(nbprod):
    nbprod.notebook(*CHAIN)

    explained(nbprod("run", "a.ipynb", "-p", "n=1", "-p", "n=2"), "'n' is given twice", code=2)


def test_a_task_that_is_not_there(nbprod):
    nbprod.notebook(*CHAIN)

    explained(nbprod("run", "a.ipynb", "--only", "trian"), "there is no task 'trian'", "'train'")


@pytest.mark.parametrize("command", ["check", "plan", "run", "sweep", "promote", "serve", "predict --sample"])
def test_pipelines_yaml_that_is_wrong(nbprod, command):
    nbprod.notebook(*CHAIN)
    nbprod.config("pipelines:\n  a:\n    notebok: a.ipynb\n")

    explained(
        nbprod(*command.split()[:1], "a", *command.split()[1:]),
        "pipelines.yaml:3: unknown key 'notebok'",
        "'notebook'?",
    )


def test_a_cell_that_raises(nbprod):
    """Its number, its line, the exception; what had run is kept."""
    nbprod.notebook("import math", ("task:a", "x = 1"), ("task:b", "y = x\n1 / (x - 1)"))

    result = nbprod("run", "a.ipynb")

    explained(result, "task 'b'", "cell 3, line 2", "ZeroDivisionError: division by zero")
    kept = re.search(r"The executed notebook is (.*)\.$", result.err, re.MULTILINE)[1]
    outputs = [cell.get("outputs") for cell in json.loads(Path(kept).read_text())["cells"]]
    assert any(output["output_type"] == "error" for cell in outputs if cell for output in cell)
    (run,) = nbprod("runs", "--json").json
    assert run["status"] == "failed"


def test_a_kernel_that_dies(nbprod):
    nbprod.notebook(("task:a", "import os\nos._exit(3)"))

    explained(nbprod("run", "a.ipynb"), "task 'a'", "cell 1", "died")


def test_a_cell_over_its_time_limit(nbprod):
    nbprod.notebook(("task:a", "import time\ntime.sleep(60)"))

    explained(nbprod("run", "a.ipynb", "--cell-timeout", "1"), "task 'a'", "cell 1", "1 s")


def test_a_value_that_cannot_be_saved(nbprod):
    nbprod.notebook(("task:a", "gen = (i for i in range(3))"), ("task:b", "print(list(gen))"))

    explained(nbprod("run", "a.ipynb"), "gen", "generator", "a", "b")


def test_a_metric_that_is_no_number(nbprod):
    nbprod.notebook(("task:a metrics", "score = 'good'"))

    explained(nbprod("run", "a.ipynb"), "task 'a'", "the metric 'score' is no number", "str")


def test_a_disk_that_fills_up(nbprod):
    """Files may not grow beyond a limit, as on a full disk; nothing half-written stays behind."""
    import subprocess
    import sys

    nbprod.notebook(("task:a", "big = bytes(30_000_000)"), ("task:b", "size = len(big)"))
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000)); "
        "from nbprod.cli import main; sys.exit(main(['run', 'a.ipynb']))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "task 'a'" in done.stderr
    assert "Free some space" in done.stderr
    assert not list((nbprod.path / ".nbprod").rglob("tmp-*"))
    (run,) = nbprod("runs", "--json").json
    assert run["status"] == "failed"
