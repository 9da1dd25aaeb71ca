"""`nbprod monitor`, from the log on disk to the exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from nbprod.cli import app
from nbprod.cli.app import main

from .conftest import answer, table


@pytest.fixture
def run(scene, monkeypatch, capsys):
    monkeypatch.chdir(scene.root)

    def command(*arguments):
        code = main(["monitor", *arguments])
        return code, capsys.readouterr()

    return command


def test_a_quiet_service_is_fine_and_a_drifting_one_exits_5(scene, run):
    scene.promote()
    scene.ask(table(1200, seed=3))
    assert run()[0] == 0

    scene.ask(table(1000, seed=4, shift=0.6))
    code, printed = run("--json")

    report = json.loads(printed.out)
    assert code == 5
    assert report["alarm"]
    assert [column["name"] for column in report["columns"] if column["verdict"] == "drift"] == ["size", "predict.kind"]
    assert (report["rows"], report["traffic"]["p50"]) == (1000, 2)


def test_the_table_names_what_drifted(scene, run):
    scene.promote()
    scene.ask(table(1000, seed=4, shift=0.6))

    printed = run()[1].out

    assert re.search(r"size\s+feature .* drift", printed)
    assert "alarm: size, predict.kind" in printed


def test_live_metrics_alarm(scene, run):
    scene.promote(metrics={"accuracy": 0.95})
    rows = table(400, seed=3)
    ids = scene.ask(rows)
    rng = np.random.default_rng(0)
    scene.tell(ids, [item["kind"] if rng.random() < 0.7 else "neither" for item in answer(rows)])

    code, printed = run("--json")

    report = json.loads(printed.out)
    assert code == 5
    assert (report["labelled"], report["scores"][0]["alarm"]) == (400, True)


def test_a_version_without_a_profile_says_so_and_still_tells_latency(scene, run):
    scene.promote(with_profile=False)
    scene.ask(table(300))

    code, printed = run()

    assert code == 0
    assert "before profiles were kept" in printed.out
    assert "300 requests" in printed.out


def test_an_empty_log_is_no_error(scene, run):
    scene.promote()

    code, printed = run()

    assert code == 0
    assert "has answered nothing yet" in printed.out


def test_half_written_and_broken_lines_and_dropped_ones_are_told(scene, run):
    scene.promote()
    scene.ask(table(300))
    with (scene.log / "predictions-1.jsonl").open("a") as out:
        out.write('nonsense\n{"ts": 1, "dropped": 7}\n{"ts": 2, "half')

    printed = run()[1].out

    assert "1 lines of the log could not be read" in printed
    assert "dropped 7 lines" in printed


def test_a_model_that_was_never_promoted_or_asked_is_told(scene, run):
    code, printed = run()
    assert code == 1
    assert "nothing has been promoted" in printed.err

    scene.promote()
    scene.log.rmdir()
    code, printed = run()
    assert code == 1
    assert "no prediction log" in printed.err


def test_an_unknown_version_is_told(scene, run):
    scene.promote()

    assert "no version 7" in run("--version", "7")[1].err


def test_a_damaged_profile_is_told(scene, run):
    scene.promote()
    (scene.root / ".nbprod" / "models" / "wine" / "v1" / "src" / "profile.json").write_text("{")

    code, printed = run()

    assert code == 1
    assert "the profile of wine/v1 cannot be read" in printed.err


def test_requests_of_another_version_do_not_count(scene, run):
    scene.promote()
    scene.ask(table(300, shift=2), version=9)

    assert "has answered nothing yet" in run()[1].out


def test_a_clock_that_went_back_is_told(scene, run):
    scene.promote()
    scene.ask(table(300), start=9e9)

    assert "a clock was set back" in run()[1].out


def test_failed_requests_are_counted(scene, run):
    scene.promote()
    scene.ask(table(300))
    with (scene.log / "predictions-1.jsonl").open("a") as out:
        for status in (500, 500, 400):
            out.write(json.dumps({"ts": 1e9 + 301, "id": "x", "version": 1, "status": status, "error": "no"}) + "\n")

    assert "303 requests, 2 failed, 1 refused" in run()[1].out


def test_all_rows_since_a_time_may_be_compared(scene, run):
    scene.promote()
    scene.ask(table(3000))

    assert json.loads(run("--since", "9999w", "--json")[1].out)["rows"] == 3000
    assert CliRunner().invoke(app.nbprod, ["monitor", "--since", "soon"]).exit_code == 2


def test_the_page_stands_alone_and_escapes_what_came_in(scene, run, tmp_path):
    scene.promote()
    rows = table(1000, shift=0.6)
    rows.loc[0:80, "color"] = "<script>alert(1)</script>"
    scene.ask(rows)

    run("--html", "report.html")

    text = (scene.root / "report.html").read_text()
    assert text.count("<svg") == 5
    assert "Alarm: size" in text
    assert "<script" not in text
    assert not re.search(r"(src|href)=|https?://", text)


def test_gauges_are_written_for_the_service_and_for_prometheus(scene, run):
    scene.promote()
    scene.ask(table(1000, shift=0.6))

    run("--prometheus", "wine.prom")

    text = (scene.root / "wine.prom").read_text()
    assert 'nbprod_drift_alarm{model="wine",version="1"} 1' in text
    assert re.search(r'nbprod_drift\{model="wine",version="1",feature="size",part="feature"\} 0\.[0-9]', text)
    told = json.loads((scene.log.parent / "drift.json").read_text())
    assert told["alarm"]
    assert {"name": "nbprod_drift_alarm", "labels": {"model": "wine", "version": "1"}, "value": 1.0} in told["gauges"]


def test_a_report_that_cannot_be_written_is_told(scene, run):
    scene.promote()

    code, printed = run("--html", "no/such/folder.html")

    assert code == 1
    assert "cannot be written" in printed.err


def test_evidently_that_is_not_there_says_what_to_do(scene, run):
    scene.promote()
    scene.ask(table(300))

    code, printed = run("--evidently", "e.html")

    assert code == 1
    assert "Evidently cannot be imported" in printed.err
    assert "pandas<3" in printed.err


def test_a_page_of_nothing_says_so_in_place_of_an_all_clear(scene, run):
    scene.promote()

    run("--html", "report.html")

    text = (scene.root / "report.html").read_text()
    assert "Nothing could be compared." in text
    assert "has answered nothing yet" in text
    assert "No alarm" not in text
    assert "Distributions" not in text


def test_a_long_log_is_compared_whole_and_plotted_by_an_even_part(scene, run, monkeypatch):
    from nbprod.monitoring import counts

    monkeypatch.setattr(counts, "SAMPLED", 500)
    scene.promote()
    scene.ask(table(3000, shift=0.6))

    code, printed = run("--since", "9999w", "--json", "--html", "report.html")

    assert code == 5
    report = json.loads(printed.out)
    assert (report["rows"], report["traffic"]["requests"]) == (3000, 3000)
    assert (scene.root / "report.html").read_text().count("<svg") == 5


def test_a_sample_is_even_whatever_the_blocks_it_came_in(monkeypatch):
    from nbprod.monitoring import counts
    from nbprod.promotion.profile import describe

    monkeypatch.setattr(counts, "SAMPLED", 100)
    column = counts.ColumnCounts("n", "feature", describe(list(range(1000))))
    start = 0
    for size in (7, 90, 1, 300, 500, 102):
        column.take(np.arange(start, start + size, dtype=float))
        start += size

    step = column.sample[1] - column.sample[0]
    assert column.sample == list(np.arange(0, 1000, step))
    assert 50 < len(column.sample) <= 100
    assert (column.rows, column.mean) == (1000, pytest.approx(499.5))


EVIDENTLY = os.environ.get("NBPROD_EVIDENTLY", sys.executable)
"""The interpreter that has Evidently, which does not import with pandas 3."""


def test_evidentlys_report_shows_the_columns_that_drifted_and_tells_nobody(scene, run):
    tried = subprocess.run([EVIDENTLY, "-c", "import evidently.presets"], capture_output=True, timeout=120)
    if tried.returncode:
        pytest.skip(f"{EVIDENTLY} has no Evidently that imports: NBPROD_EVIDENTLY names another")
    scene.promote()
    scene.ask(table(1000, shift=0.6))

    code, printed = run("--evidently", "e.html", "--evidently-python", EVIDENTLY)

    assert code == 5
    assert "written: e.html" in printed.out
    text = (scene.root / "e.html").read_text("utf-8")
    for name in ("size", "count", "color"):
        assert name in text
    assert "Dataset Drift" in text or "Drifted Columns" in text
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=.https?:", text)  # it stands alone


def test_evidently_is_told_to_report_to_nobody(scene, run, tmp_path):
    """Another interpreter in its place, which writes what it was started with."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nenv > "{tmp_path}/env"\nexit 0\n')
    python.chmod(0o755)
    scene.promote()
    scene.ask(table(300))

    assert run("--evidently", "e.html", "--evidently-python", str(python))[0] == 0

    assert "DO_NOT_TRACK=1" in (tmp_path / "env").read_text().splitlines()


def test_the_reference_that_evidently_gets_is_as_the_profile_has_it():
    from nbprod.monitoring.evidently import _drawn
    from nbprod.promotion.profile import describe

    rng = np.random.default_rng(0)
    counts, sizes = rng.poisson(3, 5000), np.where(rng.random(5000) < 0.1, np.nan, rng.normal(5, 2, 5000))

    drawn = np.asarray(_drawn(describe(counts)))
    assert set(drawn) <= set(counts)  # whole numbers, as they were
    for value in range(8):
        assert (drawn == value).mean() == pytest.approx((counts == value).mean(), abs=0.01)
    drawn = _drawn(describe(sizes))
    assert drawn.count(None) == pytest.approx(0.1 * len(drawn), rel=0.1)
    numbers = np.array([value for value in drawn if value is not None])
    assert (numbers.mean(), numbers.std()) == (pytest.approx(5, abs=0.1), pytest.approx(2, abs=0.1))
