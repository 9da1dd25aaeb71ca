"""Models that never answer: who waits is told so, and the process is replaced."""

from __future__ import annotations

import dataclasses
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprod.promotion import launch

from .folders import SIGNATURE, write_bento
from .test_deployments import Load, wait
from .test_front import ask, row

HANG = """
import ctypes, time

def predict(rows):
    time.sleep({pause})
    if any(row["x"] == 8.0 for row in rows):
        {hang}
    return [2.0 * row["x"] for row in rows]
"""
SLEEP = "time.sleep(1e6)"
ALONE = dataclasses.replace(SIGNATURE, rowwise=False)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Serve a model that hangs in some way for x = 8; a request may take a second."""
    processes: list[launch.Process] = []

    def start(hang: str = SLEEP, pause: float = 0.0, workers: int = 1) -> launch.Process:
        model = HANG.format(pause=pause, hang=hang)
        folder = write_bento(tmp_path / "bento", model=model, signature=ALONE)
        deployment = launch.Deployment(1, str(folder), workers, env={"NBPROD_TIMEOUT": "1"})
        processes.append(launch.start(deployment, tmp_path / "home", tmp_path / "log"))
        processes[0].wait_ready(120)
        return processes[0]

    yield start
    for process in processes:
        process.stop(grace=5)


class Client:
    """A connection that is kept; what it asks is asked in a thread."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=60)
        self.said: tuple[int, Any, dict[str, str]] = (0, None, {})

    def ask(self, x: float, ident: str = "x") -> None:
        body = json.dumps({"rows": [row(x)]})
        self.connection.request("POST", "/predict", body, {"X-Request-ID": ident})
        answer = self.connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        self.said = (answer.status, json.loads(answer.read()), headers)

    def begin(self, x: float, ident: str = "x") -> threading.Thread:
        thread = threading.Thread(target=self.ask, args=(x, ident))
        thread.start()
        return thread


def pids(process: launch.Process) -> list[int]:
    return list(launch.read_state(process.home)["groups"]["main"]["pids"])


def replaced(process: launch.Process, before: list[int]) -> bool:
    group = launch.read_state(process.home)["groups"]["main"]
    return group["ready"] == group["wanted"] and not set(before) <= set(group["pids"])


@pytest.mark.parametrize("pause", [0.0, 0.15])
def test_who_asked_gets_504_and_the_others_are_answered_by_the_process_that_takes_over(
    serve: Any, pause: float
) -> None:
    """Below 0.1 s a call blocks its process, above it runs in a thread: both are replaced."""
    process = serve(pause=pause)
    before = pids(process)
    stuck, kept, fresh = (Client(process.url) for _ in range(3))
    kept.ask(1.5)
    began = time.monotonic()
    threads = [stuck.begin(8.0, "the-one")]
    time.sleep(0.3)
    if not pause:
        threads += [kept.begin(2.0), fresh.begin(2.5)]
    for thread in threads:
        thread.join()
    if pause:
        kept.ask(2.0)
        fresh.ask(2.5)

    status, body, headers = stuck.said
    assert (status, headers["x-request-id"]) == (504, "the-one")
    assert body == {"error": "the model did not answer within 1 s", "id": "the-one"}
    assert time.monotonic() - began > 1
    assert kept.said[:2] == (200, [4.0])
    assert fresh.said[:2] == (200, [5.0])
    wait(lambda: replaced(process, before))
    log = process.log.read_text()
    assert f"worker {before[0]} of v1 is stuck in its model; another is started" in log
    assert "the-one" in log


def test_what_waits_for_a_stuck_model_is_refused_and_may_be_asked_again(serve: Any) -> None:
    process = serve(pause=0.15)
    stuck, waiting = Client(process.url), Client(process.url)
    threads = [stuck.begin(8.0)]
    time.sleep(0.6)
    threads.append(waiting.begin(2.0))
    for thread in threads:
        thread.join()

    status, _, headers = waiting.said
    assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
    assert wait(lambda: ask(process.url, "/predict", {"rows": [row(2.0)]}))[:2] == (200, [4.0])


def test_other_workers_go_on_and_no_request_is_lost(serve: Any) -> None:
    process = serve(workers=2)
    before = pids(process)

    with Load(process.url) as load:
        wait(lambda: sum(load.answers.values()) > 100)
        stuck = Client(process.url)
        stuck.ask(8.0)
        wait(lambda: replaced(process, before))

    assert stuck.said[0] == 504
    assert load.errors == []
    assert {status for status, _, _ in load.answers} <= {200, 503}
    assert sum(count for (status, _, _), count in load.answers.items() if status == 503) <= 8


def test_a_process_that_gives_no_sign_of_life_is_killed_and_replaced(serve: Any) -> None:
    process = serve(hang="ctypes.PyDLL(None).pause()")  # holds the interpreter for ever
    before = pids(process)
    stuck = Client(process.url)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        stuck.ask(8.0)
    wait(lambda: replaced(process, before))

    assert ask(process.url, "/predict", {"rows": [row(2.0)]})[:2] == (200, [4.0])
