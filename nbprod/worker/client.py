"""The asker's side: finds the worker of a project, starts it, and has it do jobs."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from nbprod.execution.processes import is_alive, started
from nbprod.worker.address import SEQPACKET_LIMIT, Address, Unavailable, address, umask

ANSWER_SECONDS = 2.0
"""A worker that takes longer to fork hangs."""
START_SECONDS = 60.0


class Unanswered(Unavailable):
    """The worker was asked and did not answer: it may have begun, or begin yet."""


class Process:
    """A process that is not our child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._start = started(pid)

    def poll(self) -> int | None:
        """Return None while it runs; how it ended is not for us to know."""
        return None if self._start is not None and is_alive(self.pid, self._start) else 0


class Worker:
    """The worker of a project, as long as we are connected to it; it ends when nobody is. Any thread may use it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._line: socket.socket | None = None
        self._lock = threading.Lock()

    def do(self, module: str, arguments: list[str], stdio: tuple[int, int, int]) -> Process:
        """Have `python -P -m MODULE ARGUMENTS` done in the project's root. Raises `Unavailable`, `Unanswered`."""
        return Process(self._do(_request(module, arguments, str(self.root)), stdio))

    def lend(
        self, module: str, arguments: list[str], stdio: tuple[int, int, int], cwd: str
    ) -> tuple[int, socket.socket]:
        """Have it done in `cwd`, for as long as the line that is returned is open: there `{"status": ...}` is said when it has ended.

        Raises `Unavailable`, `Unanswered`.
        """
        pid = self._do({**_request(module, arguments, cwd), "bound": True}, stdio)
        with self._lock:
            line, self._line = self._line, None
        assert line is not None
        return pid, line

    def stay(self) -> None:
        """Have it stay for as long as we are connected, also if it is asked for nothing. Raises `Unavailable`, `Unanswered`."""
        self._do({"stay": True}, ())

    def _do(self, request: dict[str, Any], stdio: tuple[int, ...]) -> int:
        message = json.dumps(request).encode()
        if len(message) > SEQPACKET_LIMIT:
            raise Unavailable("the environment is too large to be sent")
        with self._lock:
            answer = self._ask(message, stdio)
        if "pid" not in answer:
            raise Unavailable(f"the worker refused: {answer.get('refused')}")
        return int(answer["pid"])

    def connect(self) -> None:
        """Connect to the worker, if there is one. Raises `Unavailable`."""
        with self._lock:
            self._connected()

    def start(self, limit: float = START_SECONDS) -> None:
        """Start the worker unless there is one, and connect to it once it answers. Raises `Unavailable`."""
        deadline = time.monotonic() + limit
        process: subprocess.Popen[bytes] | None = None
        while True:
            with contextlib.suppress(Unavailable):
                self.connect()
                return
            where = address(self.root)
            if process is None:
                process = _launch(where)
            elif process.poll() == 0:
                process = None  # there was another one, which may have been about to end
            elif process.poll() is not None:
                raise Unavailable(_last_line(where.log) or f"the worker ended with exit code {process.returncode}")
            if time.monotonic() > deadline:
                raise Unavailable(f"the worker did not answer within {limit:g} s")
            time.sleep(0.05)

    def is_there(self) -> bool:
        """Return whether we are connected to it."""
        with self._lock:
            return self._line is not None and not _ended(self._line)

    def close(self) -> None:
        """Let go of the worker."""
        with self._lock:
            self._drop()

    def _ask(self, request: bytes, fds: tuple[int, ...]) -> dict[str, Any]:
        line = self._connected()
        try:
            socket.send_fds(line, [request], list(fds))
        except OSError:
            self._drop()  # it has gone since; there may be another
            line = self._connected()
            try:
                socket.send_fds(line, [request], list(fds))
            except OSError as error:
                self._drop()
                raise Unavailable(f"the worker is gone ({error.strerror})") from error
        data, why = b"", "the worker ended when it was asked"
        try:
            data = line.recv(4096)
        except TimeoutError:
            why = f"the worker did not answer within {ANSWER_SECONDS:g} s"
        except OSError:
            pass
        if not data:
            self._drop()
            raise Unanswered(why)
        answer: dict[str, Any] = json.loads(data)
        return answer

    def _connected(self) -> socket.socket:
        if self._line is not None and not _ended(self._line):
            return self._line
        self._drop()
        where = address(self.root)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.settimeout(ANSWER_SECONDS)
        try:
            line.connect(str(where.socket))
            peer = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError as error:
            line.close()
            raise Unavailable(f"there is no worker ({error.strerror})") from error
        if peer[1] != os.geteuid():
            line.close()
            raise Unavailable("what answers there belongs to another user")
        self._line = line
        return line

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _ended(line: socket.socket) -> bool:
    """Return whether the worker has gone: it says nothing unasked, so what can be read is its end."""
    return bool(select.select([line], [], [], 0)[0])


def _request(module: str, arguments: list[str], cwd: str) -> dict[str, Any]:
    """Return a request for `python -P -m MODULE ARGUMENTS` in a process with what this one has."""
    import resource

    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {
        "module": module,
        "arguments": arguments,
        "cwd": cwd,
        "env": dict(os.environ),
        "umask": umask(),
        "limits": limits,
        "processors": sorted(os.sched_getaffinity(0)),
    }


def _launch(where: Address) -> subprocess.Popen[bytes]:
    with where.log.open("wb") as log:
        process = subprocess.Popen(
            # -P: a file of the project must not stand in for a module
            [sys.executable, "-P", "-m", "nbprod.worker", str(where.root)],
            cwd=where.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name="nbprod-worker-end", daemon=True).start()  # none is left a zombie
    return process


def _last_line(log: Path) -> str:
    """Return what the worker said last, without the time."""
    with contextlib.suppress(OSError):
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1].split(" ", 2)[-1] if lines else ""
    return ""
