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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbprod.execution import memory
from nbprod.execution.forked import ForkedKernel, Given, launch
from nbprod.execution.keeper import Keeper, Later
from nbprod.execution.verdicts import Verdicts

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
    """What kernels are wanted for: the modules that they import, and whether some of these may draw from `random` earlier.

    `patient` says that there will be so many that a process is worth starting for them.
    """

    modules: frozenset[str] = frozenset()
    may_draw: bool = False
    patient: bool = field(default=True, compare=False)


class NotForked(Exception):
    """No kernel came of it; the message says why."""

    def __init__(self, reason: str, *, expected: bool = True) -> None:
        super().__init__(reason)
        self.expected = expected
        """Whether that is how it should be, rather than something that went wrong."""


class Prepared:
    """One prepared process: it starts in the background and forks kernels once it is ready.

    Args:
        command: The interpreter with its options.
        env: The environment of its kernels.
        desire: What it imports ahead, as far as that is safe.
        line: The line to one that a worker has given us (`keeper.py`); without it a new process is started.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], desire: Desire, line: socket.socket | None = None
    ) -> None:
        self.failure: str | None = None
        """Why it forks nothing (any more)."""
        self.top: frozenset[str] = frozenset()
        """The top-level names that a kernel of its finds imported already."""
        self.wanted = desire.modules
        self.loaded: tuple[str, ...] = ()
        self.refused: dict[str, str] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._answers: dict[int, dict[str, Any]] = {}
        self._answered = threading.Condition(self._lock)
        self._kernels: dict[int, ForkedKernel] = {}
        self._gone: dict[int, int] = {}
        self._free = self._importing = False
        self._importing_since = time.monotonic()
        self._verdicts = Verdicts(command[0])
        self.process: subprocess.Popen[bytes] | Given
        if line is not None:
            self._socket, self.process = line, Given()
        else:
            self._socket, self.process = launch(command, env)
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

    def wait_until_tried(self) -> bool:
        """Wait until what was not known of its modules is, and return whether there was something."""
        if isinstance(self.process, Given):
            return False
        with self._answered:
            return bool(self._answered.wait_for(lambda: self.loaded or self.refused or self.failure, LOAD_SECONDS))

    def is_busy(self) -> bool:
        """Return whether it imports, and so answers nothing, for no longer than that may take."""
        return self._importing and time.monotonic() - self._importing_since < READY_SECONDS

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
        self._importing = True
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
                return self._new(answer["pid"])
        if answer is None:
            self.close(reason)
        raise NotForked(reason, expected=False)

    @property
    def line(self) -> int:
        """The descriptor of the line to it: who has it open owns it."""
        return self._socket.fileno()

    def adopt(self, state: Mapping[str, Any], pid: int) -> ForkedKernel:
        """Take over a kernel that came of it for another owner; `state` is what it said to that one."""
        self._take({"refused": {}, "verdicts": {}, **state})
        with self._answered:
            return self._new(pid)

    def _new(self, pid: int) -> ForkedKernel:
        kernel = ForkedKernel(pid, self)
        if pid in self._gone:
            kernel.ended(self._gone.pop(pid))
        else:
            self._kernels[pid] = kernel
        return kernel

    def _send(self, request: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
        try:
            if fds:
                socket.send_fds(self._socket, [json.dumps(request).encode()], list(fds))
            else:
                self._socket.send(json.dumps(request).encode())
        except OSError as error:
            reason = self.failure or f"the prepared process is gone ({error.strerror})"
            raise NotForked(reason, expected=False) from error

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
        if "ready" in answer and isinstance(self.process, Given):
            self.process.found(answer["ready"])
        if "top" in answer:
            self.top = frozenset(answer["top"])
        if "loaded" in answer:
            self.loaded, self.refused = tuple(answer["loaded"]), answer["refused"]
            self._verdicts.add(answer["verdicts"])
        with self._answered:
            if "importing" in answer:
                self._importing, self._free = True, False
                self._importing_since = time.monotonic()
            elif "trying" in answer:
                self._importing, self._free = False, True
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
            _kill(self.process)
            self.process.wait()
        for kernel in kernels:
            with contextlib.suppress(OSError):
                os.killpg(kernel.pid, signal.SIGKILL)
            kernel.ended(-signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes] | Given) -> None:
    """Kill a prepared process, and the copy that took its place, which is in its group; kernels lead groups of their own."""
    if isinstance(process, subprocess.Popen):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


Key = tuple[tuple[str, ...], frozenset[tuple[str, str]], Desire]

_all: dict[Key, Prepared] = {}
_guard = threading.Lock()
keeper: Keeper | None = None
"""The worker that this process was forked from, if it was; it has prepared processes that stay between jobs."""


def possible() -> str:
    """Say why kernels cannot be forked on this system; an empty text where they can."""
    if not sys.platform.startswith("linux") or not hasattr(os, "fork"):
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
        found = _all.pop(key, None) or _begin(parts[0], common(env), desire)
        _all[key] = found  # the newest last
        unused = [old for old in list(_all.values())[:-KEPT] if not old.has_kernels]
        for old in [key for key, one in _all.items() if one in unused]:
            del _all[old]
    for one in unused:
        one.close()
    return found


def _begin(command: tuple[str, ...], env: dict[str, str], desire: Desire) -> Prepared:
    """Return a prepared process, from the worker if that has one. Raises `NotForked`."""
    if keeper is not None:
        known = {name: why for name, why in Verdicts(command[0]).read().items() if name in desire.modules}
        if len(known) == len(desire.modules):  # the trials of others are made by a process of our own
            options = {"may_draw": desire.may_draw, "patient": desire.patient}
            try:
                line = keeper.ask(command, env, sorted(desire.modules), known, **options)
            except Later as later:
                raise NotForked(str(later)) from later
            if line is not None:
                return Prepared(command, env, desire, line)
    if not desire.patient:
        raise NotForked("too few kernels are wanted for a process to be prepared")
    left = memory.available()
    if left is not None and left < memory.LOW:
        raise NotForked(f"only {left >> 20} MiB of memory are left", expected=False)
    try:
        return Prepared(command, env, desire)
    except OSError as error:
        raise NotForked(f"no process can be started ({error.strerror})", expected=False) from error


def keep(command: Sequence[str], env: Mapping[str, str], desire: Desire, one: Prepared) -> None:
    """Have the next kernels of this kind come from a prepared process that is there already."""
    with _guard:
        _all.setdefault((tuple(command), frozenset(env.items()), desire), one)


def kept() -> list[tuple[Key, Prepared]]:
    """Return the prepared processes by what they are for."""
    with _guard:
        return list(_all.items())


def wait_until_tried() -> bool:
    """Wait until what was not known of modules is; return whether there was something, so that it is worth to begin anew."""
    tried = [one.wait_until_tried() for one in list(_all.values()) if one.wanted]
    return any(tried)


def close_all() -> None:
    """End every prepared process of this process."""
    with _guard:
        gone = list(_all.values())
        _all.clear()
    for one in gone:
        one.close()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_all.clear)  # they are its parent's
