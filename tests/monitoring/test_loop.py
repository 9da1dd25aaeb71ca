"""The whole loop with a real service: the world changes, the error rises, a retrained model takes over, the error falls."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from nbprod.promotion.registry import Registry
from nbprod.service import deployments

from .world import Clients, build

WATCH = """\
    monitor: {window: 300, every: 1}
    watch:
      labels: 200
      collect: data/orders.csv
      data: false
      cooldown: 2
      every: 0.3
      shadow: 40
      guard: 3
      slower: 1000  # this machine may be busy
"""


def events_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(history: Path, kinds: set[str], seconds: float, count: int = 1) -> list[dict]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = [event for event in events_of(history) if event["event"] in kinds]
        if len(found) >= count:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no {kinds} within {seconds} s: {events_of(history)}")


def test_a_drifting_world_is_learned_and_no_request_is_lost(tmp_path):
    project = build(tmp_path, WATCH)
    notebook = (tmp_path / "orders.ipynb").read_bytes()
    service = deployments.serve(project, "orders")
    history = tmp_path / ".nbprod" / "deployments" / "orders" / "watch.jsonl"
    watcher = None
    try:
        with Clients(service.url) as clients:
            began = time.time()
            while len(clients.right) < 300:
                time.sleep(0.1)
                assert time.time() - began < 60
            before = clients.error(began)
            clients.late = True
            time.sleep(1)
            turned, known = time.time(), len(clients.right)
            while len(clients.right) < known + 400:  # so that most of what is learned from is of the new world
                time.sleep(0.1)
                assert time.time() - turned < 120
            command = [sys.executable, "-m", "nbprod", "watch", "orders", "--json"]
            watcher = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
            (swapped, *_) = wait_for(history, {"swapped"}, 400)
            wrong = clients.error(turned, swapped["time"] - 5)
            time.sleep(1)
            settled = time.time()
            wait_for(history, {"kept"}, 120)
            after = clients.error(settled)
        watcher.send_signal(signal.SIGTERM)
        printed, _ = watcher.communicate(timeout=60)
    finally:
        if watcher is not None and watcher.poll() is None:
            watcher.kill()
            watcher.wait()
        deployments.stop(project, "orders")

    assert clients.failures == []
    assert before < 0.05
    assert wrong > 0.3
    assert after < 0.1
    assert watcher.returncode == 0
    kinds = [json.loads(line)["event"] for line in printed.splitlines()]
    assert (kinds[0], kinds[-1]) == ("watching", "stopped")
    order = ["trigger", "collected", "run", "challenger", "shadow", "shadowed", "swapped", "kept"]
    assert [kind for kind in kinds if kind in order][: len(order)] == order
    champion = Registry(project).champion("orders")
    assert champion is not None
    assert champion.version >= 2
    table = pd.read_csv(tmp_path / "data" / "orders.csv")
    assert list(table.columns) == ["price", "weight", "speed"]
    assert not table.duplicated().any()
    assert len(table) > 700
    assert (tmp_path / "orders.ipynb").read_bytes() == notebook
