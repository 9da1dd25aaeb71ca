from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbprod.errors import NotFoundError, PromotionError
from nbprod.execution.events import Status
from nbprod.execution.records import Records, Run
from nbprod.execution.run import run_pipeline
from nbprod.notebook.pipeline import read_pipeline
from nbprod.project import Project
from nbprod.promotion.capture import capture
from nbprod.promotion.source import candidate, choose_run
from nbprod.sweep.plan import SweepPlan
from nbprod.sweep.space import Choices
from nbprod.sweep.trials import Sweeps, Trial

CELLS = [
    ("parameters", "scale = 2\npair = (1, 2)"),
    ("task:load", "data = [float(line) for line in open('data.txt')]\nunits = {'m': 1.0}"),
    ("task:train", "factor = sum(data) * scale + pair[1]"),
    ("metrics", "score = scale / 10"),
    ("serve", "def times(x: float) -> float:\n    return x * factor * units['m']\n\n\ntimes(data[1])"),
]


def write_notebook(path: Path, cells: list[tuple[str, str]]) -> None:
    made = [
        nbformat.v4.new_code_cell(source, id=f"cell{number}", metadata={"tags": [tag]})
        for number, (tag, source) in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=kernel), path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in a repository, whose pipeline has run once, and whose notebook and data have changed since."""
    root = tmp_path_factory.mktemp("project")
    (root / "pipelines.yaml").write_text("pipelines:\n  times:\n    notebook: times.ipynb\n")
    (root / "data.txt").write_text("1\n2\n3\n")
    write_notebook(root / "times.ipynb", CELLS)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(root)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    made = Project(root)
    run_pipeline(read_pipeline(str(root / "times.ipynb")), made, name="times", parameters={"scale": 3})
    write_notebook(root / "times.ipynb", [*CELLS[:-1], ("serve", "def times(x):\n    return 0\n\n\ntimes(1)")])
    return made


def last_run(project: Project) -> Run:
    return choose_run(project, project.pipeline("times"))


def test_a_run_is_promoted_as_it_was_though_the_notebook_has_changed(project: Project, tmp_path: Path) -> None:
    found = candidate(project, project.pipeline("times"), last_run(project))

    captured = capture(found, tmp_path / "scratch")

    assert [(call.arguments, call.answer) for call in captured.calls] == [({"x": 2.0}, 2.0 * (6 * 3 + 2))]
    assert (found.parameters["pair"], dict(found.metrics)) == ((1, 2), {"score": 0.3})


def test_the_lineage_names_cells_commit_data_and_packages(project: Project) -> None:
    lineage: Any = candidate(project, project.pipeline("times"), last_run(project)).lineage

    assert (lineage["notebook"]["path"], lineage["notebook"]["changed_since_run"]) == ("times.ipynb", True)
    assert [(cell["id"], cell["task"]) for cell in lineage["cells"]][-1] == ("cell4", "train")
    assert list(lineage["data"]) == ["data.txt"]
    assert lineage["git"]["dirty"] is True
    assert len(lineage["git"]["commit"]) == 40
    json.dumps(lineage)


def test_a_run_whose_files_are_gone_says_how_to_get_them_back(project: Project) -> None:
    run = last_run(project)
    shutil.move(project.state / "runs", project.state / "moved")
    try:
        with pytest.raises(NotFoundError, match=r"kept of its notebook is gone.*\n.*nbprod run times"):
            candidate(project, project.pipeline("times"), run)
    finally:
        shutil.move(project.state / "moved", project.state / "runs")


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    (tmp_path / "pipelines.yaml").write_text("pipelines:\n  a: {notebook: a.ipynb}\n  b: {notebook: b.ipynb}\n")
    return Project(tmp_path)


def ended(project: Project, status: Status = Status.DONE, pipeline: str = "a", **more: Any) -> Run:
    records = Records.open(project)
    run = records.start_run(pipeline, f"{pipeline}.ipynb", {}, **more)
    records.finish_run(run.id, status)
    return run


def swept(project: Project, *losses: float) -> list[Run]:
    plan = SweepPlan(search="grid", trials=len(losses), space={"x": Choices([1, 2, 3])}, optimize={"loss": "minimize"})
    sweeps = Sweeps(project)
    sweep = sweeps.start("a", plan)
    runs = [ended(project, sweep=sweep, trial=number) for number in range(len(losses))]
    for number, (run, loss) in enumerate(zip(runs, losses, strict=True)):
        sweeps.save(sweep, Trial(number, Status.DONE, {"x": number}, run=run.id, metrics={"loss": loss}))
    sweeps.finish(sweep, Status.DONE)
    return runs


def test_the_best_of_the_newest_sweep_is_promoted_by_default_or_a_newer_run(empty: Project) -> None:
    entry = empty.pipeline("a")
    ended(empty)
    best = swept(empty, 0.3, 0.1, 0.2)[1]

    assert choose_run(empty, entry).id == best.id

    newer = ended(empty)
    ended(empty, Status.FAILED)
    ended(empty, pipeline="b")
    assert choose_run(empty, entry).id == newer.id


def test_a_run_that_cannot_be_promoted_is_refused(empty: Project) -> None:
    entry = empty.pipeline("a")
    with pytest.raises(NotFoundError, match=r"no run of 'a' has succeeded yet\n.*nbprod run a"):
        choose_run(empty, entry)
    with pytest.raises(PromotionError, match="is failed, and only a finished run"):
        choose_run(empty, entry, ended(empty, Status.FAILED).id)
    with pytest.raises(PromotionError, match="is of the pipeline 'b', not 'a'"):
        choose_run(empty, entry, ended(empty, pipeline="b").id)
    with pytest.raises(NotFoundError, match="there is no run 'nothing'"):
        choose_run(empty, entry, "nothing")


def test_promotion_does_not_import_bentoml_or_a_model_library() -> None:
    code = (
        "import sys, nbprod.promotion.promote, nbprod.service.deployments, nbprod.service.predict, nbprod.promotion.source\n"
        "print([name for name in ('bentoml', 'numpy', 'pandas', 'sklearn', 'keras', 'skops') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
