"""A notebook from its tags to a running service, through the server alone, as the panel takes it there. Every route is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.server.routes import ROUTES
from tests.server.contract import checked
from tests.server.live import Live, document, wait_for, write_notebook

NOTEBOOK = "journey/wine.ipynb"
CELLS = (
    ("parameters", "depth = 2\nscale = 1.5"),
    ("task:load", "rows = [{'x': float(i), 'y': i * 2.0} for i in range(10)]\nprint('loaded')"),
    ("task:train", "slope = sum(row['y'] for row in rows) / sum(row['x'] for row in rows) + depth * 0.01"),
    ("task:score metrics", "error = float(abs(slope - 2)) * scale"),
    ("serve", "def estimate(x: float) -> float:\n    return slope * x"),
    ("task:try", "print(estimate(3.0))"),
)
CONFIG = """\
pipelines:
  wine:
    notebook: wine.ipynb
    sweep: {optimize: {error: minimize}}
    promote: {require: {error: "<= 0.05"}}
"""
HEAVY = {
    "bentoml",
    "cloudpickle",
    "jupytext",
    "keras",
    "numpy",
    "optuna",
    "pandas",
    "papermill",
    "ploomber",
    "pyarrow",
    "sklearn",
    "skops",
}


@pytest.fixture(scope="module")
def book(live: Live) -> Path:
    path = write_notebook(live.root / NOTEBOOK, *CELLS)
    (path.parent / "pipelines.yaml").write_text(CONFIG)
    return path


def test_from_tags_to_a_service(live: Live, book: Path) -> None:
    def done(route: str, body: dict[str, object]) -> dict[str, object]:
        job = live.ended(live.good("POST", route, {"path": NOTEBOOK, **body})["id"], 120)
        assert job["status"] == "done", job
        return job

    # Tags for it, and what a run would do
    untagged = document(book, live.root)
    for cell in untagged["cells"]:
        cell["tags"] = []
    assert live.good("POST", "suggest", untagged)["tags"]
    assert live.good("POST", "analyse", document(book, live.root))["metrics"] == ["error"]
    plan = live.good("POST", "plan", {"path": NOTEBOOK, "parameters": {"depth": 3}})
    assert plan["tasks"][0]["action"] == "run"

    # Nothing has run yet: everything can be asked for all the same
    assert live.good("GET", "runs", path=NOTEBOOK) == {"total": 0, "runs": []}
    assert live.good("GET", "sweeps", path=NOTEBOOK) == []
    assert live.good("GET", "models", path=NOTEBOOK) == {"versions": [], "services": []}

    # Runs
    first = done("runs", {"parameters": {"depth": 9}})["run"]
    second = done("runs", {"workers": 1})["run"]
    detail = live.good("GET", f"runs/{second}", path=NOTEBOOK)
    states = {task["task"]: (task["status"], task["cached_from"], task["has_notebook"]) for task in detail["tasks"]}
    assert states["load"] == ("cached", first, True)
    assert states["train"] == ("done", None, True)
    assert {(one["name"], one["task"], one["type"]) for one in detail["artifacts"]} >= {
        ("rows", "load", "list"),
        ("slope", "train", "float"),
    }
    whole = live.good("GET", f"runs/{second}/notebook", path=NOTEBOOK)
    assert [cell["id"] for cell in whole["cells"]] == [f"c{n}" for n in range(1, 7)]
    load = live.good("GET", f"runs/{second}/notebook", path=NOTEBOOK, task="load")
    assert "loaded" in str(load["cells"]), "of a task that was cached too"
    assert live.call("GET", f"runs/{second}/notebook", path=NOTEBOOK, task="lod").status == 404

    # Its code changes
    write_notebook(book, *CELLS[:3], ("task:score metrics", "error = float(abs(slope - 2)) * scale / 2"), *CELLS[4:])
    third = done("runs", {})["run"]
    compared = live.good("GET", "runs/compare", path=NOTEBOOK, ids=f"{second},{first},{third}")
    assert compared["parameters"] == {"depth": [2, 9, 2], "scale": [1.5, 1.5, 1.5]}
    assert compared["tasks"]["load"] == ["cached", "done", "cached"]
    ((task, run, diff),) = [(one["task"], one["run"], one["diff"]) for one in compared["code"]]
    assert (task, run) == ("score", third)
    assert "-error = float(abs(slope - 2)) * scale\n+error = float(abs(slope - 2)) * scale / 2" in diff
    assert live.call("GET", "runs/compare", path=NOTEBOOK, ids=first).status == 422

    # The report, and a notebook to look into a task
    assert live.call("GET", f"runs/{first}/report", path=NOTEBOOK).status == 404
    report = live.good("POST", f"runs/{first}/report?path={NOTEBOOK}")
    assert live.ended(report["id"])["status"] == "done"
    page = live.call("GET", f"runs/{first}/report", path=NOTEBOOK)
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Content-Security-Policy"] == "sandbox allow-scripts"
    assert "loaded" in page.body
    explored = done("explore", {"run": third, "task": "score"})["result"]
    assert (live.root / explored["path"]).exists()

    # A sweep
    space = {"depth": {"low": 0, "high": 8}, "scale": [1.0, 2.0]}
    job = done(
        "sweeps",
        {"space": space, "search": "random", "trials": 5, "parallel": 2, "metric": "error", "direction": "minimize"},
    )
    sweep = live.good("GET", f"sweeps/{job['sweep']}", path=NOTEBOOK)
    assert (sweep["status"], sweep["size"], len(sweep["trials"])) == ("done", 5, 5)
    assert sum(sweep["importance"].values()) == pytest.approx(1)
    best = sweep["trials"][sweep["best"]]
    assert best["metrics"]["error"] == min(trial["metrics"]["error"] for trial in sweep["trials"])
    (info,) = live.good("GET", "sweeps", path=NOTEBOOK)
    assert (info["id"], info["trials"], info["best"]) == (sweep["id"], 5, best["metrics"]["error"])
    trials = live.good("GET", "runs", path=NOTEBOOK, sweep=sweep["id"], sort="metric:error", order="asc")
    assert trials["total"] == 5
    assert trials["runs"][0]["metrics"] == best["metrics"]
    assert {run["job"] for run in trials["runs"]} == {job["id"]}

    # Promotion: one that the gate refuses, then two versions
    refused = live.good("GET", "promote", path=NOTEBOOK, run=first)
    assert not refused["met"]
    assert [(check["metric"], check["passed"]) for check in refused["checks"]] == [("error", False)]
    failed = live.ended(live.good("POST", "promote", {"path": NOTEBOOK, "run": first})["id"])
    assert failed["status"] == "failed"
    assert "not good enough" in failed["error"]["what"]
    preview = live.good("GET", "promote", path=NOTEBOOK, run=third)
    assert (preview["met"], preview["model"], preview["champion"], preview["problem"]) == (True, "wine", None, None)
    assert preview["serve"] == {"name": "estimate", "kind": "function", "inputs": {"slope": "train"}}
    tried = done("promote/preview", {"run": third})["result"]
    assert (tried["event"], tried["run"], tried["met"]) == ("previewed", third, True)
    (call,) = tried["sample"].values()
    assert call["answer"] == pytest.approx(tried["sample"][next(iter(tried["signature"]))]["answer"])
    assert live.good("GET", "models", path=NOTEBOOK)["versions"] == [], "nothing was made"
    promoted = done("promote", {"run": third})
    steps = [
        one["data"]["step"] for one in live.good("GET", f"jobs/{promoted['id']}")["events"] if "step" in one["data"]
    ]
    assert steps == ["gate", "capture", "package", "parity", "register"]
    done("promote", {"run": best["run"]})
    versions = live.good("GET", "models", path=NOTEBOOK)["versions"]
    assert [(one["name"], one["aliases"]) for one in versions] == [("wine/v2", ["champion"]), ("wine/v1", ["previous"])]
    assert versions[0]["signature"] == tried["signature"], "as it was shown before"
    assert versions[0]["signature"]["predict" if "predict" in versions[0]["signature"] else "estimate"]["input"]
    assert live.good("POST", f"models/wine/1/champion?path={NOTEBOOK}")["aliases"] == ["champion"]
    assert live.call("DELETE", f"runs/{third}", path=NOTEBOOK).status == 409, "a model version needs it"

    # The service
    service = done("services", {})["result"]
    try:
        (running,) = live.good("GET", "models", path=NOTEBOOK)["services"]
        assert (running["status"], running["url"], running["version"]) == ("running", service["url"], 1)
        route = next(iter(versions[0]["sample"]))
        asked = {"path": NOTEBOOK, "data": versions[0]["sample"][route], "route": route}
        assert live.good("POST", "services/wine/predict", asked)["answer"] == pytest.approx(6.06)
        wrong = live.call("POST", "services/wine/predict", {**asked, "data": {"x": "three"}})
        assert (wrong.status, "x" in wrong.body["message"]) == (400, True)
        assert isinstance(live.good("GET", "services/wine/log", path=NOTEBOOK, lines=5)["text"], str)
    finally:
        assert live.good("DELETE", "services/wine", path=NOTEBOOK)["status"] == "stopped"

    # Cleaning up
    live.good("DELETE", f"runs/{first}", path=NOTEBOOK)
    assert live.call("GET", f"runs/{first}", path=NOTEBOOK).status == 404
    assert not (book.parent / ".nbprod" / "runs" / str(first)).exists()
    job = live.good("POST", "runs", {"path": NOTEBOOK, "force": True})["id"]
    wait_for(lambda: live.good("GET", f"jobs/{job}")["job"]["run"])
    run = live.good("GET", f"jobs/{job}")["job"]["run"]
    assert live.call("DELETE", f"runs/{run}", path=NOTEBOOK).status == 409, "it goes on"
    live.good("DELETE", f"jobs/{job}")
    live.ended(job)
    live.good("GET", "jobs")
    live.good("GET", "openapi.json")

    assert not live.imported() & HEAVY, "the server only reads"
    missing = {(route.verb, route.path) for route in ROUTES} - checked
    assert not missing, "every route was asked, and its answer checked"
