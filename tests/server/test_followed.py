"""What a job has said, read from its files."""

from __future__ import annotations

import json
from pathlib import Path

from nbprod.server.folder import JobFolder, Order
from nbprod.server.followed import Followed


def job(folder: Path, *events: dict[str, object]) -> Followed:
    order = Order("j1", "run", "a.ipynb", str(folder), str(folder / "a.ipynb"), "a", (), str(folder), 0.0)
    made = JobFolder.make(folder / "jobs", order)
    made.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    return Followed(made, folder)


def log(text: str) -> dict[str, object]:
    return {"event": "task-log", "task": "a", "text": text}


def test_of_a_long_log_the_end_is_given_and_every_other_event(tmp_path: Path) -> None:
    events = [{"event": "run-started"}, *(log(f"{n:090}") for n in range(1000)), {"event": "task-done"}, log("last")]
    found = job(tmp_path, *events).since(0, 10 * 1024)

    assert sum(len(json.dumps(one["data"])) for one in found) < 11 * 1024
    assert [one["data"] for one in found] == [events[one["number"]] for one in found], "with their numbers, in order"
    assert (found[0]["number"], found[-1]["number"]) == (0, 1002)
    assert {one["data"]["event"] for one in found} == {"run-started", "task-log", "task-done"}


def test_many_events_are_given_in_parts(tmp_path: Path) -> None:
    followed = job(tmp_path, *({"event": "task-progress", "n": n} for n in range(25)))

    parts = [followed.since(at, 1024, most=10) for at in (0, 10, 20)]

    assert [one["data"]["n"] for part in parts for one in part] == list(range(25))
    assert list(map(len, parts)) == [10, 10, 5]


def test_the_last_line_is_given_whatever_its_size_so_that_nobody_asks_for_ever(tmp_path: Path) -> None:
    followed = job(tmp_path, log("a" * 5000), log("b" * 5000))

    assert [one["number"] for one in followed.since(0, 0)] == [1]
