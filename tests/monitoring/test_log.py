"""Reading a log that others are writing."""

from __future__ import annotations

import json
import os
import time

import pytest

from nbprod.monitoring import lines
from nbprod.monitoring.log import LogError, PredictionLog, Tail, check_log, rows_in


def line(ts, version=1, rows=1, **more):
    arguments = {"rows": [{"a": ts}] * rows}
    return {
        "ts": ts,
        "id": str(ts),
        "version": version,
        "arguments": arguments,
        "answer": [0] * rows,
        "status": 200,
        **more,
    }


def write(path, lines, end="\n"):
    with path.open("a") as file:
        file.write("\n".join(json.dumps(item) for item in lines) + end)


def test_the_newest_rows_come_oldest_first_from_the_files_of_all_workers(tmp_path):
    write(tmp_path / "predictions-1.jsonl", [line(ts) for ts in (1, 3, 5)])
    write(tmp_path / "predictions-2.jsonl", [line(ts) for ts in (2, 4, 6)])

    found = PredictionLog(tmp_path).newest(4)

    assert [item["ts"] for item in found] == [3, 4, 5, 6]


def test_newest_counts_rows_not_requests_and_takes_one_version(tmp_path):
    write(tmp_path / "predictions-1.jsonl", [line(1, rows=50), line(2, rows=50), line(3, version=2), line(4, rows=50)])

    found = PredictionLog(tmp_path).newest(60, version=1)

    assert [item["ts"] for item in found] == [2, 4]


def test_requests_that_failed_are_not_among_the_newest(tmp_path):
    write(tmp_path / "predictions-1.jsonl", [line(1), {"ts": 2, "id": "b", "status": 400}, line(3, status=500)])

    assert [item["ts"] for item in PredictionLog(tmp_path).newest(9)] == [1]


def test_a_big_file_is_read_from_its_end(tmp_path):
    path = tmp_path / "predictions-1.jsonl"
    write(path, [line(ts) for ts in range(30_000)])  # several blocks

    assert [item["ts"] for item in PredictionLog(tmp_path).newest(20_000)] == list(range(10_000, 30_000))
    assert len(list(PredictionLog(tmp_path).lines())) == 30_000


def test_broken_lines_are_counted_and_the_half_written_last_one_waits(tmp_path):
    path = tmp_path / "predictions-1.jsonl"
    write(path, [line(1)])
    with path.open("a") as file:
        file.write('{"ts": 2, "id"\n\x00\x00\n[1]\n{"ts": 3, "dropped": 12}\n')
    write(path, [line(4)])
    with path.open("a") as file:
        file.write('{"ts": 5, "id": "half')

    log = PredictionLog(tmp_path)

    assert [item["ts"] for item in log.lines()] == [1, 4]
    assert (log.losses.broken, log.losses.dropped) == (3, 12)
    assert [item["ts"] for item in PredictionLog(tmp_path).newest(9)] == [1, 4]


def test_a_tail_gives_each_line_once_across_rotation_and_restart(tmp_path):
    first, second = tmp_path / "predictions-1.jsonl", tmp_path / "predictions-2.jsonl"
    tail = Tail(PredictionLog(tmp_path))
    assert tail.new() == []
    write(first, [line(1), line(2)])
    with first.open("a") as file:
        file.write('{"ts": 3,')
    assert [item["ts"] for item in tail.new()] == [1, 2]
    with first.open("a") as file:
        file.write(' "id": "c"}\n')
    write(second, [line(4)])

    again = Tail(PredictionLog(tmp_path), places=json.loads(json.dumps(tail.places)))

    assert sorted(item["ts"] for item in again.new()) == [3, 4]
    first.unlink()  # retention
    write(second, [line(5)])
    assert [item["ts"] for item in again.new()] == [5]
    assert list(again.places) == ["predictions-2.jsonl"]


def test_a_clock_that_was_set_back_loses_nothing_for_a_tail(tmp_path):
    path = tmp_path / "predictions-1.jsonl"
    tail = Tail(PredictionLog(tmp_path))
    write(path, [line(100)])
    assert len(tail.new()) == 1
    write(path, [line(50)])
    assert [item["ts"] for item in tail.new()] == [50]


def test_lines_since_a_time_are_found_from_the_end(tmp_path):
    write(tmp_path / "predictions-1.jsonl", [line(ts) for ts in range(1000)])
    old = tmp_path / "predictions-0.jsonl"
    write(old, [line(1)])
    os.utime(old, (5, 5))

    assert [item["ts"] for item in PredictionLog(tmp_path).since(990, 100)] == list(range(990, 1000))


def test_no_log_says_how_to_get_one(tmp_path):
    with pytest.raises(LogError, match=r"no prediction log.*\n.*nbprod serve wine"):
        check_log(tmp_path / "none", "wine")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    tmp_path.chmod(0)
    try:
        with pytest.raises(LogError, match="cannot be read"):
            check_log(tmp_path, "wine")
    finally:
        tmp_path.chmod(0o700)


def test_a_log_that_is_a_folder_in_place_of_a_file_is_told(tmp_path):
    (tmp_path / "predictions-1.jsonl").mkdir()

    with pytest.raises(LogError, match="cannot be read"):
        PredictionLog(tmp_path).newest(5)


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [({"rows": [{}, {}]}, 2), ({"x": [[1], [2], [3]]}, 3), ({"text": "a"}, 1), ({"texts": ["a", "b"]}, 1), (None, 1)],
)
def test_rows_in_a_request(arguments, rows):
    assert rows_in({"arguments": arguments}) == rows


def test_the_newest_of_a_long_log_take_no_time(tmp_path):
    path = tmp_path / "predictions-1.jsonl"
    text = json.dumps(line(1)) + "\n"
    path.write_text(text * 300_000)

    began = time.perf_counter()
    found = PredictionLog(tmp_path).newest(1000)

    assert len(found) == 1000
    assert time.perf_counter() - began < 1


HEAD = '{"ts":%d.250,"id":"%s","version":%d,"route":"predict","ms":1.500,"status":%d,"arguments":{"rows":[{"a":1}]},"answer":[0]}\n'


def test_what_a_service_writes_is_read_without_what_was_asked():
    told = {"ts": 5.25, "id": "abc", "version": 2, "route": "predict", "ms": 1.5, "status": 200}

    assert lines.head((HEAD % (5, "abc", 2, 200)).encode()) == told
    assert lines.head(json.dumps(json.loads(HEAD % (5, "abc", 2, 200))).encode()) is None  # with blanks: parsed whole
    assert lines.head((HEAD % (5, '\\"', 2, 200)).encode()) is None  # so is an id with an escape
    assert lines.name_of((HEAD % (5, "abc", 2, 200)).encode()) == b"abc"


def test_the_writer_of_the_service_writes_such_lines(tmp_path):
    from nbprod.promotion.inside.predictions import PredictionLog as Writer

    written = Writer(tmp_path, 3)._line((1.5, "abc", "predict", 200, b'{"rows":[]}', b"[]", 2.25))

    assert lines.head(written) == {"ts": 1.5, "id": "abc", "version": 3, "route": "predict", "ms": 2.25, "status": 200}


def test_a_file_without_lines_of_a_version_is_read_once_for_it(tmp_path, monkeypatch):
    path = tmp_path / "predictions-1.jsonl"
    path.write_text("".join(HEAD % (ts, ts, 1, 200) for ts in range(50)))
    log = PredictionLog(tmp_path)
    assert log.newest(10, version=2) == []
    stops = []
    original = lines.backwards
    monkeypatch.setattr(
        "nbprod.monitoring.log.backwards", lambda path, stop=0: stops.append(stop) or original(path, stop)
    )
    with path.open("a") as out:
        out.write(HEAD % (51, "new", 2, 200))

    assert [item["id"] for item in log.newest(10, version=2)] == ["new"]
    assert len(log.newest(10, version=1)) == 10
    assert stops == [len(path.read_text()) - len(HEAD % (51, "new", 2, 200)), 0]


def test_a_tail_that_begins_in_the_middle_of_a_line_gives_that_line_whole(tmp_path):
    path = tmp_path / "predictions-1.jsonl"
    write(path, [line(1)])
    with path.open("a") as file:
        file.write('{"ts": 2, ')
    tail = Tail(PredictionLog(tmp_path))
    tail.skip()
    with path.open("a") as file:
        file.write('"id": "b"}\n')

    assert [item["ts"] for item in tail.new()] == [2]


def test_a_last_line_that_nobody_ends_is_counted(tmp_path):
    path = tmp_path / "predictions-1.jsonl"
    write(path, [line(1)])
    with path.open("a") as file:
        file.write('{"ts": 2, ')
    log = PredictionLog(tmp_path)
    log.count_cut()
    assert log.losses.broken == 0  # it may still be written

    os.utime(path, (time.time() - 600,) * 2)
    log.count_cut()

    assert log.losses.broken == 1
