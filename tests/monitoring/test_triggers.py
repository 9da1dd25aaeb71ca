"""What sets a retraining off, and what does not."""

from __future__ import annotations

import json
import os
import time

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
