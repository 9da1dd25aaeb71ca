"""A long log by pyarrow gives what line by line gives."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nbprod.monitoring import bulk
from nbprod.monitoring.bulk import lay_out_log
from nbprod.monitoring.layout import lay_out
from nbprod.monitoring.log import PredictionLog
from nbprod.promotion.profile import describe

from .conftest import table


def plain(columns):
    return {
        name: [None if value is None or value != value else value for value in values]
        for name, values in columns.items()
    }


def same(log, since=0.0, version=1):
    found = lay_out_log(log, since, version)
    lines = [line for line in log.lines(since=since) if line.get("version") == version]
    wanted = lay_out(lines)
    assert plain(found.features.columns) == plain(wanted.features.columns)
    assert list(found.features.requests) == list(wanted.features.requests)
    assert list(found.features.rows) == list(wanted.features.rows)
    assert {r: plain(t.columns) for r, t in found.answers.items()} == {
        r: plain(t.columns) for r, t in wanted.answers.items()
    }
    assert [line["id"] for line in found.lines] == [line["id"] for line in wanted.lines]
    for name, values in found.features.columns.items():
        assert describe(values) == describe(wanted.features.columns[name])
    return found


def test_rows_of_several_requests_files_and_versions(scene, monkeypatch):
    monkeypatch.setattr(bulk, "BLOCK", 2000)  # several blocks in a file
    scene.ask(table(40), batch=3)
    scene.ask(table(10), version=2)
    scene.ask(table(20), file="predictions-2.jsonl")
    log = PredictionLog(scene.log)

    assert len(same(log).features) == 60
    assert len(same(log, since=1e9 + 10).features) < 60


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

    assert list(same(PredictionLog(tmp_path)).answers["proba"].columns) == ["proba[0]", "proba[1]"]


def test_an_empty_log_has_no_rows(tmp_path):
    assert len(lay_out_log(PredictionLog(tmp_path), 0, 1).features) == 0
