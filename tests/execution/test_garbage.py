"""One run is deleted with what only it needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.errors import ConflictError, NotFoundError
from nbprod.execution import tables
from nbprod.execution.events import Status
from nbprod.execution.garbage import delete_run
from nbprod.execution.records import Records
from nbprod.execution.store import Store

from .pipelines import Work, states

CELLS = (("parameters", "n = 1"), ("task:load", "rows = [1, 2]"), ("task:train", "model = [row * n for row in rows]"))


@pytest.fixture(autouse=True)
def config(tmp_path: Path, records_url: str) -> None:
    (tmp_path / "pipelines.yaml").write_text(f"records: {records_url}\n")


def test_what_other_runs_need_stays(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    store = Store(work.project.state / "artifacts")
    first = work.run(parameters={"n": 1})
    before = store.digests()
    second = work.run(parameters={"n": 2})

    delete_run(work.project, second.id)

    assert store.digests() == before, "its own model has gone, the rows have not"
    assert not (work.project.state / "runs" / second.id).exists()
    with pytest.raises(NotFoundError):
        Records.open(work.project).run(second.id)
    assert states(work.run(parameters={"n": 1})) == {"load": "cached", "train": "cached"}
    again = work.run(parameters={"n": 2})
    assert states(again) == {"load": "cached", "train": "done"}

    delete_run(work.project, first.id)
    assert states(work.run(parameters={"n": 2})) == {"load": "cached", "train": "cached"}


def test_a_run_that_goes_on_or_became_a_version_stays(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    records = Records.open(work.project)
    running = records.start_run("p", "nb.ipynb", {})
    with pytest.raises(ConflictError, match="going on"):
        delete_run(work.project, running.id)

    records.finish_run(running.id, Status.DONE)
    version = {
        "model": "p",
        "version": 3,
        "pipeline": "p",
        "run": running.id,
        "status": "ready",
        "path": "",
        "host": "h",
    }
    empty: dict[str, object] = {"metrics": {}, "lineage": {}, "files": {}, "pid": 1, "created": 0.0}
    with records.db.write() as connection:
        tables.ModelVersions.add(connection, **version, **empty)
    with pytest.raises(ConflictError, match="p/v3"):
        delete_run(work.project, running.id)

    with records.db.write() as connection:
        tables.ModelVersions.update(status="failed").execute(connection)
    delete_run(work.project, running.id)


def test_nothing_is_taken_from_a_run_that_goes_on(tmp_path: Path) -> None:
    work = Work(tmp_path, *CELLS)
    done = work.run()
    store = Store(work.project.state / "artifacts")
    before = store.digests()
    records = Records.open(work.project)
    going = records.start_run("p", "nb.ipynb", {})

    delete_run(work.project, done.id)

    assert store.digests() == before
    records.finish_run(going.id, Status.DONE)
    assert states(work.run()) == {"load": "cached", "train": "cached"}
