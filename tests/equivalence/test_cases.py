"""For every case a pipeline shows what one fresh kernel shows; a second run computes nothing and shows the same.

The cases are the rows of the table of known wrong answers (their numbers are the rows) and what we found ourselves.
"""

from __future__ import annotations

import shutil
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


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_pipeline_shows_what_the_kernel_shows(case: Path, tmp_path: Path) -> None:
    plain, project = tmp_path / "plain", tmp_path / "project"
    plain.mkdir()
    project.mkdir()
    path = as_notebook(case, plain / f"{case.stem}.ipynb")
    shutil.copy(path, project)
    before = path.read_bytes()

    expected = visible(run_in_one_kernel(path))
    result = run(project / path.name)

    actual = visible(executed(project, result))
    if error := FAILING.get(case.stem):
        assert result.status == "failed"
        assert error in str(result.error)
        assert any(error in text for cell in expected for text in cell)
        return
    assert result.error is None, str(result.error)
    assert _steady(case, actual) == _steady(case, expected)
    assert (project / path.name).read_bytes() == before, "the author's notebook was written to"

    again = run(project / path.name)

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
