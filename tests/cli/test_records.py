"""The whole way with records in SQLite and in PostgreSQL: run, cache, sweep, promotion, service, deletion."""

from __future__ import annotations

from tests.cli.conftest import Folder

SERVE = "def line(x: float) -> float:\n    return weights['slope'] * x\n\n\nline(3.0)"
CELLS = (
    ("parameters", "slope = 2.0"),
    ("task:load", "rows = [1, 2, 3]"),
    ("task:train", "weights = {'slope': slope}"),
    ("task:evaluate metrics", "score = weights['slope'] / 4"),
    ("serve", SERVE),
)


def test_a_project_is_the_same_wherever_its_records_are(nbprod: Folder, records_url: str) -> None:
    nbprod.notebook(*CELLS)
    sweep = "{space: {slope: [2.0, 3.0, 4.0]}, optimize: {score: maximize}, search: grid}"
    nbprod.config(f"records: {records_url}\npipelines: {{a: {{notebook: a.ipynb, sweep: {sweep}}}}}\n")

    for _ in range(2):
        done = nbprod("run", "a")
        assert done.code == 0, done.err
    runs = [nbprod("show", run["id"], "--json").json for run in nbprod("runs", "--json").json]
    assert [[task["status"] for task in run["tasks"]] for run in runs] == [["cached"] * 3, ["done"] * 3]
    assert {task["cached_from"] for task in runs[0]["tasks"]} == {runs[1]["id"]}

    swept = nbprod("sweep", "a")
    assert swept.code == 0, swept.err
    promoted = nbprod("promote", "a")
    assert promoted.code == 0, promoted.out + promoted.err
    assert [one["name"] for one in nbprod("models", "--alias", "champion", "--json").json["versions"]] == ["a/v1"]
    try:
        served = nbprod("serve", "a", "--json")
        assert served.json["status"] == "running", served.err
    finally:
        assert nbprod("serve", "a", "--stop").code == 0

    before = len(nbprod("runs", "--json").json)
    freed = nbprod("gc", "--keep", "1")
    assert freed.code == 0, freed.err
    assert 1 <= len(nbprod("runs", "--json").json) < before == 5
    assert not (nbprod.path / ".nbprod" / "nbprod.db").exists()
