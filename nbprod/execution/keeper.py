"""The line from a job's process to the worker that it was forked from, which keeps prepared processes between jobs."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Mapping, Sequence

ANSWER_SECONDS = 3.0


class Later(Exception):
    """The worker is only preparing the process that was asked for, and it is not worth waiting for."""


class Keeper:
    """Asks the worker for prepared processes; any thread may."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        line.settimeout(ANSWER_SECONDS)

    def ask(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        modules: Sequence[str],
        known: Mapping[str, str],
        *,
        may_draw: bool,
        patient: bool,
    ) -> socket.socket | None:
        """Return the line to a prepared process of our own; None where the worker has none to give. Raises `Later`."""
        request = {
            "do": "kernels",
            "command": list(command),
            "env": dict(env),
            "modules": list(modules),
            "known": dict(known),
            "may_draw": may_draw,
            "patient": patient,
        }
        with self._lock:
            try:
                self._line.send(json.dumps(request).encode())
                data, fds, _, _ = socket.recv_fds(self._line, 4096, 1)
            except OSError:  # it has gone, or hangs: we do without it from now on
                self.close()
                return None
        answer = json.loads(data) if data else {}
        if fds:
            return socket.socket(fileno=fds[0])
        if "later" in answer:
            raise Later(answer["later"])
        return None

    def close(self) -> None:
        """Do without the worker."""
        with contextlib.suppress(OSError):
            self._line.close()
