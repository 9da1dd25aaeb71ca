"""Runs and sweeps as a page sees them."""

from __future__ import annotations

from nbprod.execution.records import Records
from nbprod.project import Project
from tests.execution.test_pages import fill
from tests.server.live import Live, wait_for, write_notebook


def test_ten_thousand_runs_are_listed_filtered_and_sorted_quickly(live: Live) -> None:
    write_notebook(live.root / "many" / "wine.ipynb", ("task:a", "x = 1"))
    rows = [
        {
            "metrics": {"loss": (n * 7919) % 10_007 / 7},
            "parameters": {"depth": n % 13},
            "status": "failed" if n % 3 else "done",
        }
        for n in range(10_000)
    ]
    fill(Records.open(Project(live.root / "many")), rows)
    query = {"path": "many/wine.ipynb", "sort": "metric:loss", "order": "asc", "where": "depth = 5", "status": "done"}
    answers = [live.call("GET", "runs", limit=200, offset=50, **query) for _ in range(3)]

    assert min(answer.seconds for answer in answers) < 3  # it takes about 0.1 s; what it must not do is read them all
    page = answers[0].body
    wanted = [row for row in rows if row["parameters"] == {"depth": 5} and row["status"] == "done"]
    assert page["total"] == len(wanted)
    losses = sorted(row["metrics"]["loss"] for row in wanted)  # type: ignore[index]
    assert [run["metrics"]["loss"] for run in page["runs"]] == losses[50:250]


def test_a_part_of_an_id_is_no_run(live: Live) -> None:
    write_notebook(live.root / "part" / "wine.ipynb", ("task:a", "x = 1"))
    fill(Records.open(Project(live.root / "part")), [{}])

    assert live.good("GET", "runs/r00000", path="part/wine.ipynb")["run"]["id"] == "r00000"
    for verb in ("GET", "DELETE"):
        assert live.call(verb, "runs/r0", path="part/wine.ipynb").status == 404


def test_a_filter_that_is_none_is_refused(live: Live) -> None:
    write_notebook(live.root / "where" / "wine.ipynb", ("task:a", "x = 1"))
    fill(Records.open(Project(live.root / "where")), [{}])
    for where in ("loss >", "loss >>> 3", "loss >= = 3", "1 = 1) or (1 = 1"):
        answer = live.call("GET", "runs", path="where/wine.ipynb", where=where)
        assert (answer.status, "is no comparison" in answer.body["message"]) == (400, True)


def test_a_sweep_that_was_stopped_goes_on(live: Live) -> None:
    cells = ("parameters", "n = 1"), ("task:a metrics", "import time\ntime.sleep(1)\nscore = float(n)")
    write_notebook(live.root / "swept" / "a.ipynb", *cells)
    body = {"path": "swept/a.ipynb", "space": {"n": [1, 2, 3]}, "metric": "score", "direction": "maximize"}
    job = live.good("POST", "sweeps", body)["id"]

    def done() -> int:
        found = live.good("GET", f"jobs/{job}")["job"]
        infos = live.good("GET", "sweeps", path="swept/a.ipynb")
        return infos[0]["trials"] if infos and infos[0]["id"] == found["sweep"] else 0

    wait_for(lambda: done() >= 1, 40)
    live.good("DELETE", f"jobs/{job}")
    stopped = live.ended(job)
    assert stopped["status"] == "cancelled"
    sweep = live.good("GET", f"sweeps/{stopped['sweep']}", path="swept/a.ipynb")
    assert (sweep["status"], sweep["size"]) == ("cancelled", 3)

    write_notebook(live.root / "swept" / "a.ipynb", cells[0], ("task:a metrics", "score = float(n)"))
    second = live.good("POST", "sweeps", {"path": "swept/a.ipynb", "resume": stopped["sweep"]})["id"]
    ended = live.ended(second)
    assert (ended["status"], ended["sweep"]) == ("done", stopped["sweep"])
    resumed = live.good("GET", f"sweeps/{stopped['sweep']}", path="swept/a.ipynb")
    good = [trial for trial in resumed["trials"] if trial["status"] == "done"]
    assert sorted(trial["parameters"]["n"] for trial in good) == [1, 2, 3]
    best = resumed["trials"][resumed["best"]]
    assert best["parameters"] == {"n": 3}

    live.good("DELETE", f"runs/{best['run']}", path="swept/a.ipynb")
    left = live.good("GET", f"sweeps/{stopped['sweep']}", path="swept/a.ipynb")
    assert left["trials"][left["best"]] == {**best, "run": None}, "it keeps what came of it, and leads nowhere"


def test_notebooks_of_one_name_have_runs_of_their_own(live: Live) -> None:
    write_notebook(live.root / "twins" / "train.ipynb", ("task:a", "x = 1"))
    write_notebook(live.root / "twins" / "deep" / "train.ipynb", ("task:a", "x = 2"))
    for path in ("twins/train.ipynb", "twins/deep/train.ipynb"):
        assert live.good("GET", "runs", path=path)["total"] == 0
        assert live.ended(live.good("POST", "runs", {"path": path})["id"])["status"] == "done"

    for path, pipeline in (("twins/train.ipynb", "train"), ("twins/deep/train.ipynb", "deep/train")):
        page = live.good("GET", "runs", path=path)
        assert [(run["path"], run["pipeline"]) for run in page["runs"]] == [(path, pipeline)]
