"""For every case a pipeline shows what one fresh kernel shows; a second run computes nothing and shows the same.

The cases are the rows of the table of known wrong answers (their numbers are the rows) and what we found ourselves.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbprod.execution.run import RunResult, run_pipeline
from nbprod.notebook.pipeline import read_pipeline
from nbprod.project import Project
from tests.equivalence.oracle import as_notebook, run_in_one_kernel, visible

CASES = sorted((Path(__file__).parent / "cases").glob("*.py"))
FAILING = {"25_deleted": "NameError"}
RANDOM = {"20_magics", "30_default_drawn_once"}
"""Cases whose text differs between two runs of a kernel too (a time, a random number that is not shown)."""


def run(path: Path, **options: Any) -> RunResult:
    return run_pipeline(read_pipeline(path), Project(path.parent), name=path.stem, **options)


def executed(project: Path, result: RunResult) -> Any:
    return nbformat.read(project / ".nbprod" / "runs" / result.id / "notebook.ipynb", as_version=4)


@pytest.fixture(params=["ordinary", "forked"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Kernels started as usual, and kernels forked from a process that has imported what the notebook imports."""
    monkeypatch.setenv("NBPROD_KERNELS", request.param)
    return request.param


@functools.cache
def in_one_kernel(case: Path, name: str) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        return visible(run_in_one_kernel(as_notebook(case, Path(folder) / name)))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_pipeline_shows_what_the_kernel_shows(case: Path, kernels: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    path = as_notebook(case, project / f"{case.stem}.ipynb")
    before = path.read_bytes()

    expected = in_one_kernel(case, path.name)
    result = run(path)

    actual = visible(executed(project, result))
    if error := FAILING.get(case.stem):
        assert result.status == "failed"
        assert error in str(result.error)
        assert any(error in text for cell in expected for text in cell)
        return
    assert result.error is None, str(result.error)
    assert _steady(case, actual) == _steady(case, expected)
    assert path.read_bytes() == before, "the author's notebook was written to"

    again = run(path)

    assert {task.name: task.status for task in again.tasks} == {task.name: "cached" for task in again.tasks}
    assert visible(executed(project, again)) == actual


def _steady(case: Path, cells: list[list[str]]) -> list[list[str]]:
    """Leave out `%time`'s own lines, which differ between two runs of one kernel."""
    if case.stem not in RANDOM:
        return cells
    noise = ("CPU times", "Wall time")
    return [
        ["\n".join(line for line in text.splitlines() if not line.lstrip("out: ").startswith(noise)) for text in cell]
        for cell in cells
    ]
