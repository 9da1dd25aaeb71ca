"""Ends a process whose model never answers, so that another takes its place: from within, nothing can end such a call.

A call in a thread leaves the process its turns, and `front` sees it. One that blocks everything is seen by a thread here,
which answers in the place of the process: 504 who was being answered, 503 who waited, and hands on the connections on which
nothing was read yet, their requests included, to whoever answers at the same socket.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn.server import ServerState

    from .front import Front

BEAT = 1.0
"""Seconds between signs of life, which the supervisor waits for."""
SLACK = 1.0
"""Seconds more than the limit before the process is given up."""
STUCK = 70
"""What a process that gave itself up ends with."""
logger = logging.getLogger("nbprod.watchdog")


class Watchdog:
    """Watches a worker. `tell` is the pipe to the supervisor, `handed` where connections are handed on."""

    def __init__(self, front: Front, state: ServerState, tell: int, handed: socket.socket | None) -> None:
        self._front, self._state, self._tell, self._handed = front, state, tell, handed

    def start(self) -> None:
        """Begin to watch. It ends with the process."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def tell(self, what: bytes) -> None:
        """Tell the supervisor something; one that is older than this does not listen."""
        with contextlib.suppress(OSError):
            os.write(self._tell, what)

    def hand_on(self, protocol: Any) -> bool:
        """Hand on a connection on which nothing was read that was not answered; whether that could be done."""
        cycle, transport = protocol.cycle, protocol.transport
        fresh = protocol.scope is None if cycle is None else cycle.response_complete and protocol.scope is cycle.scope
        if self._handed is None or not fresh or transport.is_closing() or transport.get_write_buffer_size():
            return False
        try:
            socket.send_fds(self._handed, [b"c"], [transport.get_extra_info("socket").fileno()])
        except OSError:  # too many are on their way
            return False
        return True

    def _watch(self) -> None:
        limit = self._front.settings.timeout
        while True:
            time.sleep(BEAT)
            self.tell(b"b")
            if limit is not None and time.monotonic() - self._front.turned > limit + SLACK:
                self._give_up()

    def _give_up(self) -> None:
        self.tell(b"s")
        calling = {job.ident for job in self._front.runner.calling}
        handed = 0
        for protocol in list(self._state.connections):
            if self.hand_on(protocol):
                handed += 1
            else:
                self._answer(protocol, calling)
        told = "the model did not answer within %g s: %s; %d connections were handed on"
        logger.error(told, self._front.settings.timeout, ", ".join(sorted(calling)) or "it is not known what", handed)
        if self._front.log is not None:
            self._front.log.close()
        os._exit(STUCK)

    def _answer(self, protocol: Any, calling: set[str]) -> None:
        """Write an answer in the place of the process, which no longer does."""
        cycle = protocol.cycle
        if cycle is None or cycle.response_started or protocol.transport.is_closing():
            return
        ident = cycle.scope.get("nbprod.id", "")
        late = ident in calling or not calling
        status, why = (
            (b"504 Gateway Timeout", self._front.late(ident)) if late else (b"503 Service Unavailable", WAITED)
        )
        body = json.dumps(why).encode()
        fields = [
            b"HTTP/1.1 " + status,
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"x-request-id: " + ident.encode("latin-1"),
            b"x-model-version: %d" % self._front.about.version,
            b"connection: close",
            *(() if late else (b"retry-after: 1",)),
        ]
        with contextlib.suppress(OSError):
            os.write(protocol.transport.get_extra_info("socket").fileno(), b"\r\n".join([*fields, b"", body]))


WAITED = {"error": "the model is stuck, and is started anew; ask again in a second"}
