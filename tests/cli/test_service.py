"""`nbprod promote`, `models`, `serve` and `predict`, with a real service."""

from __future__ import annotations

import socket

import pytest

from tests.cli.conftest import Folder

SERVE = """\
def line(x: float) -> float:
    '''Where the line is at x.'''
    return weights['slope'] * x + weights['offset']


line(3.0)"""
CELLS = (
    ("parameters", "slope = 2.0"),
    ("task:train", "weights = {'slope': slope, 'offset': 1.0}"),
    ("task:evaluate metrics", "score = weights['slope'] / 4"),
    ("serve", SERVE),
)
CONFIG = "pipelines:\n  a:\n    notebook: a.ipynb\n    promote: {require: {score: '>= 0.5'}}\n"


@pytest.fixture
def project(nbprod: Folder):
    """A pipeline that has run; whatever was served is stopped in the end."""
    nbprod.notebook(*CELLS)
    nbprod.config(CONFIG)
    assert nbprod("run", "a").code == 0
    yield nbprod
    nbprod("serve", "a", "--stop")


def test_a_run_becomes_a_service_that_is_asked_and_stopped(project):
    asked = project("promote", "a", "--dry-run")
    assert asked.code == 0, asked.err
    assert "/predict takes" in asked.out
    assert [line.split()[:2] for line in asked.out.splitlines() if line.startswith("x ")] == [["x", "number"]]
    assert "7.0" in asked.out
    assert project("models").out == "no model versions yet\n"
    promoted = project("promote", "a", "--json")
    assert promoted.code == 0, promoted.out + promoted.err
    assert [event["step"] for event in promoted.events[:-1]] == ["gate", "capture", "package", "parity", "register"]
    assert promoted.events[-1]["name"] == "a/v1"

    served = project("serve", "a", "--json").json
    assert (served["model"], served["status"]) == ("a/v1", "running")

    sample = project("predict", "a", "--sample")
    assert (sample.code, sample.out.strip(), sample.err) == (0, "7.0", "equal to the notebook's own answer\n")
    assert project("predict", "a", "--data", "4", "--json").json["answer"] == 9.0
    (project.path / "in.json").write_text('{"x": 0.5}')
    assert project("predict", "a", "--data", "@in.json").out.strip() == "2.0"
    assert "running" in project("models").out

    wrong = project("predict", "a", "--data", '"text"')
    assert wrong.code == 1
    assert "refuses the input" in wrong.err
    assert project("predict", "a", "--data", "{").code == 2
    assert project("predict", "a").code == 2
    assert project("predict", "a", "--sample", "--data", "1").code == 2

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = project("serve", "a", "--port", str(port))
    assert busy.code == 1
    assert f"port {port} cannot be used" in busy.err

    assert project("serve", "a", "--stop").out == "a/v1 is stopped\n"
    gone = project("predict", "a", "--sample")
    assert gone.code == 1
    assert "Start it: nbprod serve a." in gone.err


def test_a_gate_that_is_not_met_has_its_own_exit_code_and_stores_nothing(project):
    project("run", "a", "-p", "slope=1")

    result = project("promote", "a")

    assert result.code == 3
    assert "score is 0.25, wanted >= 0.5" in result.err
    assert "Nothing was stored." in result.err
    assert project("models", "--json").json == {"versions": [], "services": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "b.ipynb"], "b.ipynb"),
        (["serve", "a"], "a"),
        (["serve", "a", "--stop"], "no service 'a' was started"),
        (["predict", "a", "--sample"], "no service 'a' was started"),
        (["promote", "a", "--run", "x"], "there is no run 'x'"),
    ],
)
def test_what_is_not_there_is_told(nbprod, arguments, message):
    nbprod.notebook(*CELLS)
    nbprod.config(CONFIG)

    result = nbprod(*arguments)

    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err
