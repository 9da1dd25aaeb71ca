"""How answers are sent: in one piece, and at once."""

from __future__ import annotations

import os
from typing import Any


def joining(kind: Any) -> Any:
    """A protocol of uvicorn's which sends the head of an answer with its body, and at once."""

    class Protocol(kind):  # type: ignore[misc]
        """What uvicorn made, over a transport of ours."""

        def connection_made(self, transport: Any) -> None:
            """Begin."""
            super().connection_made(Joined(transport))

    return Protocol


class Joined:
    """A transport that keeps an answer's head until something is written after it: each packet costs as much as a quick call.

    uvloop's own sends at the end of a turn, when the next call of the model may have been made, or has hung.
    """

    def __init__(self, transport: Any) -> None:
        self._transport, self._head = transport, b""
        self._fd = transport.get_extra_info("socket").fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, or keep an answer's head for what comes next."""
        transport = self._transport
        if self._head:
            data, self._head = self._head + data, b""
        elif data.endswith(b"\r\n\r\n") and data.startswith(b"HTTP/1.1 ") and data[9:12] >= b"200":
            self._head = data
            return
        if not transport.get_write_buffer_size() and not transport.is_closing():
            try:
                sent = os.write(self._fd, data)
            except OSError:  # its client reads slowly, or went: uvloop knows what to do
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def close(self) -> None:
        """Send what was kept, and close."""
        if self._head:
            self.write(b"")
        self._transport.close()
