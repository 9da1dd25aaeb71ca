"""JupyterLab with nbprod: how much later it answers, and how long a click on Run takes to reach the first cell."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.notebooks import PYTHON, Row, chain, fresh, notebook
from benchmarks.timing import Spread

TOKEN = "bench"


def bench_lab(root: Path, repeats: int) -> list[Row]:
    """From the start of the command to the first answer, with nbprod's server extension and without; then runs by its API."""
    with_it: list[float] = []
    without: list[float] = []
    clicks: list[float] = []
    for turn in range(repeats):
        for found, extensions in ((with_it, {}), (without, {"nbprod": False})):
            with _lab(fresh(root, f"lab-{len(extensions)}", turn), extensions) as (_, seconds):
                found.append(seconds)
    folder = fresh(root, "click", 0)
    with _lab(folder, {}) as (ask, _):
        for turn in range(repeats):
            notebook(chain(3), folder / f"chain{turn}.ipynb")
            clicks.append(_click(ask, f"chain{turn}.ipynb"))
    later = Spread(tuple(a - b for a, b in zip(with_it, without, strict=True)))
    return [
        ("JupyterLab's start, seconds to the first answer", "with nbprod", str(Spread(tuple(with_it)))),
        ("", "nbprod switched off", str(Spread(tuple(without)))),
        ("", "difference, round by round", str(later)),
        (
            "from the panel's request to run to the first cell running, seconds",
            "no worker stays yet",
            str(Spread(tuple(clicks))),
        ),
    ]


@contextmanager
def _lab(folder: Path, extensions: dict[str, bool]) -> Iterator[tuple[Any, float]]:
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

    def ask(method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    with (folder / "lab.log").open("w") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, **names},
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


def _click(ask: Any, path: str) -> float:
    started = time.perf_counter()
    job = ask("POST", "nbprod/api/runs", {"path": path})
    while True:
        events = ask("GET", f"nbprod/api/jobs/{job['id']}?after=0")["events"]
        if any(event["data"]["event"] == "task-cell" for event in events):
            found = time.perf_counter() - started
            break
        time.sleep(0.01)
    while ask("GET", f"nbprod/api/jobs/{job['id']}?after=0")["job"]["status"] == "running":
        time.sleep(0.1)
    return found
