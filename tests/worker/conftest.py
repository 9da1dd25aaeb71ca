"""A project with a worker of its own, and modules that its jobs may be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbprod.worker.address import Address, address
from nbprod.worker.client import Worker

LOOK = """
import json, os, resource, signal, sys, threading

def main():
    look = {
        "argv": sys.argv, "name": __name__, "folder": os.getcwd(), "path": sys.path, "env": dict(os.environ), "mask": os.umask(0),
        "leads": [os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid()],
        "signals": {n: str(signal.getsignal(getattr(signal, n))) for n in ("SIGINT", "SIGTERM", "SIGCHLD", "SIGHUP", "SIGPIPE")},
        "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_STACK)],
        "open": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if not os.path.realpath(f"/proc/self/fd/{fd}").startswith("/proc")),
        "streams": [(s.encoding, s.errors, s.line_buffering, s.fileno()) for s in (sys.stdin, sys.stdout, sys.stderr)],
        "threads": len(os.listdir("/proc/self/task")), "main": sys.modules["__main__"].__spec__.name, "collects": __import__("gc").isenabled(),
        "processors": sorted(os.sched_getaffinity(0)), "safe": sys.flags.safe_path,
    }
    print(json.dumps(look))

main()
"""


@dataclass
class Home:
    """A project's folder, and one on `PYTHONPATH`."""

    root: Path
    modules: Path

    @property
    def address(self) -> Address:
        return address(self.root)

    def module(self, name: str, source: str) -> None:
        (self.modules / f"{name}.py").write_text(source)

    def worker(self) -> Worker:
        """Return the worker of the project, started."""
        worker = Worker(self.root)
        worker.start()
        return worker

    def ask(self, worker: Worker, module: str, *arguments: str) -> str:
        """Have a job done, and return what it printed."""
        with tempfile.TemporaryFile() as file, open(os.devnull, "rb") as nothing:
            process = worker.do(module, list(arguments), (nothing.fileno(), file.fileno(), file.fileno()))
            while process.poll() is None:
                pass
            file.seek(0)
            return file.read().decode()

    def alone(self, module: str, *arguments: str) -> str:
        """Have it done by a process that is started for it."""
        command = [sys.executable, "-P", "-m", module, *arguments]
        with tempfile.TemporaryFile() as file:
            subprocess.run(
                command,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                check=True,
            )
            file.seek(0)
            return file.read().decode()

    def said(self) -> str:
        """Return the worker's log."""
        return self.address.log.read_text()

    def pid(self) -> int:
        """Return the number of the worker's process."""
        found = subprocess.run(["fuser", str(self.address.lock)], capture_output=True, text=True, check=False).stdout
        return int(found.split()[0])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    # short: the path of a socket may not be long
    runtime = tempfile.mkdtemp(prefix="nbw-")
    found = Home(tmp_path / "project", tmp_path / "modules")
    found.root.mkdir()
    found.modules.mkdir()
    found.module("look", LOOK)
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(found.modules))
    monkeypatch.setenv("NBPROD_WORKER", "1")
    yield found
    shutil.rmtree(runtime, ignore_errors=True)  # a worker that ends takes its socket away itself
