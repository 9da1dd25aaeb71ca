"""`nbprod serve` and `nbprod predict`, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from nbprod.cli import main
from nbprod.project import Project
from nbprod.promotion.registry import Registry
from nbprod.service import deployments, records

from .folders import DOUBLE, register

Nbprod = Callable[..., tuple[int, str]]


@pytest.fixture
def nbprod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Nbprod]:
    """Run a command in a project with two versions of a model, and give its exit code and what it says."""
    (tmp_path / "pipelines.yaml").write_text(
        "pipelines: {double: {notebook: double.ipynb, service: {workers: 1, log: {leave_out: [n]}}}}"
    )
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "double.ipynb")
    project = Project(tmp_path)
    project.make_state()
    Registry(project).crown(register(project))
    register(project, model=DOUBLE.replace("2.0", "3.0"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    yield run
    if records.find(project, "double"):
        deployments.stop(project, "double")


def test_a_service_from_start_to_stop(nbprod: Nbprod, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    monkeypatch.setenv("NBPROD_API_KEY_FILE", str(key))

    assert "double/v1 answers at http://127.0.0.1:" in nbprod("serve", "double")[1]
    row = '{"x": 1.5, "n": 2}'
    assert nbprod("predict", "double", "--data", row) == (0, "[\n  3.0\n]\n")
    assert nbprod("predict", "double", "--sample")[0] == 0
    assert "double/v2 is asked too" in nbprod("serve", "double", "--beside", "v2")[1]
    assert "double/v2 answers 10 % of the requests" in nbprod("serve", "double", "--beside", "2", "--percent", "10")[1]
    assert "double/v2" not in nbprod("serve", "double", "--alone")[1]
    swapped = json.loads(nbprod("serve", "double", "--version", "v2", "--workers", "2", "--json")[1])
    assert (swapped["version"], swapped["workers"], swapped["challenger"]) == (2, 2, None)
    assert nbprod("predict", "double", "--data", row)[1] == "[\n  4.5\n]\n"
    monkeypatch.delenv("NBPROD_API_KEY_FILE")
    code, said = nbprod("predict", "double", "--data", row)
    assert code == 1
    assert "wants its API key" in said
    assert nbprod("serve", "double", "--stop")[1] == "double/v2 is stopped\n"

    folder = tmp_path / ".nbprod" / "deployments" / "double" / "predictions"
    lines = [json.loads(line) for path in folder.glob("predictions-*") for line in path.read_text().splitlines()]
    assert {"rows": [{"x": 1.5}]} in [line["arguments"] for line in lines]


def test_options_that_do_not_go_together_are_refused(nbprod: Nbprod) -> None:
    for arguments in (["--stop", "--alone"], ["--percent", "5"], ["--beside", "2", "--percent", "0"]):
        code, said = nbprod("serve", "double", *arguments)
        assert code == 2, said
    code, said = nbprod("serve", "double", "--alone")
    assert code == 1
    assert "no service 'double' was started" in said
