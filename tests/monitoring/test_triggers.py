"""What sets a retraining off, and what does not."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from nbprod.monitoring import triggers
from nbprod.monitoring.log import PredictionLog
from nbprod.monitoring.state import State


def test_a_new_and_a_changed_file_are_named_and_one_that_is_gone_is_not(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.csv").write_text("1")
    files = triggers.Files(tmp_path, ["*.csv"])
    before, _ = files.now({})
    state = State(data=dict(before))
    assert triggers.data(state, files.now({})[0]) is None

    (tmp_path / "a.csv").write_text("22")
    (tmp_path / "b.csv").unlink()
    (tmp_path / "d.csv").write_text("1")
    found = triggers.data(state, files.now({})[0])

    assert found is not None
    assert (found.kind, found.detail) == ("data", "changed: a.csv, d.csv")


def test_a_file_that_was_written_anew_with_the_same_content_is_no_change(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1")
    files = triggers.Files(tmp_path)
    state = State(data=files.now({str(path): None})[0])
    os.utime(path, (5, 5))

    assert triggers.data(state, files.now({str(path): None})[0]) is None


def test_a_file_that_is_being_written_has_not_settled(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1")
    files = triggers.Files(tmp_path, ["*.csv"])

    assert not files.now({})[1]
    os.utime(path, (time.time() - 60,) * 2)
    assert files.now({})[1]


def test_the_file_of_labelled_rows_is_no_data_from_outside(tmp_path):
    path = tmp_path / "feedback.csv"
    path.write_text("1")
    files = triggers.Files(tmp_path, ["*.csv"], frozenset({path}))

    assert files.now({str(path): "x"}) == ({}, True)


def test_a_new_file_in_a_folder_that_was_listed_is_a_change(tmp_path):
    folder = f"{tmp_path}/"
    files = triggers.Files(tmp_path / "elsewhere")
    state = State(data=files.now({folder: None})[0])
    (tmp_path / "new.csv").write_text("1")

    assert triggers.data(state, files.now({folder: None})[0]) is not None


def test_cron_comes_once_for_all_times_that_were_missed():
    noon = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))
    state = State()

    assert triggers.cron(state, "0 3 * * *", noon) is None
    assert triggers.cron(state, "0 3 * * *", noon + 14 * 3600) is None
    assert triggers.cron(state, "0 3 * * *", noon + 80 * 3600) is not None
    assert triggers.cron(state, "0 3 * * *", noon + 80 * 3600 + 60) is None


def test_cron_goes_on_after_the_clock_was_set_back():
    noon = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))
    state = State(cron=noon + 1e7)

    assert triggers.cron(state, "0 3 * * *", noon) is None
    assert triggers.cron(state, "0 3 * * *", noon + 86400) is not None


def test_labels_are_counted_by_row_and_once(tmp_path):
    with (tmp_path / "feedback-1.jsonl").open("w") as out:
        for line in (
            {"id": "a", "label": 1},
            {"id": "a", "label": 2},
            {"id": "b", "label": [1, 2]},
            {"id": "c", "row": 4, "label": 0},
        ):
            out.write(json.dumps(line) + "\n")
    log = PredictionLog(tmp_path)
    new = triggers.NewLabels(log)

    assert triggers.labels(State(), new, 5) is None
    found = triggers.labels(State(), new, 4)
    assert found is not None
    assert found.detail == "4 new labelled rows"
    used = State(feedback={"feedback-1.jsonl": (tmp_path / "feedback-1.jsonl").stat().st_size})
    assert new.count(used.feedback) == 0
    with (tmp_path / "feedback-2.jsonl").open("w") as out:
        out.write(json.dumps({"id": "d", "label": 1}) + "\n")
    assert new.count(used.feedback) == 1
    assert new.count({}) == 5


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield lambda *at: datetime(*at, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    monkeypatch.undo()
    time.tzset()


def fired(line, start, end, step=60):
    """The local times at which a watcher that looks each minute is set off."""
    state = State(cron=start)
    zone = ZoneInfo("Europe/Berlin")
    looks = range(int(start), int(end), step)
    return [f"{datetime.fromtimestamp(now, zone):%d %H:%M}" for now in looks if triggers.cron(state, line, now)]


@pytest.mark.parametrize(
    ("month", "day", "line", "times"),
    [
        (3, 28, "0 3 * * *", ["28 03:00", "29 03:00", "30 03:00"]),  # clocks go from 2 to 3 on the 29th
        (
            3,
            28,
            "30 2 * * *",
            ["28 02:30", "29 03:00", "30 02:30"],
        ),  # an hour that there is not: as soon as it would have been
        (10, 24, "0 3 * * *", ["24 03:00", "25 03:00", "26 03:00"]),  # and from 3 to 2 on the 25th
        (10, 24, "30 2 * * *", ["24 02:30", "25 02:30", "26 02:30"]),  # an hour that comes twice: once
    ],
)
def test_cron_goes_by_local_time_when_the_clocks_change(berlin, month, day, line, times):
    assert fired(line, berlin(2026, month, day), berlin(2026, month, day + 3)) == times


def test_each_hour_is_each_hour_when_the_clocks_change(berlin):
    start = berlin(2026, 10, 25)

    assert len(fired("0 * * * *", start, start + 6 * 3600 + 60)) == 6


def test_a_watcher_that_begins_in_the_hour_that_comes_twice_is_set_off_once(berlin):
    second = berlin(2026, 10, 25, 3) - 50 * 60  # ten past two, for the second time

    assert fired("30 2 * * *", second, second + 30 * 3600) == ["26 02:30"]
