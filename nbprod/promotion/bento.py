"""BentoML from the outside: build a Bento, start and stop a service, each in processes of their own.

BentoML is never imported here. Its store (`BENTOML_HOME`) is scratch: it loses concurrent saves, and two services on
one home wipe each other's metrics.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import telemetry
from nbprod.errors import PromotionError, ServiceError

if TYPE_CHECKING:
    import psutil

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks a service directly: a proxy set for this shell must not be asked for an address of this machine."""
BUILD = """
import json, sys, bentoml
job = json.load(open(sys.argv[1]))
bento = bentoml.build(job.pop("service"), **job["build"])
bento.export(job["export"], output_format="folder")
"""


def environment(home: Path) -> dict[str, str]:
    """The environment of a BentoML process: its own home, no telemetry, and `uv` on the path (its build calls it)."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" and not key.startswith("BENTOML_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, **telemetry.environment(), "PATH": path, "BENTOML_HOME": str(home)}


CLEAN = re.compile(
    r"HOME|USER|PATH|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|PYTHONDONTWRITEBYTECODE|PYTHONPYCACHEPREFIX|\w+_NUM_THREADS"
)
"""Variables that a clean process keeps; what else the service needs, it must bring itself."""


def build(
    source: Path,
    export: Path,
    home: Path,
    *,
    service: str,
    name: str,
    version: str,
    readme: str,
    packages: Sequence[str],
) -> None:
    """Build the Bento of a folder and export it. Raises `PromotionError` with what BentoML said."""
    home.mkdir(parents=True, exist_ok=True)
    job = {
        "service": f"service:{service}",
        "export": str(export),
        "build": {
            "name": name,
            "version": version,
            "build_ctx": str(source),
            "description": readme,
            "include": sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()),
            "python": {"lock_packages": False, "packages": list(packages)},
        },
    }
    path = home / "build.json"
    path.write_text(json.dumps(job), "utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", BUILD, str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=home,
        env=environment(home),
        check=False,
    )
    if done.returncode:
        raise PromotionError(f"BentoML could not build {name}:\n{_tail(done.stdout + done.stderr)}")


class Process:
    """A BentoML service that runs; `start` gives one. It outlives this process unless it is stopped."""

    def __init__(self, popen: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self._popen, self.url, self.log = popen, url, log

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_ready(self, timeout: float) -> None:
        """Return when the service answers. Raises `ServiceError` with the log's tail when it ends or takes too long."""
        deadline = time.monotonic() + timeout
        while not answers(self.url):
            if self._popen.poll() is not None:
                raise ServiceError(
                    f"the service ended while it started (exit code {self._popen.returncode}):\n{self.tail()}",
                    fix=f"Its whole log: {self.log}",
                )
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"the service does not answer after {timeout:g} s:\n{self.tail()}", fix=f"Its whole log: {self.log}"
                )
            time.sleep(0.05)

    def detach(self) -> None:
        """Leave the service to itself; nothing of it ends with this process."""
        self._popen.returncode = 0  # else Popen warns, and later waits, for a child that is meant to outlive it

    def tail(self) -> str:
        """The last lines of the log."""
        return _tail(self.log.read_text(errors="replace"))

    def stop(self, grace: float = 15.0) -> None:
        """End the service and its workers, by force after `grace` seconds."""
        stop(self.pid, grace)
        self._popen.wait()


def start(folder: Path, home: Path, log: Path, port: int, host: str = "127.0.0.1", *, clean: bool = False) -> Process:
    """Start a service from an exported Bento, detached from this process and its terminal.

    `clean` keeps this process's environment from it, so that it shows whether it stands alone.
    """
    ours = environment(home)
    kept = {key: value for key, value in ours.items() if CLEAN.fullmatch(key) or os.environ.get(key) != value}
    home.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "bentoml", "serve", str(folder), "--host", host, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=kept if clean else ours,
            start_new_session=True,
        )
    every = host in ("0.0.0.0", "::")  # noqa: S104 - what the caller asked for; nobody can call that address
    shown = "127.0.0.1" if every else f"[{host}]" if ":" in host else host
    return Process(popen, f"http://{shown}:{port}", log)


def stop(pid: int, grace: float = 15.0) -> None:
    """End a service: its supervisor and every worker, which have process groups of their own."""
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


def _kill(process: psutil.Process) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself just now
        process.kill()


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a service at `url` says that it is ready."""
    try:
        with OPENER.open(f"{url}/readyz", timeout=timeout) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
        return False


def post(url: str, body: Mapping[str, Any], timeout: float = 60.0) -> tuple[int, Any]:
    """Post JSON and return the status and the JSON that came back (its text where it is none)."""
    data = json.dumps(body, allow_nan=False).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - http, to a service of ours
    try:
        with OPENER.open(request, timeout=timeout) as response:
            status, text = response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode("utf-8", "replace")
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _tail(text: str, lines: int = 12) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:])
