"""Training again on labelled windows, through the whole command, beside a real service: what is kept, judged on, waited for, and begun twice."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from nbprod.promotion.registry import Registry
from nbprod.service import deployments

from .test_loop import wait_for
from .world import CELLS, build, orders

LABELS, KEEP = 100, 150
CONFIG = """\
    monitor: {every: 1}
    watch:
      data: false
      drift: false
      labels: %d
      collect: data/orders.parquet
      keep: %d
      gate: window
      shadow: 0
      guard: 0
      cooldown: %d
"""
PARQUET = [
    (tags, source.replace('read_csv("data/orders.csv")', 'read_parquet("data/orders.parquet")'))
    for tags, source in CELLS
]


def configure(root, cooldown):
    text = (root / "pipelines.yaml").read_text()
    (root / "pipelines.yaml").write_text(text.rpartition("cooldown:")[0] + f"cooldown: {cooldown}\n")


def once(root):
    done = subprocess.run(
        [sys.executable, "-m", "nbprod", "watch", "orders", "--once", "--json"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def tell(url, table, labels=None):
    """Ask the service about these rows in one request, and tell it the labels."""
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)

    def post(path, value):
        connection.request("POST", path, json.dumps(value), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status < 300, text
        return reply.headers["X-Request-ID"]

    name = post("/predict", {"rows": table[["price", "weight"]].to_dict("records")})
    post("/feedback", {"id": name, "label": list(table["speed"] if labels is None else labels)})
    connection.close()
    time.sleep(0.6)  # the log is written four times a second


def prices(root):
    return pd.read_parquet(root / "data" / "orders.parquet")["price"].tolist()


def kinds(events):
    """What was done; that the metric of a changed world is worse is told besides."""
    return [event["event"] for event in events if event["event"] != "drift"]


def test_windows_overlap_the_newest_rows_decide_and_an_attempt_is_followed_by_a_pause(tmp_path):
    project = build(tmp_path, CONFIG % (LABELS, KEEP, 0), cells=PARQUET, require=">= 0.1")
    registry = Registry(project)
    service = deployments.serve(project, "orders")
    try:
        first, second, third = (orders(LABELS, seed, late=True) for seed in (11, 12, 13))
        tell(service.url, first.iloc[:-1])
        assert kinds(once(tmp_path)) == []  # one too few
        tell(service.url, first.iloc[-1:])

        events = [event for event in once(tmp_path) if event["event"] != "drift"]
        assert kinds(events) == ["trigger", "collected", "run", "challenger", "swapped", "kept"]
        assert events[0]["kind"] == "labels"
        assert prices(tmp_path) == first["price"].tolist()[:70]  # the last three tenths are judged on
        window = events[3]["window"]
        assert (window["rows"], window["worse"]) == (30, [])
        assert (
            window["challenger"]["accuracy"] > window["champion"]["accuracy"] + 0.2
        )  # worse on the rows of then, and no matter
        assert deployments.find(project, "orders").version == 2

        tell(service.url, second)
        assert kinds(once(tmp_path)) == ["trigger", "collected", "run", "challenger", "swapped", "kept"]
        # 130 are new: those of before that were judged on, which are trained on now, and these; the newest 150 of 161 are kept
        assert prices(tmp_path) == [*first["price"].tolist(), *second["price"].tolist()[:61]][-KEEP:]

        noise = np.random.default_rng(0).permutation(third["speed"])
        tell(service.url, third, [*noise[:70], *third["speed"][70:]])
        tell(service.url, orders(60, 14, late=True), np.random.default_rng(1).permutation(["fast", "slow"] * 30))
        tell(service.url, orders(80, 15, late=True))
        events = once(tmp_path)
        assert kinds(events) == ["trigger", "collected", "run", "challenger", "rejected"]
        assert "is worse than orders/v3 on the 84 newest labelled rows" in events[-1]["why"]
        assert registry.champion("orders").version == 3

        configure(tmp_path, 3600)
        tell(service.url, orders(LABELS, 16, late=True))
        assert kinds(once(tmp_path)) == []  # another process, and still the pause after the attempt
        configure(tmp_path, 0)
        assert kinds(once(tmp_path))[:3] == ["trigger", "collected", "run"]
    finally:
        deployments.stop(project, "orders")


def test_two_watchers_at_once_and_one_that_is_killed_while_it_trains(tmp_path):
    project = build(tmp_path, CONFIG % (LABELS, KEEP, 0), cells=PARQUET, require=">= 0.1")
    service = deployments.serve(project, "orders")
    home = tmp_path / ".nbprod" / "deployments" / "orders"
    command = [sys.executable, "-m", "nbprod", "watch", "orders"]
    first = subprocess.Popen([*command, "--json"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        wait_for(home / "watch.jsonl", {"watching"}, 100)
        second = subprocess.run([*command, "--once"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
        assert second.returncode == 1
        assert f"orders is watched already, by process {first.pid}" in second.stderr
        told = orders(LABELS, 21, late=True)
        tell(service.url, told)
        wait_for(home / "watch.jsonl", {"run"}, 100)
        first.send_signal(signal.SIGKILL)
        first.wait(60)

        events = once(tmp_path)

        assert kinds(events) == ["resumed", "collected", "run", "challenger", "swapped", "kept"]
        assert prices(tmp_path) == told["price"].tolist()[:70]  # once
        assert kinds(once(tmp_path)) == []
        assert deployments.find(project, "orders").version == Registry(project).champion("orders").version
    finally:
        if first.poll() is None:
            first.kill()
            first.wait()
        deployments.stop(project, "orders")
