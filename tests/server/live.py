"""A real Jupyter server in a process of its own, and what a page would do with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.contract import check_answer

TOKEN = "secret"
STOP_SECONDS = 6.0
PEEK = Path(__file__).parent / "peek"
SCHEMA = "https://nbprod.dev/events/job"


def write_notebook(path: Path, *cells: tuple[str, str], kernel: str = "python3", language: str = "python") -> Path:
    """Write a notebook; a cell is its tags (apart by spaces) and its source."""
    nodes = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": tags.split()} if tags else {},
            "execution_count": None,
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, (tags, source) in enumerate(cells, 1)
    ]
    spec = {"name": kernel, "display_name": kernel, "language": language}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": nodes, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def document(path: Path, root: Path) -> dict[str, Any]:
    """Return a notebook as the panel sends it."""
    value = json.loads(path.read_text())
    cells = [
        {
            "id": cell["id"],
            "type": cell["cell_type"],
            "source": "".join(cell["source"]),
            "tags": cell["metadata"].get("tags", []),
        }
        for cell in value["cells"]
    ]
    spec = value["metadata"]["kernelspec"]
    return {
        "path": path.relative_to(root).as_posix(),
        "kernel": spec["name"],
        "language": spec["language"],
        "cells": cells,
    }


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]
    seconds: float


@dataclass
class Heard:
    """Events that arrived over the websocket, with the time of their arrival."""

    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def of(self, job: str) -> list[dict[str, Any]]:
        return [event for _, event in self.events if event["job"] == job]

    def late(self, job: str) -> list[float]:
        """Return how many seconds after it was made each event of a run arrived."""
        return [at - event["data"]["at"] for at, event in self.events if event["job"] == job and "at" in event["data"]]


class Live:
    """A server whose root is `root`; `home` keeps its own files, so that a second one with the same `home` is its successor.

    With `worker` it keeps workers for its projects.
    """

    def __init__(self, root: Path, home: Path, *, worker: bool = False) -> None:
        self.root, self.home, self.worker = root, home, worker
        root.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTER_NO_CONFIG": "1",
            "PYTHONPATH": str(PEEK),
            "NBPROD_WORKER": str(int(self.worker)),
        }
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = self.home / "server.log"
        arguments = [
            "--no-browser",
            "--allow-root",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={self.root}",
            "--ServerApp.jpserver_extensions={'nbprod': True, 'peek': True}",
            f"--NbprodApp.stop_seconds={STOP_SECONDS}",
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *arguments],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.home,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                self.imported()
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.log.read_text())

    def imported(self) -> set[str]:
        """Return the top-level modules that the server has imported so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/peek?token={TOKEN}", timeout=10) as reply:
            return {name.partition(".")[0] for name in json.loads(reply.read())["modules"]}

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def call(self, verb: str, route: str, body: Any = None, *, token: str | None = TOKEN, **query: Any) -> Answer:
        """Send a request, check the answer against the OpenAPI document, and return it."""
        url = f"http://127.0.0.1:{self.port}/nbprod/api/{route}"
        url += f"?{urllib.parse.urlencode(query)}" if query else ""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(url, data=data, method=verb, headers=headers)
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                status, raw, said = reply.status, reply.read(), dict(reply.headers)
        except urllib.error.HTTPError as error:
            status, raw, said = error.code, error.read(), dict(error.headers)
        seconds = time.monotonic() - began
        value = (
            raw.decode() if said.get("Content-Type", "").startswith("text/html") else json.loads(raw) if raw else None
        )
        check_answer(verb, route, status, value)
        return Answer(status, value, said, seconds)

    def good(self, verb: str, route: str, body: Any = None, **query: Any) -> Any:
        """Send a request that succeeds, and return the answer's value."""
        answer = self.call(verb, route, body, **query)
        assert answer.status < 300, answer.body
        return answer.body

    def ended(self, job: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until a job has ended, and return it."""
        found: dict[str, Any] = {}

        def done() -> bool:
            found.update(self.good("GET", f"jobs/{job}")["job"])
            return found["status"] != "running"

        wait_for(done, seconds)
        return found

    @contextmanager
    def listening(self) -> Iterator[Heard]:
        """Hear the server's events, as a page does."""
        heard = Heard()
        ready = threading.Event()
        over: list[Callable[[], object]] = []

        async def listen() -> None:
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            over.append(lambda: loop.call_soon_threadsafe(done.set))
            url = f"ws://127.0.0.1:{self.port}/api/events/subscribe?token={TOKEN}"

            def take(message: str | bytes | None) -> None:
                value = json.loads(message) if message else {}
                if value.get("schema_id") == SCHEMA:
                    heard.events.append((time.time(), value))

            socket_ = await websocket_connect(HTTPRequest(url), on_message_callback=take)
            ready.set()
            await done.wait()
            socket_.close()

        thread = threading.Thread(target=lambda: asyncio.run(listen()), daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield heard
        finally:
            over[0]()
            thread.join(10)


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.03)
