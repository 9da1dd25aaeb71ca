"""What is remembered of sweeps, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.errors import NotFoundError
from nbprod.execution import tables
from nbprod.execution.database import database
from nbprod.execution.events import Status
from nbprod.project import Project
from nbprod.sweep import Choices, SweepPlan, Sweeps
from nbprod.sweep.trials import Trial

PLAN = SweepPlan(space={"depth": Choices((1, 2))}, optimize={"score": "maximize"}, search="grid")


@pytest.fixture
def project(tmp_path: Path, records_url: str) -> Project:
    (tmp_path / "pipelines.yaml").write_text(f"records: {records_url}\n")
    return Project(tmp_path)


def test_a_trial_is_in_place_of_what_was_entered_for_it_before(project: Project) -> None:
    sweeps = Sweeps(project)
    sweep = sweeps.start("p", PLAN)
    sweeps.save(sweep, Trial(1, Status.RUNNING, {"depth": 1}, started=1.0))
    sweeps.save(sweep, Trial(0, Status.DONE, {"depth": 2}, metrics={"score": 0.5}, tasks={"cached": 2}, seconds=2.0))
    done = Trial(1, Status.DONE, {"depth": 1}, run="r", metrics={"score": 0.75}, seconds=1.0)
    sweeps.save(sweep, done)

    found = sweeps.get(sweep[-4:])

    assert (found.id, found.plan, found.status) == (sweep, PLAN, Status.RUNNING)
    assert [trial.number for trial in found.trials] == [0, 1]
    assert found.best == done, "nothing of the state before is left"


def test_the_newest_sweep_is_found_and_one_that_ended_says_when(project: Project) -> None:
    sweeps = Sweeps(project)
    with pytest.raises(NotFoundError, match="no sweep yet"):
        sweeps.get()
    sweeps.finish(sweeps.start("p", PLAN), Status.DONE)
    other = sweeps.start("q", PLAN)

    assert sweeps.get().id == other
    assert sweeps.get(pipeline="p").finished is not None
    assert [one.pipeline for one in sweeps.all()] == ["q", "p"]


def test_a_sweep_whose_process_is_gone_is_lost(project: Project) -> None:
    sweep = Sweeps(project).start("p", PLAN)
    with database(project).write() as connection:
        tables.Sweeps.update(pid=2**22 - 7, process_started=1.0).execute(connection)

    assert Sweeps(project).get(sweep).status is Status.LOST
