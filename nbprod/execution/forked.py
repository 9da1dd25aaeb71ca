"""Processes that came of a fork elsewhere, as `subprocess.Popen` shows one: a prepared process, the kernels of one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.execution.prepared import Prepared

SERVER = Path(__file__).resolve().parent.parent / "runtime" / "forkserver.py"


class ForkedKernel:
    """A kernel's process as `subprocess.Popen` shows one; it is a child of the prepared process, which tells its end."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, parent: Prepared) -> None:
        self.pid = pid
        self.parent = parent
        self.returncode: int | None = None
        self._ended = threading.Event()

    @property
    def orphaned(self) -> bool:
        """Whether its parent is gone, which ended it: that is none of its own doing."""
        return self.parent.failure is not None

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        if self.returncode is None and not runs(self.pid) and not self._ended.wait(0.5):
            if self.parent.is_busy():
                return None  # it imports what a trial has shown to be safe, and tells when it has
            self.parent.close("the prepared process does not tell how its kernels end")  # it hangs
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(["forked kernel"], timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def ended(self, status: int) -> None:
        """Note its end."""
        self.returncode = status
        self._ended.set()


def runs(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False


class Given:
    """A prepared process that a worker has given us, as much of a `Popen` as is used; it is no child of ours."""

    def __init__(self) -> None:
        self.pid = 0
        self._handle: int | None = None

    def found(self, pid: int) -> None:
        """Take down which process it is."""
        self.pid = pid
        with contextlib.suppress(OSError):
            self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return None while it runs; how it ended is not for us to know."""
        return None if self._handle is not None and not select.select([self._handle], [], [], 0)[0] else 0

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        if self._handle is not None and not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(["prepared process"], timeout or 0.0)
        return 0

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def launch(command: Sequence[str], env: Mapping[str, str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a prepared process and return our end of the line to it. Raises `OSError`."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            process = subprocess.Popen(
                [*command, str(SERVER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=dict(env),
            )
        except OSError:
            ours.close()
            raise
    return ours, process
