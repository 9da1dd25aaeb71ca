"""What a worker keeps between jobs: prepared processes, of which each job gets a copy that forks its kernels, and one kernel."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.execution.forked import launch

_DATAGRAM = 1 << 18


class Template:
    """A prepared process that forks no kernel itself: for each job it forks a copy of itself, which belongs to the job.

    Args:
        command: The interpreter with its options.
        env: The environment of the kernels.
        modules: What it imports ahead; for each it is known whether it is safe (`known`).
        known: See `modules`.
        may_draw: Whether these may draw from `random` when they are imported.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        modules: Sequence[str],
        known: Mapping[str, str],
        may_draw: bool,
    ) -> None:
        self.used = time.monotonic()
        self.loading = bool(modules)
        self.ready = False
        self.socket, self.process = launch(command, env)
        self.socket.setblocking(False)
        if modules:
            request = {"do": "load", "modules": list(modules), "known": dict(known), "limit": 0, "may_draw": may_draw}
            self.socket.send(json.dumps(request).encode())

    def copy(self, number: int) -> socket.socket:
        """Have it fork a copy for job `number`, and return our end of the line to the copy. Raises `OSError`."""
        self.used = time.monotonic()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            request = json.dumps({"do": "copy", "id": number}).encode()
            try:
                socket.send_fds(self.socket, [request], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def hear(self) -> dict[str, Any] | None:
        """Return what it says, None once it has gone."""
        try:
            data = self.socket.recv(_DATAGRAM)
        except OSError:
            data = b""
        answer: dict[str, Any] | None = json.loads(data) if data else None
        if answer is not None:
            self.ready = self.ready or "loaded" in answer or ("ready" in answer and not self.loading)
        return answer

    def close(self) -> None:
        """End it; copies of it go on until their jobs end."""
        self.socket.close()
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                self.process.kill()
            self.process.wait()


@dataclass
class Spare:
    """A kernel that waits for the next job: for which kind, what its job must know of it, the line to what it came of."""

    key: str
    state: dict[str, Any]
    line: socket.socket

    def end(self) -> None:
        """Give it up."""
        self.line.close()
        shutil.rmtree(self.state["folder"], ignore_errors=True)


def kill_family(pid: int) -> None:
    """Kill a process that hangs, with the kernels that came of it, which are in sessions of their own."""
    try:
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return
    if b"forkserver" not in command:
        return  # the number is another's by now
    for one in (pid, *children):
        with contextlib.suppress(OSError):
            os.killpg(one, signal.SIGKILL)
