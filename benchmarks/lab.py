"""JupyterLab with nbprod: how much later it answers, and how long a click on Run takes to reach the first cell."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from benchmarks.notebooks import PYTHON, Row, chain, fresh, notebook
from benchmarks.timing import Spread, ratios

TOKEN = "bench"


def bench_lab(root: Path, repeats: int) -> list[Row]:
    """From the start of the command to the first answer, with nbprod's server extension and without; then runs by its API."""
    with_it: list[float] = []
    without: list[float] = []
    for turn in range(repeats):
        for found, extensions in ((with_it, {}), (without, {"nbprod": False})):
            with _lab(fresh(root, f"lab-{len(extensions)}", turn), extensions) as (_, seconds):
                found.append(seconds)
    warm, cold = _clicks(root, repeats)
    later = Spread(tuple(a - b for a, b in zip(with_it, without, strict=True)))
    return [
        ("JupyterLab's start, seconds to the first answer", "with nbprod", str(Spread(tuple(with_it)))),
        ("", "nbprod switched off", str(Spread(tuple(without)))),
        ("", "difference, round by round", str(later)),
        (
            "click on Run to the first author's cell running, as the page is told, seconds",
            "warm: a worker stays",
            str(warm),
        ),
        ("", "cold: NBPROD_WORKER=0", str(cold)),
        ("", "ratio cold / warm", str(ratios(cold, warm))),
    ]


def _clicks(root: Path, repeats: int) -> tuple[Spread, Spread]:
    """Return how long the panel's request to run takes to the first cell: two servers side by side, each asked in turn.

    The notebook is open in both and has run once; each run computes all tasks anew. The machine is otherwise at rest: a run begins
    when the one before has ended, and what it set going behind itself.
    """
    folders = {"1": fresh(root, "warm", 0), "0": fresh(root, "cold", 0)}
    found: dict[str, list[float]] = {"1": [], "0": []}
    with (
        _lab(folders["1"], {}, NBPROD_WORKER="1") as (warm, _),
        _lab(folders["0"], {}, NBPROD_WORKER="0") as (cold, _),
        _Page(warm.port) as warm_page,
        _Page(cold.port) as cold_page,
    ):
        sides = {"1": (warm, warm_page), "0": (cold, cold_page)}
        for side, (ask, page) in sides.items():
            notebook(chain(3), folders[side] / "chain.ipynb")
            ask("POST", "nbprod/api/analyse", _document(folders[side] / "chain.ipynb"))
            time.sleep(_SETTLE)
            _click(ask, page)
        time.sleep(_SETTLE)
        for _ in range(repeats):
            for side, (ask, page) in sides.items():
                found[side].append(_click(ask, page))
                time.sleep(_BETWEEN)
    return Spread(tuple(found["1"])), Spread(tuple(found["0"]))


_SETTLE = 10.0
_BETWEEN = 2.0


def _document(path: Path) -> dict[str, Any]:
    """Return a notebook as the panel sends it when it is opened."""
    value = json.loads(path.read_text())
    cells = [
        {
            "id": cell.get("id", str(number)),
            "type": cell["cell_type"],
            "source": "".join(cell["source"]),
            "tags": cell["metadata"].get("tags", []),
        }
        for number, cell in enumerate(value["cells"])
    ]
    spec = value["metadata"].get("kernelspec", {})
    kernel, language = spec.get("name", "python3"), spec.get("language", "python")
    return {"path": path.name, "kernel": kernel, "language": language, "cells": cells}


class _Page:
    """Hears the server's events, as the page does, and notes when."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._ready = threading.Event()
        self._over: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True).start()
        self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._over()

    async def _listen(self) -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._over = lambda: loop.call_soon_threadsafe(done.set)
        url = f"ws://127.0.0.1:{self.port}/api/events/subscribe?token={TOKEN}"
        line = await websocket_connect(HTTPRequest(url), on_message_callback=self._take)
        self._ready.set()
        await done.wait()
        line.close()

    def _take(self, message: str | bytes | None) -> None:
        value = json.loads(message) if message else {}
        if "job" in value:
            self.events.append((time.perf_counter(), value))

    def first(self, event: str, job: str) -> float:
        """Wait for an event of a job, and return when it came."""
        while True:
            for at, value in list(self.events):
                if value["job"] == job and value["data"]["event"] == event:
                    return at
            time.sleep(0.005)


class _Ask:
    """Sends requests to one server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def _lab(folder: Path, extensions: dict[str, bool], **env: str) -> Iterator[tuple[_Ask, float]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = {f"JUPYTER_{name}_DIR": str(folder / f".{name.lower()}") for name in ("CONFIG", "DATA", "RUNTIME")}
    options = {
        "ServerApp.port": port,
        "IdentityProvider.token": TOKEN,
        "ServerApp.root_dir": folder,
        "ServerApp.jpserver_extensions": extensions,
    }
    command = [PYTHON, "-m", "jupyterlab", "--no-browser", "--allow-root"]

    ask = _Ask(port)
    with (folder / "lab.log").open("w") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, **names, **env},
            stdout=log,
            stderr=log,
        )
        try:
            while True:
                try:
                    ask("GET", "api")
                    break
                except OSError:
                    if process.poll() is not None:
                        raise RuntimeError((folder / "lab.log").read_text()[-2000:]) from None
                    time.sleep(0.01)
            yield ask, time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _click(ask: _Ask, page: _Page) -> float:
    started = time.perf_counter()
    job = ask("POST", "nbprod/api/runs", {"path": "chain.ipynb", "force": True})["id"]
    seconds = page.first("task-cell", job) - started
    page.first("job-ended", job)
    return seconds
