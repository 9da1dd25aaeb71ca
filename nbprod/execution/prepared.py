"""The prepared processes of this process: each forks kernels that have the same interpreter and environment.

`runtime/forkserver.py` is what runs there. A kernel that cannot come from one, for whatever reason, is started as usual.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.execution.verdicts import Verdicts

SERVER = Path(__file__).resolve().parent.parent / "runtime" / "forkserver.py"
FORK_SECONDS = 5.0
"""How long a fork may take before the prepared process counts as hanging."""
KEPT = 4
"""So many prepared processes stay although no kernel of theirs runs."""
READY_SECONDS = 30.0
"""How long it may take to start, or to import, before kernels are started as usual."""
LOAD_SECONDS = 60.0
"""How long the trial of a module may take."""
_DATAGRAM = 1 << 18
_OUR_OWN = ("JPY_PARENT_PID", "JPY_SESSION_NAME", "JPY_INTERRUPT_EVENT", "IPY_INTERRUPT_EVENT")
"""Variables that differ from kernel to kernel, and are set in each."""


@dataclass(frozen=True)
class Desire:
    """What kernels are wanted for: the modules that they import, and whether some of these may draw from `random` earlier."""

    modules: frozenset[str] = frozenset()
    may_draw: bool = False


class NotForked(Exception):
    """No kernel came of it; the message says why."""


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
        if self.returncode is None and not _runs(self.pid) and not self._ended.wait(0.5):
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


def _runs(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False


class Prepared:
    """One prepared process: it starts in the background and forks kernels once it is ready.

    Args:
        command: The interpreter with its options.
        env: The environment of its kernels.
        desire: What it imports ahead, as far as that is safe.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], desire: Desire) -> None:
        self.failure: str | None = None
        """Why it forks nothing (any more)."""
        self.top: frozenset[str] = frozenset()
        """The top-level names that a kernel of its finds imported already."""
        self.loaded: tuple[str, ...] = ()
        self.refused: dict[str, str] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._answers: dict[int, dict[str, Any]] = {}
        self._answered = threading.Condition(self._lock)
        self._kernels: dict[int, ForkedKernel] = {}
        self._gone: dict[int, int] = {}
        self._free = self._importing = False
        self._verdicts = Verdicts(command[0])
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(SERVER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=dict(env),
            )
        if desire.modules:
            self._load(desire)
        threading.Thread(target=self._listen, name="nbprod-prepared", daemon=True).start()

    def wait(self, timeout: float = READY_SECONDS) -> bool:
        """Wait until it can fork a kernel at once, and return whether it can.

        It is worth waiting for: an ordinary kernel takes as long to start, and to import what this one imports.
        """
        with self._answered:
            self._answered.wait_for(lambda: self._free or self.failure, timeout)
            return self._free and self.failure is None

    @property
    def has_kernels(self) -> bool:
        """Whether any kernel of its runs."""
        return bool(self._kernels)

    def _load(self, desire: Desire) -> None:
        """Have it import modules, those that are safe to; nobody waits for that."""
        wanted = sorted(desire.modules)
        known = {name: reason for name, reason in self._verdicts.read().items() if name in desire.modules}
        request = {
            "do": "load",
            "modules": wanted,
            "known": known,
            "limit": LOAD_SECONDS,
            "may_draw": desire.may_draw,
        }
        self._importing = len(known) == len(wanted)
        self._send(request)

    def fork(self, arguments: Sequence[str], cwd: str, env: Mapping[str, str], fds: tuple[int, int]) -> ForkedKernel:
        """Return a new kernel. Raises `NotForked`."""
        number = next(self._numbers)
        request = {"do": "fork", "id": number, "arguments": list(arguments), "cwd": cwd, "env": dict(env)}
        with self._answered:
            self._send(request, fds)
            self._answered.wait_for(lambda: number in self._answers or self.failure, FORK_SECONDS)
            answer = self._answers.pop(number, None)
            if answer is None:
                reason = self.failure or f"the prepared process did not answer within {FORK_SECONDS:g} s"
            elif "error" in answer:
                reason = answer["error"]
            else:
                kernel = ForkedKernel(answer["pid"], self)
                if kernel.pid in self._gone:
                    kernel.ended(self._gone.pop(kernel.pid))
                else:
                    self._kernels[kernel.pid] = kernel
                return kernel
        if answer is None:
            self.close(reason)
        raise NotForked(reason)

    def _send(self, request: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
        try:
            if fds:
                socket.send_fds(self._socket, [json.dumps(request).encode()], list(fds))
            else:
                self._socket.send(json.dumps(request).encode())
        except OSError as error:
            raise NotForked(f"the prepared process is gone ({error.strerror})") from error

    def _listen(self) -> None:
        while True:
            try:
                data = self._socket.recv(_DATAGRAM)
            except OSError:
                data = b""
            if not data:
                break
            self._take(json.loads(data))
        self.close("the prepared process has ended")

    def _take(self, answer: dict[str, Any]) -> None:
        if "top" in answer:
            self.top = frozenset(answer["top"])
        if "loaded" in answer:
            self.loaded, self.refused = tuple(answer["loaded"]), answer["refused"]
            self._verdicts.add(answer["verdicts"])
        with self._answered:
            if "importing" in answer:
                self._importing, self._free = True, False
            elif "ready" in answer:
                self._free = not self._importing
            elif "loaded" in answer:
                self._importing, self._free = False, True
            self._answered.notify_all()
            if "ended" in answer:
                kernel = self._kernels.pop(answer["ended"], None)
                if kernel is None:
                    self._gone[answer["ended"]] = answer["status"]
                else:
                    kernel.ended(answer["status"])
            elif "forked" in answer:
                self._answers[answer["forked"]] = answer

    def close(self, reason: str = "it was closed") -> None:
        """End it, with the kernels that came of it."""
        with self._answered:
            if self.failure is not None:
                return
            self.failure = reason
            kernels = list(self._kernels.values())
            self._kernels.clear()
            self._answered.notify_all()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for kernel in kernels:
            with contextlib.suppress(OSError):
                os.killpg(kernel.pid, signal.SIGKILL)
            kernel.ended(-signal.SIGKILL)


Key = tuple[tuple[str, ...], frozenset[tuple[str, str]], Desire]

_all: dict[Key, Prepared] = {}
_guard = threading.Lock()


def possible() -> str:
    """Say why kernels cannot be forked on this system; an empty text where they can."""
    if not sys.platform.startswith("linux"):
        return "kernels are forked on Linux only"
    if os.environ.get("NBPROD_KERNELS") == "ordinary":
        return "NBPROD_KERNELS=ordinary"
    return ""


def always() -> bool:
    """Return whether kernels are to be forked even where so few are wanted that it does not pay."""
    return os.environ.get("NBPROD_KERNELS") == "forked"


def split(command: Sequence[str]) -> tuple[tuple[str, ...], list[str]] | None:
    """Return the interpreter with its options, and the kernel's arguments; None for a command that is no ipykernel."""
    words = list(command)
    for number in range(1, len(words) - 1):
        if words[number] == "-m":
            found = words[number + 1] in ("ipykernel_launcher", "ipykernel")
            return (tuple(words[:number]), words[number + 2 :]) if found else None
        if not words[number].startswith(("-X", "-W", "-I", "-E", "-s", "-O", "-B", "-u")):
            return None
    return None


def common(env: Mapping[str, str]) -> dict[str, str]:
    """Return what kernels of one kind have in common of their environments."""
    return {name: value for name, value in env.items() if name not in _OUR_OWN}


def prepare(command: Sequence[str], env: Mapping[str, str], desire: Desire) -> Prepared:
    """Return the prepared process for a kernel, started now if there is none. Raises `NotForked` where there can be none.

    Kernels for which other modules may be imported ahead come from another process: what one notebook cannot tell, another might.
    """
    reason = possible()
    parts = split(command)
    if reason or parts is None:
        raise NotForked(reason or "it is no IPython kernel")
    key = parts[0], frozenset(common(env).items()), desire
    with _guard:
        found = _all.pop(key, None)
        try:
            found = found or Prepared(parts[0], common(env), desire)
        except OSError as error:
            raise NotForked(f"no process can be started ({error.strerror})") from error
        _all[key] = found  # the newest last
        unused = [old for old in list(_all.values())[:-KEPT] if not old.has_kernels]
        for old in [key for key, one in _all.items() if one in unused]:
            del _all[old]
    for one in unused:
        one.close()
    return found


def close_all() -> None:
    """End every prepared process of this process."""
    with _guard:
        gone = list(_all.values())
        _all.clear()
    for one in gone:
        one.close()


atexit.register(close_all)
