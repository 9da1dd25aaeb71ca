"""The line from a job's process to the worker that it was forked from, which keeps prepared processes between jobs."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

ANSWER_SECONDS = 3.0
_DATAGRAM = 1 << 18


class Later(Exception):
    """The worker is only preparing the process that was asked for, and it is not worth waiting for."""


class Keeper:
    """Asks the worker for prepared processes; any thread may."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._asked = False
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
        answer, line = self._talk(request)
        if "later" in answer:
            raise Later(answer["later"])
        return line

    def take(self, key: str) -> tuple[dict[str, Any], socket.socket] | None:
        """Return the kernel that is ready for `key` and the line to the process that it came of, once."""
        if self._asked:
            return None
        self._asked = True
        answer, line = self._talk({"do": "take", "key": key})
        return None if line is None else (answer["state"], line)

    def leave(self, key: str, state: dict[str, Any], line: int) -> bool:
        """Leave a kernel to the worker for whoever needs it; return whether it has it."""
        return bool(self._talk({"do": "leave", "key": key, "state": state}, line)[0].get("left"))

    def _talk(self, request: dict[str, Any], *fds: int) -> tuple[dict[str, Any], socket.socket | None]:
        with self._lock:
            try:
                socket.send_fds(self._line, [json.dumps(request).encode()], list(fds))
                data, got, _, _ = socket.recv_fds(self._line, _DATAGRAM, 1)
            except OSError:  # it has gone, or hangs: we do without it from now on
                self.close()
                return {}, None
        return json.loads(data) if data else {}, socket.socket(fileno=got[0]) if got else None

    def close(self) -> None:
        """Do without the worker."""
        with contextlib.suppress(OSError):
            self._line.close()
