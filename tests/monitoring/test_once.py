"""`nbprod watch --once` with a real pipeline and no service: new data, a kill in the middle, a second call that ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd

from nbprod.execution.records import Records
from nbprod.promotion.registry import Registry

from .world import build, orders

WATCH = """\
    watch: {cooldown: 0, guard: 0}
"""


def once(root):
    command = [sys.executable, "-m", "nbprod", "watch", "orders", "--once", "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_new_data_makes_a_new_champion_even_if_the_watcher_is_killed_in_between(tmp_path):
    project = build(tmp_path, WATCH)
    data = tmp_path / "data" / "orders.csv"
    assert once(tmp_path) == []

    pd.concat([pd.read_csv(data), orders(400, 7)]).to_csv(data, index=False)
    os.utime(data, (time.time() - 60,) * 2)
    history = tmp_path / ".nbprod" / "deployments" / "orders" / "watch.jsonl"
    command = [sys.executable, "-m", "nbprod", "watch", "orders", "--once"]
    killed = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 100
    while not (history.exists() and '"run"' in history.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    second = once(tmp_path)

    assert [event["event"] for event in second] == ["resumed", "run", "challenger", "swapped", "kept"]
    assert second[0]["reason"]["detail"] == "changed: orders.csv"
    champion = Registry(project).champion("orders")
    assert champion is not None
    assert champion.version == 2
    assert Records.open(project).run(champion.run).parameters == {"depth": 4}
    assert once(tmp_path) == []  # the data is known by now
