"""A new champion that fails, or is slow, in a real service under load: the one before comes back, and nothing else is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from nbprod.monitoring.log import PredictionLog
from nbprod.promotion.registry import Registry
from nbprod.service import deployments

from .test_loop import events_of, wait_for
from .world import CELLS, Clients, build

WATCH = """\
    monitor: {every: 1}
    watch: {drift: false, cooldown: 1, every: 0.3, shadow: 20, guard: 300, slower: 15}
"""
LIMITS = (
    ["task:limits"],
    'limit, pause = pd.read_csv("data/limits.csv").iloc[0]\nlimit, pause = float(limit), float(pause)',
)
SERVE = (
    ["serve"],
    """def predict(rows: pd.DataFrame):
    \"\"\"Say how fast an order is.\"\"\"
    if rows["price"].max() > limit:
        time.sleep(pause)
        if not pause:
            raise RuntimeError("dearer than anything that was seen")
    return [str(one) for one in model.predict(rows[["price", "weight"]])]
predict(X.head(3))""",
)
KNOWN, UNKNOWN = 1e9, 30.0
"""Limits: of all prices, and one that later prices are above."""


@pytest.fixture
def cells():
    imports = (["imports"], CELLS[0][1] + "\nimport time")
    return [imports, *CELLS[1:-1], LIMITS, SERVE]


def limits(root, limit, pause=0.0):
    path = root / "data" / "limits.csv"
    path.write_text(f"limit,pause\n{limit},{pause}\n")
    os.utime(path, (time.time() - 60,) * 2)  # nobody is writing it still


def asked(clients, more):
    """Wait until so many more requests were answered, or failed."""
    known, until = len(clients.right) + len(clients.failures), time.monotonic() + 60
    while len(clients.right) + len(clients.failures) < known + more:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_champion_that_fails_or_is_slow_goes_and_only_what_it_failed_is_lost(tmp_path, cells):
    project = build(tmp_path, WATCH, cells=cells, before=lambda: limits(tmp_path, KNOWN))
    service = deployments.serve(project, "orders")
    history = tmp_path / ".nbprod" / "deployments" / "orders" / "watch.jsonl"
    command = [sys.executable, "-m", "nbprod", "watch", "orders", "--json"]
    watcher = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        with Clients(service.url, tell=False) as clients:
            asked(clients, 200)
            limits(tmp_path, UNKNOWN)  # its model passes the gate and the shadow, and fails on what comes later
            wait_for(history, {"swapped"}, 300)
            assert clients.failures == []
            clients.late = True
            (back, *_) = wait_for(history, {"rolled-back"}, 60)
            failed = len(clients.failures)
            time.sleep(0.5)
            asked(clients, 100)
            assert len(clients.failures) <= failed + clients.count  # those on their way
            kept = list(clients.failures)

            clients.late = False
            asked(clients, 50)
            limits(tmp_path, UNKNOWN, pause=0.6)
            wait_for(history, {"swapped"}, 300, count=2)
            clients.late = True
            slow = wait_for(history, {"rolled-back"}, 240, count=2)[1]
            clients.late = False
            asked(clients, 50)
            assert clients.failures == kept

            limits(tmp_path, UNKNOWN)  # the very data of the first bad one
            (again, *_) = wait_for(history, {"nothing-new"}, 200)
            asked(clients, 20)
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(60) == 0
    finally:
        if watcher.poll() is None:
            watcher.kill()
            watcher.wait()
        deployments.stop(project, "orders")

    assert (back["version"], back["bad"]) == (1, 2)
    assert "requests failed" in back["why"]
    assert (slow["version"], slow["bad"]) == (1, 3)
    assert "the median latency is" in slow["why"]
    assert "orders/v2, which was rolled back" in again["reason"]
    champion = Registry(project).champion("orders")
    assert champion is not None
    assert champion.version == 1
    assert kept
    assert {text[:3] for text in kept} == {"500"}  # each an answer; no connection was lost
    log = PredictionLog(tmp_path / ".nbprod" / "deployments" / "orders" / "predictions")
    assert {line["version"] for line in log.lines() if line["status"] != 200} == {2}
    assert [event["event"] for event in events_of(history)].count("swapped") == 2
    assert json.loads((history.parent / "watch.json").read_text())["bad"] == [2, 3]
