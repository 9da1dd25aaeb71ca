"""A long log by pyarrow gives what line by line gives."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nbprod.monitoring import bulk
from nbprod.monitoring.bulk import count_log
from nbprod.monitoring.counts import Counts
from nbprod.monitoring.layout import lay_out
from nbprod.monitoring.log import PredictionLog
from nbprod.monitoring.traffic import Meter, traffic
from nbprod.promotion.profile import describe

from .conftest import table


def told(counts):
    return [
        (
            one.name,
            one.part,
            one.rows,
            one.missing,
            one.wrong,
            one.outside,
            list(one.live),
            one.unseen,
            f"{one.mean or 0:.9g}",
        )
        for one in counts.columns
    ], [[None if value != value else value for value in values] for values in counts.sample.values()]


def same(log, since=0.0, version=1):
    """Counts by pyarrow, which must be those of line by line; the profile is of the first lines."""
    lines = [line for line in log.lines(since=since) if line.get("version") == version]
    seen = lay_out(lines)
    early = lay_out(lines[:20])
    profile = {
        "features": {name: describe(values) for name, values in early.features.columns.items()},
        "prediction": {
            name: describe(values) for one in early.answers.values() for name, values in one.columns.items()
        },
    }
    wanted, found, meter = Counts(profile), Counts(profile), Meter()
    wanted.take(seen, 1e12)
    count_log(log, since, version, found, meter)
    assert told(found) == told(wanted)
    assert (found.rows, found.requests, found.start) == (wanted.rows, wanted.requests, wanted.start)
    assert meter.traffic() == traffic(
        line for line in log.lines(since=since) if line.get("version", version) == version
    )
    return found


def test_rows_of_several_requests_files_and_versions(scene, monkeypatch):
    monkeypatch.setattr(bulk, "BLOCK", 2000)  # several blocks in a file
    scene.ask(table(40), batch=3)
    scene.ask(table(10), version=2)
    scene.ask(table(20), file="predictions-2.jsonl")
    log = PredictionLog(scene.log)

    assert same(log).rows == 60
    assert same(log, since=1e9 + 10).rows < 60


def test_missing_values_and_columns_that_come_later(scene, monkeypatch):
    monkeypatch.setattr(bulk, "BLOCK", 3000)
    rows = table(60).astype({"size": object, "color": object})
    rows.loc[5, "size"] = rows.loc[6, "color"] = None
    scene.ask(rows.drop(columns="color").iloc[:30].assign(size=1.0))
    with (scene.log / "predictions-1.jsonl").open("a") as out:
        for at, row in enumerate(rows.to_dict("records")):
            line = {
                "ts": 2e9,
                "id": f"m{at}",
                "version": 1,
                "route": "predict",
                "arguments": {"rows": [row]},
                "answer": [at],
                "ms": 1,
                "status": 200,
            }
            out.write(json.dumps(line) + "\n")

    same(PredictionLog(scene.log))


@pytest.mark.parametrize(
    "line",
    [
        {
            "ts": 3.0,
            "id": "x",
            "version": 1,
            "route": "predict",
            "arguments": {"text": "hi"},
            "answer": "ho",
            "ms": 1.0,
            "status": 200,
        },
        {
            "ts": 3.0,
            "id": "x",
            "version": 1,
            "route": "predict",
            "arguments": {"rows": [{"size": 1.0}], "n": 2},
            "answer": [1],
            "ms": 1.0,
            "status": 200,
        },
        {
            "ts": 3.0,
            "id": "x",
            "version": 1,
            "route": "other",
            "arguments": {"rows": [{"size": 1.0}]},
            "answer": [1],
            "ms": 1.0,
            "status": 200,
        },
        {
            "ts": 3.0,
            "id": "x",
            "version": 1,
            "route": "predict",
            "arguments": {"rows": [{"size": "text"}]},
            "answer": [1],
            "ms": 1.0,
            "status": 200,
        },
        {"ts": 3.0, "id": "x", "version": 1, "route": "predict", "status": 500, "error": "no"},
        {"ts": 3.0, "dropped": 4},
    ],
)
def test_what_is_unlike_the_others_is_read_line_by_line(scene, line):
    scene.ask(table(20))
    with (scene.log / "predictions-1.jsonl").open("a") as out:
        out.write(json.dumps(line) + "\nbroken\n")
    log = PredictionLog(scene.log)

    same(log)
    assert log.losses.broken


def test_lists_as_rows_and_lists_as_answers(tmp_path):
    with (tmp_path / "predictions-1.jsonl").open("w") as out:
        for at in range(30):
            given = np.arange(3.0) + at
            line = {
                "ts": 1.0,
                "id": f"{at}",
                "version": 1,
                "route": "proba",
                "arguments": {"x": [given.tolist()]},
                "answer": [[0.2, 0.8]],
                "ms": 1,
                "status": 200,
            }
            out.write(json.dumps(line) + "\n")

    assert [one.name for one in same(PredictionLog(tmp_path)).predictions] == ["proba[0]", "proba[1]"]


def test_an_empty_log_has_no_rows(tmp_path):
    assert same(PredictionLog(tmp_path)).rows == 0
