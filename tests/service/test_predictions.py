from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nbprod.promotion.inside import predictions
from nbprod.promotion.inside.predictions import PredictionLog


def add(
    log: PredictionLog, ident: str, sent: bytes = b'{"rows": [{"x": 1, "ssn": "1"}]}', answer: bytes = b"[2]"
) -> None:
    log.add((1.5, ident, "predict", 200, sent, answer, 0.25))


def lines(folder: Path) -> list[dict[str, object]]:
    texts = [path.read_text() for path in sorted(folder.glob("predictions-*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_a_line_is_what_was_sent_on_one_line_without_what_is_to_be_left_out(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, 2, leave_out=["ssn"])
    log.start()

    add(log, 'a"b', b'{\n "rows": [{"x": 1, "ssn": "1"}]\n}')
    log.close()

    assert lines(tmp_path) == [
        {
            "ts": 1.5,
            "id": 'a"b',
            "version": 2,
            "route": "predict",
            "ms": 0.25,
            "status": 200,
            "arguments": {"rows": [{"x": 1}]},
            "answer": [2],
        }
    ]


def test_what_does_not_fit_into_memory_is_counted_and_told_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "WAITING", 3)
    counted: list[int] = []
    log = PredictionLog(tmp_path, 1, on_drop=counted.append)

    for number in range(5):
        add(log, str(number))
    log.start()
    log.close()

    found = lines(tmp_path)
    assert [line["id"] for line in found if "id" in line] == ["0", "1", "2"]
    assert [line["dropped"] for line in found if "dropped" in line] == [2]
    assert sum(counted) == 2


def test_lines_lost_to_a_full_disk_are_counted_once_and_told_when_there_is_room(tmp_path: Path) -> None:
    folder, counted = tmp_path / "predictions", list[int]()
    folder.write_text("in the way")
    log = PredictionLog(folder, 1, on_drop=counted.append)
    add(log, "lost")
    log._write()
    log._write()
    folder.unlink()

    add(log, "kept")
    log._write()

    assert sum(counted) == 1
    assert [(line.get("id"), line.get("dropped")) for line in lines(folder)] == [("kept", None), (None, 1)]


def test_files_are_begun_anew_and_the_oldest_removed_but_feedback_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "FILE_BYTES", 200)
    log = PredictionLog(tmp_path, 1, megabytes=600 / 2**20)
    for number in range(8):
        add(log, str(number))
        log._write()
    log.write_now("feedback", {"id": "x", "label": "y" * 1000})
    before = sorted(tmp_path.glob("predictions-*"))
    for age, path in enumerate(reversed(before)):
        os.utime(path, (time.time() - age, time.time() - age))
    assert len(before) > 3

    log._sweep()

    after = sorted(tmp_path.glob("predictions-*"))
    assert 0 < len(after) < len(before)
    assert after == before[-len(after) :]
    assert sum(path.stat().st_size for path in after) <= 600
    (feedback,) = tmp_path.glob("feedback-*")
    old = time.time() - 31 * 86400
    os.utime(feedback, (old, old))
    log._sweep()
    assert not feedback.exists()
