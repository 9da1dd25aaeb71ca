"""A command of the command line, done by the project's worker where there is one: what it would import is there already."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.execution import prepared
from nbprod.worker.address import Unavailable, address

if TYPE_CHECKING:
    from types import FrameType

MODULE = "nbprod"
LOST = 70
"""The exit code where the worker has gone before it said how the command ended."""


def by_worker(root: Path, arguments: list[str]) -> int | None:
    """Have the worker do `nbprod ARGUMENTS` with our streams and folder, and return its exit code; None where none does.

    What this process is told to stop by, that one is told too; it is stopped when we go.
    """
    if prepared.keeper is not None:
        return None  # this is the worker's process
    try:
        if not address(root).socket.exists():
            return None
        from nbprod.worker.client import Worker

        worker = Worker(root)
        pid, line = worker.lend(MODULE, arguments, (0, 1, 2), os.getcwd())
    except Unavailable:
        return None
    with line:
        return _wait(pid, line)


def _wait(pid: int, line: socket.socket) -> int:
    def tell(number: int, frame: FrameType | None) -> None:
        try:
            os.kill(pid, signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        except ProcessLookupError:
            return

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, tell)
    line.settimeout(None)
    try:
        data = line.recv(4096)
    except OSError:
        data = b""
    status = int(json.loads(data)["status"]) if data else LOST
    return status if status >= 0 else 128 - status
