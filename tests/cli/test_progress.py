"""What a reader sees of a run while it goes on."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from nbprod.cli.progress import JsonLines, Lines, LiveTable, progress
from nbprod.execution.events import (
    Replanned,
    RunFinished,
    RunStarted,
    Status,
    TaskCell,
    TaskFinished,
    TaskLog,
    TaskQueued,
    TaskStarted,
)

STARTED = RunStarted(run="R", at=0, pipeline="wine", parameters={"lr": 0.123456}, tasks=("load", "train", "evaluate"))
CACHED = TaskFinished(run="R", at=0, task="load", status=Status.CACHED, seconds=0, reason="cached from run Q")
TRAIN = TaskStarted(run="R", at=0, task="train", reason="parameter lr 0.1 -> 0.123456")
CELL = TaskCell(run="R", at=0, task="train", cell=7, index=2, total=3)
FAILED = TaskFinished(
    run="R", at=0, task="train", status=Status.FAILED, seconds=12.3, reason="new", error="ValueError: [no]\nmore"
)
SKIPPED = TaskFinished(run="R", at=0, task="evaluate", status=Status.SKIPPED, seconds=0, reason="train failed")
FINISHED = RunFinished(run="R", at=0, status=Status.FAILED, seconds=200, metrics={"accuracy": 0.91234567})


def test_a_pipe_gets_a_line_for_each_thing_worth_knowing(capsys):
    log = TaskLog(run="R", task="train", stream="stdout", text="epoch 1")
    with Lines() as show:
        for event in (STARTED, CACHED, TRAIN, CELL, log, FAILED, SKIPPED, FINISHED):
            show(event)

    assert capsys.readouterr().out.splitlines() == [
        "run R of wine with lr=0.1235",
        "load: cached from run Q",
        "train: runs: parameter lr 0.1 -> 0.123456",
        "train: failed in 12 s",
        "evaluate: train failed",
        "failed in 3 min 20 s: accuracy 0.9123",
    ]


def test_json_gives_every_event_on_a_line(capsys):
    with JsonLines() as show:
        show(CELL)
        show(RunFinished(run="R", at=1, status=Status.DONE, seconds=2, metrics={"loss": float("nan")}))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "task-cell", "run": "R", "at": 0, "task": "train", "cell": 7, "index": 2, "total": 3}
    assert (lines[1]["status"], lines[1]["metrics"]) == ("done", {"loss": "nan"})


def screen(show: LiveTable) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(show.table())
    return console.file.getvalue()


def test_a_terminal_sees_each_task_with_its_state_and_the_cell_being_run():
    show = LiveTable()
    for event in (STARTED, CACHED, TaskQueued(run="R", task="evaluate", reason="input model changed"), TRAIN, CELL):
        show(event)

    text = screen(show)

    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "cached from run Q" in lines["load"]
    assert "▸ running" in lines["train"]
    assert "cell 7 (2 of 3)" in lines["train"]
    assert "input model changed" in lines["evaluate"]


def test_a_terminal_keeps_the_end_of_a_run():
    """The first line of an error is shown as it is, square brackets included."""
    show = LiveTable()
    for event in (STARTED, CACHED, TRAIN, FAILED, SKIPPED, FINISHED):
        show(event)

    text = screen(show)

    assert "✗ failed" in text
    assert "ValueError: [no]" in text
    assert "more" not in text
    assert show.last == "failed in 3 min 20 s: accuracy 0.9123"


def test_a_task_that_is_planned_anew_is_pending_again():
    show = LiveTable()
    for event in (STARTED, FAILED, Replanned(run="R", taught_by="load", pending=("train",))):
        show(event)

    assert show.rows["train"].status is Status.PENDING
    assert "load showed more than its code says" in screen(show)


@pytest.mark.parametrize(
    ("as_json", "tty", "kind"), [(True, True, JsonLines), (False, True, LiveTable), (False, False, Lines)]
)
def test_the_display_fits_where_the_output_goes(monkeypatch, as_json, tty, kind):
    monkeypatch.setattr("sys.stdout.isatty", lambda: tty, raising=False)

    assert type(progress(as_json=as_json)) is kind
