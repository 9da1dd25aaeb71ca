"""The kernels of this process: which there are to start, which are alive, and that none outlives us."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nbprod.errors import Location, NotebookError

GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class KernelSpec:
    """An installed kernel: its name, the interpreter's path, its version and its `sys.path`; its command and environment."""

    name: str
    executable: str
    version: str
    path: tuple[str, ...]
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, compare=False)


def find_kernel(name: str, notebook: str | None = None) -> KernelSpec:
    """Return the kernel called `name`. Raises `NotebookError` that names the kernels there are."""
    argv, env = _installed(name) or _known_to_jupyter(name, notebook)
    # jupyter_client starts a kernel that asks for plain `python` with the interpreter that it runs in itself.
    plain = {"python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    executable = sys.executable if argv[0] in plain else argv[0]
    version, path = _interpreter(executable, tuple(sorted(env.items())))
    return KernelSpec(name, executable, version, path, (executable, *argv[1:]), env)


def _installed(name: str) -> tuple[list[str], dict[str, str]] | None:
    """Return command and environment of a kernel as installed, found where jupyter_client looks first, without importing it."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("kernels"):
        try:
            found = json.loads((Path(folder) / name / "kernel.json").read_text(encoding="utf-8"))
            return list(found["argv"]), dict(found.get("env", {}))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _known_to_jupyter(name: str, notebook: str | None) -> tuple[list[str], dict[str, str]]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel:
        there = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise NotebookError(
            f"the kernel {name!r} is not installed",
            where=Location(file=notebook),
            fix=f"Installed kernels: {there}. Choose one of them in JupyterLab, or install {name!r}.",
        ) from None
    return spec.argv, spec.env


@cache
def _interpreter(executable: str, env: tuple[tuple[str, str], ...]) -> tuple[str, tuple[str, ...]]:
    if not env and os.path.realpath(executable) == os.path.realpath(sys.executable) and executable == sys.executable:
        return sys.version, tuple(sys.path)
    code = "import json,sys; print(json.dumps([sys.version, sys.path]))"
    try:
        done = subprocess.run(
            [executable, "-c", code],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
            env={**os.environ, **dict(env)},
        )
        version, path = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return executable, ()  # not Python; its name is all that we know of it
    return version, tuple(path)


def end_of(code: int | None) -> str:
    """Say how a process ended, from its exit status (negative: the signal that killed it)."""
    if code is None:
        return "the kernel died"
    if code >= 0:
        return f"the kernel died with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if -code == signal.SIGKILL:
        return f"the kernel was killed ({name}), most likely for memory"
    if name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
        return f"the kernel crashed in native code ({name})"
    return f"the kernel was killed ({name})"


class Alive:
    """A kernel's process, which leads a group of its own."""

    def __init__(self, process: Any, group: int | None) -> None:
        self.process = process
        self.group = group
        _alive.add(self)

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        status: int | None = self.process.poll()
        return status

    def end(self) -> None:
        """Kill the kernel and all that it started, now."""
        self._kill()
        with contextlib.suppress(Exception):
            self.process.wait(5)
        _alive.discard(self)

    def end_gently(self) -> None:
        """See in the background that a kernel which was asked to go does go; kill it when it does not.

        ipykernel 7.4 hangs now and then after its exit handlers have run (1 in 20 on a busy machine).
        """
        thread = threading.Thread(target=self._reap, name="nbprod-kernel-end", daemon=True)
        thread.start()  # before it can be found: `settle`, in another run's thread, may join at once
        _reapers.add(thread)

    def _reap(self) -> None:
        deadline = time.monotonic() + GRACE_SECONDS
        if not isinstance(self.process, subprocess.Popen):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_SECONDS)  # it is told of its end
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)  # Popen.wait with a limit sleeps longer and longer
        self.end()

    def _kill(self) -> None:
        # The group, for what the kernel has started and left behind; then the kernel, where there is no group.
        if self.group is not None and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, signal.SIGKILL)
        if self.poll() is None:
            with contextlib.suppress(OSError):
                self.process.kill()


_alive: set[Alive] = set()
_reapers: set[threading.Thread] = set()


def end_all() -> None:
    """Kill every kernel of this process."""
    for kernel in list(_alive):
        kernel.end()


def settle(seconds: float = GRACE_SECONDS + 1) -> None:
    """Wait until the kernels that were asked to go have gone."""
    deadline = time.monotonic() + seconds
    if _alive:
        from nbprod.execution import loop  # it imports asyncio

        loop.settle(seconds)
    for thread in list(_reapers):
        thread.join(max(0.0, deadline - time.monotonic()))
        if not thread.is_alive():
            _reapers.discard(thread)


atexit.register(end_all)
atexit.register(settle, 1.0)  # before it
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alive.clear)  # they are its parent's, and not for it to end


def environment(base: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a kernel: ours, without what was set in this process for Ploomber's sake only."""
    from nbprod import telemetry

    ours = telemetry.environment()
    env = dict(os.environ if base is None else base)
    for name, value in ours.items():
        if name.startswith("PLOOMBER_") and env.get(name) == value:
            del env[name]
    if "PYTHONHASHSEED" not in env:
        # Sets are in the same order in every kernel of a run, as they are in the one kernel of the notebook. The mark has
        # the runtime take it out of `os.environ` again, so that the cells and what they start do not see it.
        env.update(PYTHONHASHSEED="0", NBPROD_HASHSEED="1")
    return env


def tail(path: Path, lines: int = 5) -> str:
    """Return the last lines that a kernel wrote to its own error stream."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    kept = [line for line in text.splitlines() if line.strip() and "over TCP without encryption" not in line]
    return "\n".join(kept[-lines:])
