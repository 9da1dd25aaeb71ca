"""Whole sweeps over a notebook of four tasks, with real kernels."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbprod.errors import ConfigError, ParameterError
from nbprod.execution.events import Status
from nbprod.notebook.pipeline import Pipeline, read_pipeline
from nbprod.project import Project
from nbprod.sweep import Choices, SweepPlan, Sweeps, choose_metric, resume_sweep, run_sweep

NOTEBOOK = """
# %% tags=["parameters"]
depth = 2
fail_at = -1
pause = 0.0

# %% tags=["task:load"]
rows = list(range(10))

# %% tags=["task:features"]
squares = [row * row for row in rows]

# %% tags=["task:split"]
train, test = squares[:7], squares[7:]

# %% tags=["task:fit"]
import time
time.sleep(pause)
if depth == fail_at and not __import__("os").path.exists("mended"):
    raise ValueError("no such depth")
model = sum(train) * depth

# %% tags=["metrics"]
score = 1.0 / (1 + abs(depth - 5))
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "n.py").write_text(NOTEBOOK)
    return Project(tmp_path)


@pytest.fixture
def pipeline(project: Project) -> Pipeline:
    return read_pipeline(project.root / "n.py")


def plan(*depths: int, **options: object) -> SweepPlan:
    values = {"space": {"depth": Choices(depths)}, "optimize": {"score": "maximize"}, "search": "grid", **options}
    return SweepPlan(**values)  # type: ignore[arg-type]


def test_tasks_that_the_parameter_does_not_reach_run_once(project: Project, pipeline: Pipeline) -> None:
    sweep = run_sweep(pipeline, project, plan(*range(1, 13), parallel=2), name="n")

    tasks = [trial.tasks for trial in sweep.trials]
    assert sum(counts.get("done", 0) for counts in tasks) == 3 + 12
    assert sum(counts.get("cached", 0) for counts in tasks) == 48 - 15
    assert sweep.best is not None
    assert sweep.best.parameters["depth"] == 5
    assert sweep.status is Status.DONE
    assert len({trial.run for trial in sweep.trials}) == 12


def test_a_failed_trial_does_not_stop_the_sweep_and_can_be_repeated(project: Project, pipeline: Pipeline) -> None:
    sweep = run_sweep(pipeline, project, plan(1, 2, 3, fixed={"fail_at": 2}), name="n")

    failed = [trial for trial in sweep.trials if trial.status is Status.FAILED]
    assert [trial.parameters["depth"] for trial in failed] == [2]
    assert "no such depth" in (failed[0].error or "")

    (project.root / "mended").touch()
    again = resume_sweep(pipeline, project, sweep, name="n", retry_failed=True)

    assert sorted(t.parameters["depth"] for t in again.trials if t.status.is_good()) == [1, 2, 3]
    assert len(again.trials) == 4
    assert sum(t.tasks.get("done", 0) for t in again.trials if t.number == 3) == 1


@pytest.mark.parametrize(
    ("how", "status"),
    [(signal.SIGKILL, Status.LOST), (signal.SIGTERM, Status.CANCELLED)],
    ids=["killed", "asked to end"],
)
def test_a_stopped_sweep_goes_on_where_it_stopped(
    project: Project, pipeline: Pipeline, how: signal.Signals, status: Status
) -> None:
    code = (
        "import sys; from pathlib import Path; from nbprod.project import Project\n"
        "from nbprod.notebook.pipeline import read_pipeline; from nbprod.sweep import *\n"
        "project = Project(Path(sys.argv[1]))\n"
        "plan = SweepPlan({'depth': Choices((1, 2, 3, 4))}, {'score': 'maximize'}, search='grid', fixed={'pause': 1.0})\n"
        "run_sweep(read_pipeline(project.root / 'n.py'), project, plan, name='n')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(project.root)], start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 90
    while not (project.state / "nbprod.db").exists() or not _good(project):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.kill(process.pid, how)
    process.wait(60)
    stopped = Sweeps(project).get()
    assert stopped.status is status
    assert not [trial for trial in stopped.trials if trial.status is Status.FAILED]
    done_before = [trial.number for trial in stopped.trials if trial.status.is_good()]

    sweep = resume_sweep(pipeline, project, stopped, name="n")

    good = [trial for trial in sweep.trials if trial.status.is_good()]
    assert sorted(trial.parameters["depth"] for trial in good) == [1, 2, 3, 4]
    assert [trial.number for trial in good][: len(done_before)] == done_before
    assert sweep.status is Status.DONE


def _good(project: Project) -> bool:
    try:
        return any(trial.status.is_good() for trial in Sweeps(project).get().trials)
    except LookupError:
        return False


def test_an_unknown_parameter_is_refused_before_anything_runs(project: Project, pipeline: Pipeline) -> None:
    wrong = SweepPlan({"dept": Choices((1,))}, {"score": "maximize"})

    with pytest.raises(ParameterError, match="dept"):
        run_sweep(pipeline, project, wrong, name="n")

    assert not (project.state / "sweeps").exists()


def test_the_metric_is_the_pipelines_unless_told(pipeline: Pipeline) -> None:
    assert choose_metric(pipeline, None) == {"score": "maximize"}
    with pytest.raises(ConfigError) as caught:
        choose_metric(pipeline, {"scor": "maximize"})
    assert "did you mean 'score'" in str(caught.value)
