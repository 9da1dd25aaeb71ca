"""What a process that was forked for a job becomes: what it would be, had its asker started it."""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from nbprod.execution import prepared
from nbprod.execution.ending import leave
from nbprod.execution.keeper import Keeper


@dataclass(frozen=True)
class Surroundings:
    """The environment before anything was imported, and what imports have made of it since."""

    before: Mapping[str, str]

    def apply(self, env: Mapping[str, str]) -> None:
        """Give this process the environment `env`, with the changes that imports make to it."""
        now = dict(os.environ)
        made = {name: value for name, value in now.items() if self.before.get(name) != value}
        os.environ.clear()
        os.environ.update({**env, **made})
        for name in self.before.keys() - now.keys():
            os.environ.pop(name, None)


@dataclass(frozen=True)
class Job:
    """A command, as `python -m` takes it."""

    module: str
    arguments: tuple[str, ...]

    @classmethod
    def become(cls, request: Mapping[str, Any], fds: list[int], line: socket.socket, surroundings: Surroundings) -> Job:
        """Take over what the asker has: standard streams, environment, folder, limits; a session of its own."""
        import resource

        os.setsid()
        for name in ("SIGCHLD", "SIGTERM"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
        if sys.stdout.isatty():
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        surroundings.apply(request["env"])
        if request["umask"] >= 0:
            os.umask(request["umask"])
        os.sched_setaffinity(0, request["processors"])
        for name, (soft, hard) in request["limits"].items():
            number = getattr(resource, name)
            if resource.getrlimit(number) != (soft, hard):
                resource.setrlimit(number, (soft, hard))
        os.chdir(request["cwd"])
        importlib.invalidate_caches()
        numpy = sys.modules.get("numpy.random")
        if numpy is not None:
            numpy.seed()
        prepared.keeper = Keeper(line)
        return cls(request["module"], tuple(request["arguments"]))

    def run(self) -> NoReturn:
        """Do it and end, as `python -m` does."""
        sys.argv = [self.module, *self.arguments]
        status = 0
        try:
            runpy.run_module(self.module, run_name="__main__", alter_sys=True)
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
            if isinstance(ending.code, str):
                print(ending.code, file=sys.stderr)
        except BaseException:  # noqa: BLE001  # as the interpreter does
            traceback.print_exc()
            status = 1
        leave(status)
