"""What a request brings, and how one is refused."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from .batching import Gone

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
DISCARDED = 64 * 2**20
"""Bytes of a body that is too long that are read and dropped before the connection is cut."""


class Answer(Exception):
    """An answer that ends a request early."""

    def __init__(self, status: int, body: Any, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


async def read_body(receive: Receive, length: bytes | None, kind: bytes | None, max_body: int) -> bytes:
    """Return the body of a request. Raises `Answer` for one that is no JSON or too long, `Gone` if its client went."""
    if kind is not None and b"json" not in kind and kind.startswith((b"multipart/", b"application/vnd.", b"image/")):
        raise Answer(415, {"error": "the body must be JSON"})
    fits = length is None or int(length) <= max_body
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        more = message.get("more_body", False)
        part = message.get("body", b"")
        size += len(part)
        fits = fits and size <= max_body
        if fits:
            parts.append(part)
        elif size > DISCARDED:
            break
    if not fits:
        # read all the same: most clients look for an answer only when they have sent everything
        what = {"error": f"the body is longer than {max_body} bytes"}
        raise Answer(413, what, (b"connection", b"close"))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_feedback(body: bytes) -> list[dict[str, Any]]:
    """Return the labels that a client tells. Raises `Answer`."""
    try:
        given = json.loads(body)
    except ValueError as error:
        raise Answer(400, {"error": f"the body is no JSON: {error}"}) from None
    some = given if isinstance(given, list) else [given]
    for one in some:
        fits = isinstance(one, dict) and isinstance(one.get("id"), str) and "label" in one
        if not fits or not one.keys() <= {"id", "row", "label"} or type(one.get("row", 0)) is not int:
            form = '{"id": the X-Request-ID of the answer, "label": what is true, "row": its number from 0, if there were several}'
            raise Answer(400, {"error": f"feedback is {form}, or a list of such"})
    return some


def matches(given: bytes | None, key: str) -> bool:
    return given is not None and hmac.compare_digest(given, key.encode())


def gone(receive: Receive) -> Callable[[], bool]:
    """Whether the client has closed its connection. uvicorn's own state: to wait for its message would cost a task for each request."""
    cycle = getattr(receive, "__self__", None)
    return lambda: bool(getattr(cycle, "disconnected", False))
