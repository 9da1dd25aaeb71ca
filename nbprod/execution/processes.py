"""Whether a process that was once seen still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def started(pid: int) -> float | None:
    """Return when the process began (in a unit of the platform's own, only to be compared), or None if it is gone."""
    try:
        # The name, in brackets, may hold spaces; the state is field 3 and the start time, in ticks since boot, field 22.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else float(fields[19])
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except ProcessLookupError:
        return None
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def is_alive(pid: int, start: float | None) -> bool:
    """Return whether the process `pid` that began at `start` still runs (a number may be given to a new process)."""
    now = started(pid)
    return now is not None and (start is None or abs(now - start) < 1e-6)


def me() -> tuple[str, int, float | None]:
    """Return this process: host name, number, start."""
    return socket.gethostname(), os.getpid(), started(os.getpid())
