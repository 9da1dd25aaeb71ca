"""A challenger beside the version that serves: it is asked too (shadow), or answers a share of the requests (split).

It runs in processes of its own and is reached over a Unix socket that the supervisor names in `traffic.json`.
"""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POLL = 0.25
"""Seconds between looks at `traffic.json`."""
SHADOWS = 256
"""Shadow requests that may be on their way."""
RELATIVE, ABSOLUTE = 1e-5, 1e-7
"""How far numbers of the two may differ and still agree."""


@dataclass
class Challenger:
    """Another version: `mode` is `shadow` or `split`, `percent` what part of the requests a split gives it."""

    mode: str
    version: int
    percent: float
    socket: str
    timeout: float = 60.0
    _idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=deque)

    def takes(self, ident: str) -> bool:
        """Whether a request is the challenger's; the same id always gets the same answer.

        >>> [Challenger("split", 2, share, "").takes("abc") for share in (0, 100)]
        [False, True]
        """
        return self.mode == "split" and zlib.crc32(ident.encode()) % 10_000 < self.percent * 100

    async def ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return its status and answer. Raises `OSError` or `TimeoutError` if it cannot be reached."""
        head = [f"POST {path} HTTP/1.1", "Host: challenger", "Content-Type: application/json"]
        head += [f"Content-Length: {len(body)}", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
        message = "\r\n".join(head).encode("latin-1") + body
        async with asyncio.timeout(self.timeout):
            while self._idle:  # a connection that was kept may have been closed meanwhile
                try:
                    return await self._exchange(*self._idle.pop(), message)
                except (OSError, asyncio.IncompleteReadError):
                    continue
            try:
                return await self._exchange(*await asyncio.open_unix_connection(self.socket), message)
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError("the challenger closed the connection") from error

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes
    ) -> tuple[int, bytes]:
        kept = False
        try:
            writer.write(message)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            fields = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            kept = fields.get("connection", "").lower() != "close"
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return status, body

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop()[1].close()


def read(path: Path, before: Challenger | None) -> Challenger | None:
    """Return the challenger that a `traffic.json` names, `before` itself while it is the same; None without one."""
    try:
        told = json.loads(path.read_text("utf-8"))
        found = Challenger(told["mode"], int(told["version"]), float(told.get("percent", 0)), told["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = before is not None and vars(before) | {"_idle": None} == vars(found) | {"_idle": None}
    return before if same else found


def agrees(ours: Any, theirs: Any) -> bool:
    """Whether two answers are the same, numbers in five digits.

    >>> agrees([{"a": 1.0}], [{"a": 1.0000001}]), agrees([1], [2])
    (True, False)
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(agrees(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agrees, ours, theirs))
    numbers = (int, float)
    if isinstance(ours, numbers) and isinstance(theirs, numbers) and not isinstance(ours, bool | type(None)):
        return not isinstance(theirs, bool) and math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return type(ours) is type(theirs) and bool(ours == theirs)


def changed(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced; None without it."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
