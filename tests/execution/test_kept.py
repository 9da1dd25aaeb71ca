"""What a run has kept can be read when the notebook has long changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprod.errors import NotFoundError
from nbprod.execution.kept import artifacts, code, run_notebook, task_notebook, with_notebook
from nbprod.execution.records import Records

from .pipelines import Work

CELLS = (
    ("parameters", "n = 1"),
    ("task:load", "rows = [1, 2]\nprint('loaded')"),
    ("task:train", "model = rows * n"),
    ("task:use", "print(model)"),
)


def test_a_run_keeps_the_notebooks_of_its_tasks_also_of_cached_ones(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    work.run()
    second = Records.open(work.project).run(work.run(parameters={"n": 2}).id)

    assert with_notebook(work.project, second) == {"load", "train", "use"}
    assert "loaded" in json.dumps(task_notebook(work.project, second, "load")["cells"])
    assert [cell["id"] for cell in run_notebook(work.project, second)["cells"]][-1] == "cell-4"
    assert {(one.name, one.task, one.summary) for one in artifacts(work.project, second)} == {
        ("rows", "load", "[1, 2]"),
        ("model", "train", "[1, 2, 1, 2]"),
    }
    with pytest.raises(NotFoundError, match="no task 'trian'"):
        task_notebook(work.project, second, "trian")


def test_the_code_is_that_of_the_run(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    first = Records.open(work.project).run(work.run().id)
    work.write(*CELLS[:2], ("task:train", "model = rows * n * 2"), CELLS[3])

    assert code(work.project, first) == {
        "load": "rows = [1, 2]\nprint('loaded')\n",
        "train": "model = rows * n\n",
        "use": "print(model)\n",
    }


def test_a_run_that_never_began_has_nothing(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    run = Records.open(work.project).start_run("p", "nb.ipynb", {})

    assert code(work.project, run) == {}
    assert artifacts(work.project, run) == []
    with pytest.raises(NotFoundError):
        run_notebook(work.project, run)
