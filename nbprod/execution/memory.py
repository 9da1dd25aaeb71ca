"""How much memory is left: the machine's, or that of the control group we are in, whichever is less."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

LOW = 512 << 20
"""With fewer bytes left nothing is kept ready that nobody has asked for."""


def available(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that can be had without swapping; None where the system does not say."""
    found = [one for one in (_machine(proc), *_groups(proc, groups)) if one is not None]
    return min(found, default=None)


def is_low() -> bool:
    """Return whether memory is short, as of this second."""
    return _is_low(int(time.monotonic()))


@lru_cache(maxsize=1)
def _is_low(second: int) -> bool:
    left = available()
    return left is not None and left < LOW


def _machine(proc: Path) -> int | None:
    for line in _text(proc / "meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _groups(proc: Path, groups: Path) -> list[int | None]:
    """Return what is left in our control group and those it is in, of either version."""
    left: list[int | None] = []
    for line in _text(proc / "self/cgroup").splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        top = groups / "memory" if kinds else groups
        limit, used = ("memory.limit_in_bytes", "memory.usage_in_bytes") if kinds else ("memory.max", "memory.current")
        here = top / path.lstrip("/")
        above = [folder for folder in (here, *here.parents) if folder.is_relative_to(top)]
        left += [_left(folder, limit, used) for folder in above]
    return left


def _left(folder: Path, limit: str, used: str) -> int | None:
    most, now = _text(folder / limit).strip(), _text(folder / used).strip()
    if not (most.isdigit() and now.isdigit()) or int(most) >= 1 << 60:
        return None
    cached = (line.split() for line in _text(folder / "memory.stat").splitlines())
    given_back = next((int(value) for name, value in cached if name in ("inactive_file", "total_inactive_file")), 0)
    return max(0, int(most) - int(now) + given_back)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
