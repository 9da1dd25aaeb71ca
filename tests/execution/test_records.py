"""Runs are durable: they have an id at once, many processes write them, and none stays `running` for ever."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.errors import NotFoundError, RunError
from nbprod.execution import processes, tables
from nbprod.execution.database import Database
from nbprod.execution.events import Status
from nbprod.execution.records import Records, TaskResults, TaskRun


@pytest.fixture
def records(records_url: str) -> Iterator[Records]:
    db = Database(records_url)
    yield Records(db)
    db.close()


def test_a_run_is_found_by_its_id_its_beginning_and_its_end(records: Records) -> None:
    run = records.start_run("wine", "nb.ipynb", {"depth": 2})

    assert records.run(run.id) == records.run(run.id[-4:]) == records.run(run.id[:-2]) == run
    with pytest.raises(NotFoundError, match="no run 'zz'"):
        records.run("zz")


def test_ids_sort_by_time(records: Records) -> None:
    first = records.start_run("wine", "nb.ipynb", {})

    assert first.id[:19] <= records.start_run("wine", "nb.ipynb", {}).id[:19]
    assert [run.pipeline for run in records.runs("other")] == []


def test_a_finished_run_keeps_its_tasks_metrics_and_files(records: Records) -> None:
    run = records.start_run("wine", "nb.ipynb", {})
    records.save_task(run.id, TaskRun("train", Status.RUNNING, "never ran"))
    results = TaskResults({"accuracy": 0.5}, {"/in.csv": "aa"}, {"/out.csv": "bb"})
    records.save_task(run.id, TaskRun("train", Status.DONE, "never ran", seconds=1.5), results)
    records.save_task(run.id, TaskRun("late", Status.RUNNING, "never ran"))

    records.finish_run(run.id, Status.DONE, metrics={"accuracy": 0.5}, outputs={"model": "cc"})

    done = records.run(run.id)
    assert (done.status, done.metrics, done.outputs) == (Status.DONE, {"accuracy": 0.5}, {"model": "cc"})
    assert [(task.task, task.status) for task in done.tasks] == [("train", "done"), ("late", "cancelled")]
    assert records.files(run.id) == {"read": {"/in.csv": "aa"}, "written": {"/out.csv": "bb"}}


SCRIPT = """
import sys
from nbprod.execution.database import Database
from nbprod.execution.records import Records
from nbprod.execution.events import Status
records = Records(Database(sys.argv[1]))
for number in range(int(sys.argv[2])):
    run = records.start_run("p", "nb", {"number": number})
    if sys.argv[3] == "finish":
        records.finish_run(run.id, Status.DONE)
"""


def start(url: str, count: int, end: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, url, str(count), end])


def test_processes_that_write_at_once_lose_nothing(records: Records) -> None:
    writers = [start(records.db.url, 25, "finish") for _ in range(4)]

    assert [writer.wait(60) for writer in writers] == [0] * 4
    runs = records.runs(limit=1000)
    assert len(runs) == 100
    assert {run.status for run in runs} == {Status.DONE}


def test_a_run_whose_process_is_gone_is_lost(records: Records) -> None:
    assert start(records.db.url, 1, "vanish").wait(60) == 0
    mine = records.start_run("p", "nb", {})

    states = {run.id: run.status for run in records.runs()}

    assert states.pop(mine.id) is Status.RUNNING
    assert list(states.values()) == [Status.LOST]


def test_a_number_given_to_a_new_process_is_not_the_old_one() -> None:
    _, pid, begun = processes.me()

    assert processes.is_alive(pid, begun)
    assert begun is not None
    assert not processes.is_alive(pid, begun - 1)


def test_records_of_a_newer_version_are_left_alone(records: Records) -> None:
    with records.db.write() as connection:
        tables.Schema.update(version=99).execute(connection)

    with pytest.raises(RunError, match="newer nbprod"):
        Database(records.db.url)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="unable to open database file"):
        Database(f"sqlite:///{tmp_path}")
