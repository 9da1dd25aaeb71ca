"""Where the worker of a project listens: who is different in anything that a process inherits or reads at its start finds another one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbprod

PROTOCOL = 2
SEQPACKET_LIMIT = 180_000
"""Bytes that a request may have; the system's limit for a datagram is a little higher."""
_SOCKET_PATH = 100
_OF_A_TERMINAL = {
    *("_", "COLORTERM", "COLUMNS", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "LINES", "LS_COLORS", "OLDPWD", "PS1", "PWD", "SHELL", "SHLVL"),
    *("SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TMUX", "TMUX_PANE"),
    *("WINDOWID", "XDG_SESSION_ID", "VIRTUAL_ENV_PROMPT", "CLICOLOR", "NO_COLOR", "FORCE_COLOR"),
    *("JPY_PARENT_PID", "JPY_SESSION_NAME", "JUPYTER_SERVER_ROOT", "JUPYTER_SERVER_URL", "JUPYTER_TOKEN"),
}  # fmt: skip
"""Variables that no library reads when it is imported; a process that is forked has them as its asker does."""


class Unavailable(Exception):
    """No worker can be had; the message says why."""


@dataclass(frozen=True)
class Address:
    """The files of one worker: `socket` (0600), `lock`, held while it lives, and `log`; in a folder that is its user's alone (0700)."""

    root: Path
    socket: Path

    @property
    def lock(self) -> Path:
        return self.socket.with_suffix(".lock")

    @property
    def log(self) -> Path:
        return self.socket.with_suffix(".log")


def possible() -> str:
    """Say why there can be no worker on this system; an empty text where there can."""
    if not sys.platform.startswith("linux") or not hasattr(os, "fork"):
        return "a worker stays on Linux only"
    if os.environ.get("NBPROD_WORKER", "1").lower() in ("0", "no", "off", "false"):
        return "NBPROD_WORKER=0"
    return ""


def address(root: Path, env: Mapping[str, str] | None = None) -> Address:
    """Return where the worker for a project's root is that a process like this one may use. Raises `Unavailable`."""
    reason = possible()
    if reason:
        raise Unavailable(reason)
    try:
        there = root.stat()
        name = hashlib.sha256(json.dumps([str(root), there.st_dev, there.st_ino, _like(env)]).encode()).hexdigest()[:20]
    except OSError as error:
        raise Unavailable(f"{root}: {error.strerror}") from error
    socket = _folder() / f"{name}.sock"
    if len(os.fsencode(socket)) > _SOCKET_PATH:
        raise Unavailable(f"the path of its socket would be too long: {socket}")
    return Address(root, socket)


def _like(env: Mapping[str, str] | None) -> list[object]:
    """Return all that a forked process cannot be given, and what packages may have read when they were imported."""
    import resource

    env = os.environ if env is None else env
    limits = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
    return [
        *(PROTOCOL, nbprod.__file__, sys.executable, sys.version, sys.flags.isolated, sys.flags.optimize),
        sorted((name, value) for name, value in env.items() if name not in _OF_A_TERMINAL),
        *(os.getuid(), os.geteuid(), os.getgid(), sorted(os.getgroups()), os.getpriority(os.PRIO_PROCESS, 0)),
        [resource.getrlimit(limit) for limit in sorted(set(limits))],
        *(umask(), sorted(os.sched_getaffinity(0))),
        _read("/proc/self/cgroup"),
        sorted(os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")),
    ]  # fmt: skip


def umask() -> int:
    """Return the mask for new files, without setting it, as `os.umask` would for a moment and for all threads."""
    found = re.search(r"^Umask:\s*([0-7]+)", _read("/proc/self/status"), re.MULTILINE)
    return int(found[1], 8) if found else -1


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _folder() -> Path:
    """Return the folder for sockets, made if need be. Raises `Unavailable` for one that others may look into."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = (
        Path(base) / "nbprod" if base and os.path.isdir(base) else Path(tempfile.gettempdir()) / f"nbprod-{os.getuid()}"
    )
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise Unavailable(f"{folder} is not private to its user")
    return folder
