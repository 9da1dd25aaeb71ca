"""Many runs, in pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from nbprod.errors import ConfigError
from nbprod.execution import tables
from nbprod.execution.database import Database
from nbprod.execution.events import Status
from nbprod.execution.pages import page
from nbprod.execution.records import Records


@pytest.fixture
def records(records_url: str) -> Iterator[Records]:
    db = Database(records_url)
    yield Records(db)
    db.close()


def fill(records: Records, rows: list[dict[str, Any]]) -> Records:
    """Enter finished runs; what a row does not say is the same for all."""
    base = {
        "pipeline": "wine",
        "notebook": "nb.ipynb",
        "status": "done",
        "parameters": {},
        "options": {},
        "metrics": {},
        "outputs": {},
        "host": "elsewhere",
        "pid": 1,
    }
    values = [
        {**base, "id": f"r{number:05}", "created": float(number), "finished": number + 1.0, "sweep": None, **row}
        for number, row in enumerate(rows)
    ]
    with records.db.write() as connection:
        for one in values:
            tables.Runs.add(connection, **one)
    return records


def ids(records: Records, **options: Any) -> list[str]:
    return [run.id for run in page(records, "wine", **options)[1]]


def test_a_page_is_some_of_many_newest_first(records: Records) -> None:
    fill(records, [{}] * 5 + [{"pipeline": "other"}])

    total, runs = page(records, "wine", limit=2, offset=1)
    assert (total, [run.id for run in runs]) == (5, ["r00003", "r00002"])
    assert page(records, "wine", limit=2, offset=9) == (5, [])
    assert page(records)[0] == 6


def test_runs_are_sorted_by_what_is_asked_and_those_without_it_come_last(records: Records) -> None:
    fill(
        records,
        [
            {"metrics": {"loss": 10.0}, "parameters": {"depth": 9, "name": "b"}, "finished": 5.0},
            {"metrics": {"loss": 9.5}, "parameters": {"depth": 10, "name": "a"}, "finished": 4.0},
            {"metrics": {"loss": -1.0}, "parameters": {"depth": 9}, "finished": None, "status": "running"},
            {"metrics": {}, "parameters": {"depth": None}},
        ],
    )

    assert ids(records, sort="metric:loss", descending=False) == ["r00002", "r00001", "r00000", "r00003"]
    assert ids(records, sort="metric:loss") == ["r00000", "r00001", "r00002", "r00003"]
    assert ids(records, sort="parameter:depth", descending=False) == ["r00002", "r00000", "r00001", "r00003"]
    assert ids(records, sort="parameter:name", descending=False)[:2] == ["r00001", "r00000"]
    assert ids(records, sort="seconds")[0] == "r00000"
    assert ids(records, sort="seconds")[-1] == "r00002"
    assert ids(records, sort="created", descending=False)[0] == "r00000"
    assert ids(records, sort="metric:nothing") == ["r00003", "r00002", "r00001", "r00000"]


def test_runs_are_filtered_by_state_and_sweep(records: Records) -> None:
    fill(records, [{"status": "failed"}, {"sweep": "s"}, {"sweep": "s", "status": "failed"}])

    assert ids(records, status=Status.FAILED) == ["r00002", "r00000"]
    assert ids(records, sweep="s", status="failed") == ["r00002"]


def test_runs_are_filtered_by_metrics_and_parameters(records: Records) -> None:
    fill(
        records,
        [
            {"metrics": {"loss": 10.0}, "parameters": {"depth": 9, "name": "a b", "flag": True}},
            {"metrics": {"loss": 9.5}, "parameters": {"depth": 10, "name": "c", "flag": False}},
            {"metrics": {}, "parameters": {"depth": 10, "loss": 1}},
        ],
    )

    assert ids(records, where="loss > 9.9") == ["r00000"]
    assert ids(records, where="loss<2") == ["r00002"], "no metric has that name there"
    assert ids(records, where="metric:loss<2") == []
    assert ids(records, where="depth = 10, loss != 1") == ["r00001"]
    assert ids(records, where="name = a b") == ids(records, where="name == 'a b'") == ["r00000"]
    assert ids(records, where="flag = false") == ["r00001"]
    assert page(records, "wine", where="depth >= 10", limit=1)[0] == 2
    for wrong in ("loss", "> 3", "a-b > 3", "loss > ", "x'; drop table runs"):
        with pytest.raises(ConfigError, match="is no comparison"):
            ids(records, where=wrong)


@pytest.mark.parametrize("sort", ["colour", "metric:", 'metric:a"b', "metric", "id; drop table runs"])
def test_what_runs_cannot_be_sorted_by_is_refused(records: Records, sort: str) -> None:
    with pytest.raises(ConfigError, match="cannot be sorted"):
        ids(fill(records, [{}]), sort=sort)


def test_ten_thousand_runs_are_no_burden(records: Records) -> None:
    rows = [{"metrics": {"loss": (n * 7919) % 10_007 / 7}, "parameters": {"depth": n % 13}} for n in range(10_000)]
    fill(records, rows)
    for sort in ("created", "metric:loss", "parameter:depth"):
        began = time.perf_counter()
        total, runs = page(records, "wine", sort=sort, limit=100, offset=5_000)
        assert time.perf_counter() - began < 5, sort
        assert (total, len(runs)) == (10_000, 100)
    losses = [run.metrics["loss"] for run in page(records, "wine", sort="metric:loss", limit=100, offset=5_000)[1]]
    assert losses == sorted(losses, reverse=True)
