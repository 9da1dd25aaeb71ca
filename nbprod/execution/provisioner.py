"""The kernel provisioner `nbprod-fork`: a kernel comes from a prepared process where there is one, else it is started as usual."""

from __future__ import annotations

import os
import sys
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from nbprod.execution import prepared
from nbprod.execution.prepared import NotForked


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel by a fork, which takes a twentieth of the time; in any doubt as `LocalProvisioner` does.

    `reason` says why a kernel was not forked.
    """

    reason = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Launch a kernel."""
        try:
            self._fork(cmd, kwargs)
        except NotForked as error:
            self.reason = str(error)
            if not error.expected:
                _say(f"kernels start as usual: {error}")
            return await super().launch_kernel(cmd, **kwargs)
        return self.connection_info

    def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> None:
        env = kwargs.get("env") or dict(os.environ)
        desire = getattr(self.parent, "desire", None)
        if desire is None:
            raise NotForked("too few kernels are wanted")
        found = prepared.prepare(cmd, env, desire)
        if not found.wait():
            raise NotForked(found.failure or "the prepared process is not ready yet", expected=False)
        folder = str(kwargs.get("cwd") or os.getcwd())
        shadows = sorted(found.top & names_in(folder))
        if shadows:
            raise NotForked(f"{', '.join(shadows)} in {folder} would be imported in place of an installed package")
        parts = prepared.split(cmd)
        assert parts is not None
        own = {name: env[name] for name in ("JPY_SESSION_NAME",) if name in env}
        with open(os.devnull, "ab") as nothing:
            streams = (kwargs.get("stdout"), kwargs.get("stderr"))
            fds = [nothing.fileno() if stream is None else stream.fileno() for stream in streams]
            process = found.fork(parts[1], folder, own, (fds[0], fds[1]))
        self.process = process  # type: ignore[assignment]  # as much of a Popen as is used
        self.pid = self.pgid = process.pid
        self.cwd = folder


_said: set[str] = set()


def _say(line: str) -> None:
    """Say on standard error what went wrong, once."""
    if line not in _said:
        _said.add(line)
        print(f"nbprod: {line}", file=sys.stderr, flush=True)


def names_in(folder: str) -> frozenset[str]:
    """Return the names that could be imported from a folder."""
    found = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            name, _, ending = entry.name.partition(".")
            is_package = not ending and os.path.isfile(os.path.join(entry.path, "__init__.py"))
            if ending in ("py", "pyc") or ending.endswith("so") or is_package:
                found.add(name)
    return frozenset(found)
