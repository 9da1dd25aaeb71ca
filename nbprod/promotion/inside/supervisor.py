"""Keeps the processes of a service: starts, replaces, and ends them. `python -m nbprod_serving.supervisor` in a container.

It holds the listening socket, which the workers inherit. Another version is started beside the one that serves, at
the same socket; when it answers, the old workers stop accepting and finish, so that no request is lost.

What it is to serve stands in `deployment.json` of its folder, read again at SIGHUP; `state.json` says how far it is.
Needs the standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BACKLOG = 2048
GRACE = 30.0
"""Seconds after which a process that was told to end is killed."""
SHORT = 5.0
"""A worker that lives shorter than these seconds is started again only after a pause."""
SILENCE = 10.0
"""Seconds beyond what a request may take after which a worker that gives no sign of life is killed."""


@dataclass(eq=False)
class Worker:
    """A process. `pipe` brings what it tells: that it answers (the first byte), that it lives (`b`), that its model is stuck (`s`).

    Copies of the worker that are older than this close it after the first byte, and are not watched.
    """

    process: subprocess.Popen[bytes]
    pipe: int | None
    began: float
    ready: bool = False
    beat: float | None = None
    """When it last gave a sign of life."""
    told: float | None = None
    """When it was told to end."""


@dataclass(eq=False)
class Group:
    """The workers of one version at one socket."""

    version: int
    folder: str
    listener: socket.socket
    wanted: int
    workers: list[Worker] = field(default_factory=list)
    pause: float = 0.0
    next_start: float = 0.0
    answered: bool = False
    """Whether all of them have answered at some time."""
    handed: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)
    """Where one of them that is stuck hands on its connections, for another to take them."""

    @property
    def ready(self) -> int:
        """How many answer."""
        return sum(one.ready and one.told is None for one in self.workers)


class Supervisor:
    """Does what `deployment.json` says, until it is told to end."""

    def __init__(self, home: Path, listener: socket.socket, env: Mapping[str, str]) -> None:
        self.home, self.listener, self.env = home, listener, dict(env)
        self.groups: dict[str, Group] = {}
        self.ending = self.failed = False
        self.number = -1
        self.error: str | None = None
        self._retired: list[Worker] = []
        self._sockets = Path(tempfile.mkdtemp(prefix="nbprod-"))
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._signals: set[int] = set()
        self._said: Any = None
        self._asked: dict[str, Any] = {}

    def run(self) -> int:
        """Serve; the exit code is 1 if the first version never answered."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for one in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda number, _: self._signals.add(number))
        self._read()
        try:
            while not self.ending or self._all():
                self._step()
        finally:
            for worker in self._all():
                worker.process.kill()
            shutil.rmtree(self._sockets, ignore_errors=True)
        return int(self.failed)

    def _step(self) -> None:
        self._say()
        for key, _ in self._selector.select(self._patience()):
            if key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(4096)
            else:
                self._hears(key.data)
        signals, self._signals = self._signals, set()
        if signals & {signal.SIGTERM, signal.SIGINT}:
            self._end()
        elif signal.SIGHUP in signals:
            self._read()
        limit = float(self.env.get("NBPROD_TIMEOUT") or 60)
        for worker in self._all():
            if worker.process.poll() is not None:
                self._ended(worker)
            elif worker.told is not None and time.monotonic() - worker.told > GRACE:
                worker.process.kill()
            elif worker.told is None and worker.beat and limit and time.monotonic() - worker.beat > limit + SILENCE:
                self._stuck(worker)
                worker.process.kill()
        if not self.ending:
            self._fill()

    def _patience(self) -> float:
        """Seconds until something is to do although nothing happens."""
        waits = [max(0.0, one.next_start - time.monotonic()) for one in self.groups.values() if one.next_start]
        watched = any(one.told or one.beat is not None for one in self._all())
        return min([*waits, 1.0 if watched else 60.0]) + 0.001

    def _stuck(self, worker: Worker) -> None:
        """Start another in the place of a worker whose model never answers; that one ends by itself, or is killed."""
        name = self._group_of(worker)
        if name is None:
            return
        worker.told = worker.told or time.monotonic()
        group = self.groups[name]
        group.workers.remove(worker)
        self._retired.append(worker)
        say(f"worker {worker.process.pid} of v{group.version} is stuck in its model; another is started")

    def _read(self) -> None:
        try:
            asked = json.loads((self.home / "deployment.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            self.error = f"deployment.json cannot be read: {error}"
            return
        self._asked, self.error = asked, None
        self.env.update(asked.get("env", {}))
        self._retire("next")
        main = self.groups.get("main")
        version, folder, workers = asked["version"], asked["folder"], asked["workers"]
        if main is None:
            self.groups["main"] = Group(version, folder, self.listener, workers)
        elif (main.version, main.folder, main.wanted) != (version, folder, workers) or asked.get("again"):
            self.groups["next"] = Group(version, folder, self.listener, workers)
        self._read_challenger(asked.get("challenger"))
        self.number = asked["number"]
        self._fill()

    def _read_challenger(self, asked: Mapping[str, Any] | None) -> None:
        beside = self.groups.get("challenger")
        if beside is not None and (
            asked is None or (beside.version, beside.folder) != (asked["version"], asked["folder"])
        ):
            self._route(None)
            beside.listener.close()
            self._retire("challenger")
            beside = None
        if asked is None:
            return
        if beside is None:
            listener = socket.socket(socket.AF_UNIX)
            path = self._sockets / f"v{asked['version']}-{time.monotonic_ns()}"
            listener.bind(str(path))
            listener.listen(BACKLOG)
            self.groups["challenger"] = Group(asked["version"], asked["folder"], listener, 1)
        elif beside.answered:
            self._route(beside)

    def _route(self, beside: Group | None) -> None:
        """Tell the workers which challenger there is."""
        told: dict[str, Any] = {"mode": None}
        if beside is not None:
            asked = self._asked["challenger"]
            told = {"mode": asked["mode"], "version": beside.version, "percent": asked.get("percent", 0)}
            told["socket"] = str(beside.listener.getsockname())
        write(self.home / "traffic.json", told)

    def _fill(self) -> None:
        """Start the workers that are missing."""
        now = time.monotonic()
        for group in self.groups.values():
            while len(group.workers) < group.wanted and now >= group.next_start:
                group.workers.append(self._start(group))
            if len(group.workers) >= group.wanted:
                group.next_start = 0.0

    def _start(self, group: Group) -> Worker:
        source = Path(group.folder, "src")
        own = (source / "nbprod_serving").is_dir()
        module = "nbprod_serving.worker" if own else "nbprod.promotion.inside.worker"
        read, write_ = os.pipe()
        command = [sys.executable, "-m", module, "--folder", group.folder, "--fd", str(group.listener.fileno())]
        handed = [one.fileno() for one in group.handed]
        process = subprocess.Popen(
            [*command, "--ready", str(write_), "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            cwd=source,
            env={**self.env, "NBPROD_HANDED": ",".join(map(str, handed))},
            pass_fds=(group.listener.fileno(), write_, *handed),
        )
        os.close(write_)
        worker = Worker(process, read, time.monotonic())
        self._selector.register(read, selectors.EVENT_READ, worker)
        return worker

    def _hears(self, worker: Worker) -> None:
        """Take note of what a worker tells: see `Worker`."""
        assert worker.pipe is not None
        told = os.read(worker.pipe, 64)
        if not told:
            self._deaf(worker)
            worker.beat = None
            return
        worker.beat = time.monotonic()
        if b"s" in told:
            self._stuck(worker)
        elif not worker.ready:
            worker.ready = True
            self._answers(worker)

    def _deaf(self, worker: Worker) -> None:
        if worker.pipe is not None:
            self._selector.unregister(worker.pipe)
            os.close(worker.pipe)
            worker.pipe = None

    def _answers(self, worker: Worker) -> None:
        """Take note that a worker is ready."""
        name = self._group_of(worker)
        if name is None or self.groups[name].ready < self.groups[name].wanted:
            return
        group = self.groups[name]
        group.answered = True
        if name == "next":
            self._retire("main")
            self.groups["main"] = self.groups.pop("next")
        elif name == "challenger":
            self._route(group)

    def _ended(self, worker: Worker) -> None:
        self._deaf(worker)
        for path in (self.home / "prometheus").glob(f"gauge_live*_{worker.process.pid}.db"):
            path.unlink(missing_ok=True)
        if worker in self._retired:
            self._retired.remove(worker)
            return
        name = self._group_of(worker)
        assert name is not None
        group = self.groups[name]
        group.workers.remove(worker)
        if self.ending:
            return
        code = worker.process.returncode
        if not group.answered:
            self.error = f"v{group.version} ended while it started (exit code {code})"
            if name == "main":
                self.failed = True
                self._end()
            else:
                self._retire(name)
            return
        lived = time.monotonic() - worker.began
        say(
            f"worker {worker.process.pid} of v{group.version} ended with {code} after {lived:.1f} s; another is started"
        )
        group.pause = min(max(2 * group.pause, 0.5), 10.0) if lived < SHORT else 0.0
        group.next_start = time.monotonic() + group.pause

    def _retire(self, name: str) -> None:
        """Let the workers of a group finish, and forget it."""
        group = self.groups.pop(name, None)
        for worker in group.workers if group else ():
            self._tell(worker, signal.SIGUSR1 if worker.ready else signal.SIGKILL)
            self._retired.append(worker)
        for end in group.handed if group else ():
            end.close()

    def _end(self) -> None:
        self.ending = True
        for worker in self._all():
            self._tell(worker, signal.SIGTERM if worker.ready else signal.SIGKILL)

    def _tell(self, worker: Worker, number: signal.Signals) -> None:
        worker.told = worker.told or time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            worker.process.send_signal(number)

    def _all(self) -> list[Worker]:
        return [*self._retired, *(one for group in self.groups.values() for one in group.workers)]

    def _group_of(self, worker: Worker) -> str | None:
        return next((name for name, group in self.groups.items() if worker in group.workers), None)

    def _say(self) -> None:
        """Write `state.json` when something has changed."""
        said = {
            "number": self.number,
            "error": self.error,
            "ending": self.ending,
            "groups": {
                name: {
                    "version": one.version,
                    "folder": one.folder,
                    "wanted": one.wanted,
                    "ready": one.ready,
                    "answered": one.answered,
                    "pids": [worker.process.pid for worker in one.workers],
                }
                for name, one in self.groups.items()
            },
        }
        if said != self._said:
            self._said = said
            write(self.home / "state.json", {"pid": os.getpid(), **said})


def write(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old or the new."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(json.dumps(value), "utf-8")
        draft.replace(path)
    except OSError as error:
        say(f"{path.name} cannot be written: {error.strerror}")


def say(text: str) -> None:
    """Write a line to the log."""
    line = {"ts": round(time.time(), 3), "level": "warning", "pid": os.getpid(), "logger": "nbprod.supervisor"}
    print(json.dumps({**line, "message": text}), file=sys.stderr, flush=True)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises `OSError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def main(arguments: list[str] | None = None) -> int:
    """Supervise a deployment (`--home` and `--fd`, as nbprod starts it), or serve a Bento (`--folder`)."""
    parser = argparse.ArgumentParser(description="Serve a Bento that nbprod made.")
    parser.add_argument("--folder", type=Path, help="the Bento to serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--home", type=Path, help="the folder of the deployment; one of its own without it")
    parser.add_argument("--fd", type=int, help="a socket that listens already")
    options = parser.parse_args(arguments)
    home = options.home or Path(tempfile.mkdtemp(prefix="nbprod-"))
    if options.folder is not None:
        folder = options.folder.resolve()
        asked = {"number": 0, "version": 0, "folder": str(folder), "workers": options.workers, "challenger": None}
        write(home / "deployment.json", asked)
    listener = listen(options.host, options.port) if options.fd is None else socket.socket(fileno=options.fd)
    metrics = home / "prometheus"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    (home / "traffic.json").unlink(missing_ok=True)
    own = {"BENTOML_DO_NOT_TRACK": "True", "NBPROD_HOME": str(home), "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    try:
        return Supervisor(home, listener, {"BENTOML_HOME": str(home), **os.environ, **own}).run()
    finally:
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
