"""Starts and stops the processes of a service; what they do stands in `inside/`, which each Bento has a copy of."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ServiceError
from nbprod.promotion import bento

if TYPE_CHECKING:
    import psutil

SUPERVISOR = Path(__file__).with_name("inside") / "supervisor.py"
CLEAN = re.compile(
    r"HOME|USER|PATH|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|PYTHONDONTWRITEBYTECODE|PYTHONPYCACHEPREFIX|\w+_NUM_THREADS"
)
"""Variables that a clean process keeps; what else the service needs, it must bring itself."""


@dataclass(frozen=True)
class Beside:
    """A challenger beside the version that serves; `mode` is `shadow` or `split`."""

    version: int
    folder: str
    mode: str
    percent: float = 0.0


@dataclass(frozen=True)
class Deployment:
    """What a supervisor is to serve: a Bento's folder, by so many workers. `env` is added to their environment."""

    version: int
    folder: str
    workers: int = 1
    challenger: Beside | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    """Whether the workers are replaced although nothing else changes."""
    number: int = 0

    def write(self, home: Path) -> None:
        """Write it where the supervisor reads it."""
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f"deployment.json.{os.getpid()}.tmp"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self)), "utf-8")
        draft.replace(home / "deployment.json")

    @classmethod
    def read(cls, home: Path) -> Deployment:
        """Read what a supervisor serves. Raises `OSError` or `ValueError`."""
        told = json.loads((home / "deployment.json").read_text("utf-8"))
        beside = told.pop("challenger")
        return cls(**told, challenger=Beside(**beside) if beside else None)


class Process:
    """A service that runs; `start` gives one. It outlives this process unless it is stopped."""

    def __init__(self, popen: subprocess.Popen[bytes], url: str, home: Path, log: Path) -> None:
        self._popen, self.url, self.home, self.log = popen, url, home, log

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_ready(self, timeout: float) -> None:
        """Return when every worker answers. Raises `ServiceError` with the log's tail when it ends or takes too long."""
        deadline = time.monotonic() + timeout
        while not settled(self.home, self.pid, 0):
            if self._popen.poll() is not None:
                raise ServiceError(
                    f"the service ended while it started (exit code {self._popen.returncode}):\n{self.tail()}",
                    fix=f"Its whole log: {self.log}",
                )
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"the service does not answer after {timeout:g} s:\n{self.tail()}", fix=f"Its whole log: {self.log}"
                )
            time.sleep(0.01)

    def detach(self) -> None:
        """Leave the service to itself; nothing of it ends with this process."""
        self._popen.returncode = 0  # else Popen warns, and later waits, for a child that is meant to outlive it

    def tail(self) -> str:
        """The last lines of the log."""
        return tail(self.log)

    def stop(self, grace: float = 15.0) -> None:
        """End the service and its workers, by force after `grace` seconds."""
        stop(self.pid, grace)
        self._popen.wait()


def start(
    deployment: Deployment, home: Path, log: Path, port: int = 0, host: str = "127.0.0.1", *, clean: bool = False
) -> Process:
    """Start a service, detached from this process and its terminal; without `port` the system chooses one.

    `clean` keeps this process's environment from it, so that it shows whether it stands alone.
    Raises `OSError` if the port cannot be used.
    """
    ours = bento.environment(home)
    kept = {key: value for key, value in ours.items() if CLEAN.fullmatch(key) or os.environ.get(key) != value}
    home.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    (home / "state.json").unlink(missing_ok=True)
    deployment.write(home)
    with listen(host, port) as listener, log.open("wb") as output:
        fd = listener.fileno()
        popen = subprocess.Popen(
            [sys.executable, "-P", str(SUPERVISOR), "--home", str(home), "--fd", str(fd)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=kept if clean else ours,
            start_new_session=True,
            pass_fds=(fd,),
        )
        port = int(listener.getsockname()[1])
    every = host in ("0.0.0.0", "::")  # noqa: S104 - what the caller asked for; nobody can call that address
    shown = "127.0.0.1" if every else f"[{host}]" if ":" in host else host
    return Process(popen, f"http://{shown}:{port}", home, log)


def change(home: Path, pid: int, deployment: Deployment, timeout: float) -> None:
    """Let a running supervisor serve something else, and return when it does. What served goes on until then.

    Raises `ServiceError` if that does not answer; then nothing has changed.
    """
    before = Deployment.read(home)
    deployment.write(home)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + timeout
    while not settled(home, pid, deployment.number):
        state = read_state(home)
        failed = state.get("error") if state.get("number") == deployment.number else None
        if not failed and _is_gone(pid):
            failed = "the service has ended"
        if not failed and time.monotonic() > deadline:
            failed = f"it does not answer after {timeout:g} s"
        if failed:
            _with_number(before, deployment.number + 1).write(home)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)
            raise ServiceError(
                f"v{deployment.version} was not put in place: {failed}; v{before.version} goes on:\n"
                f"{tail(home / 'service.log')}",
                fix=f"Its whole log: {home / 'service.log'}",
            )
        time.sleep(0.01)


def check(folder: Path) -> None:
    """Raise `ServiceError` for a Bento that no worker can serve: neither by its own copy of `inside/`, nor, without one, by ours."""
    own = folder / "src" / "nbprod_serving"
    if own.is_dir() and not (own / "worker.py").exists():
        raise ServiceError(
            f"{folder} was made by an nbprod that served in another way: {own.name} has no worker.py",
            fix="Promote its run again (`nbprod promote --run RUN`), or serve another version.",
        )


def settled(home: Path, pid: int, number: int) -> bool:
    """Whether a supervisor has done what the deployment of this number asks for."""
    state = read_state(home)
    if state.get("pid") != pid or state.get("number") != number or state.get("error"):
        return False
    groups = state["groups"]
    return "main" in groups and "next" not in groups and all(one["answered"] for one in groups.values())


def read_state(home: Path) -> dict[str, Any]:
    """What a supervisor says of itself; empty while there is nothing."""
    try:
        state: dict[str, Any] = json.loads((home / "state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `OSError`."""
    from nbprod.promotion.inside.supervisor import listen as bound

    return bound(host, port)


def stop(pid: int, grace: float = 15.0) -> None:
    """End a service, its supervisor and every worker."""
    import psutil

    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        if grace:
            parent.terminate()
    except psutil.NoSuchProcess:
        return
    _, alive = psutil.wait_procs(family, timeout=grace)
    for process in alive:
        _kill(process)
    psutil.wait_procs(alive, timeout=5)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, tracebacks as Python prints them."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    told = "\n".join(_plain(line) for line in text.strip().splitlines()[-lines:])
    return "\n".join(f"  {line}" for line in told.splitlines()[-lines:])


def _plain(line: str) -> str:
    try:
        record = json.loads(line)
        return "\n".join(filter(None, [record["message"], record.get("traceback")]))
    except (ValueError, KeyError, TypeError):
        return line


def _with_number(deployment: Deployment, number: int) -> Deployment:
    import dataclasses

    return dataclasses.replace(deployment, number=number, again=False)


def _is_gone(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _kill(process: psutil.Process) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself just now
        process.kill()
