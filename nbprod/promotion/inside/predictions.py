"""The log of predictions: JSON Lines, written by a thread of its own, so that no request waits for a disk.

A line is made where the request was answered, after its answer was sent: 2 us each. Made in the thread, hundreds at a time,
they would keep the interpreter from requests for milliseconds. What cannot be written is dropped and counted, never an
error of a request.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO

WAITING = 20_000
"""Lines that may wait to be written."""
FILE_BYTES = 16 * 2**20
"""Size from which the next file is begun."""
PAUSE = 0.25
logger = logging.getLogger("nbprod.predictions")

Entry = tuple[float, str, str, int, bytes, bytes, float]
"""When, request id (printable ASCII), route, status, the body of the request and of the answer, milliseconds."""


class PredictionLog:
    """Writes `predictions-*.jsonl` and its kin into a folder, bounded in memory, in size and in age."""

    def __init__(
        self,
        folder: Path,
        version: int,
        *,
        megabytes: float = 256.0,
        days: float = 30.0,
        leave_out: Collection[str] = (),
        on_drop: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.folder, self.version = folder, version
        self.bytes, self.seconds, self.leave_out = int(megabytes * 2**20), days * 86400, frozenset(leave_out)
        self.on_drop = on_drop
        self._waiting: deque[Entry | bytes] = deque()
        self._heads: dict[tuple[str, int], bytes] = {}
        self._lines: deque[tuple[str, bytes]] = deque()
        self._fresh = 0  # dropped, and not counted yet
        self._untold = 0  # dropped, and not in the log yet
        self._files: dict[str, BinaryIO] = {}
        self._told = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write what is added."""
        self._thread = threading.Thread(target=self._write_on, name="predictions", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Take a prediction to write; it is dropped where too many wait."""
        if len(self._waiting) < WAITING:
            # what is to be left out must be looked for in the JSON, which is too long a work for here
            self._waiting.append(entry if self.leave_out else self._line(entry))
        else:
            self._fresh += 1

    def add_line(self, kind: str, value: dict[str, Any]) -> None:
        """Take an object to write into the files of a kind (`shadow`)."""
        if len(self._lines) < WAITING:
            self._lines.append((kind, json.dumps(value, separators=(",", ":")).encode()))
        else:
            self._fresh += 1

    def write_now(self, kind: str, value: dict[str, Any]) -> None:
        """Write an object and return when it is in the file. Raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
        with (self.folder / f"{kind}-{time.strftime('%Y%m%d', time.gmtime())}-{os.getpid()}.jsonl").open(
            "ab", buffering=0
        ) as file:
            _append(file, line)

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _write_on(self) -> None:
        swept = 0.0
        while True:
            ending = self._stop.wait(PAUSE)
            self._write()
            if time.monotonic() - swept > 60 or not swept:
                swept = time.monotonic()
                self._sweep()
            if ending:
                self._write()
                for file in self._files.values():
                    file.close()
                return

    def _write(self) -> None:
        count = len(self._waiting)
        lines = []
        for _ in range(count):
            entry = self._waiting.popleft()
            try:
                lines.append(entry if isinstance(entry, bytes) else self._line(entry))
            except ValueError:  # the request is not JSON
                self._fresh += 1
        others: dict[str, list[bytes]] = {}
        for _ in range(len(self._lines)):
            kind, line = self._lines.popleft()
            others.setdefault(kind, []).append(line)
        fresh, self._fresh = self._fresh, 0
        self.on_drop(fresh)
        self._untold += fresh
        if self._untold:
            lines.append(json.dumps({"ts": round(time.time(), 3), "dropped": self._untold}).encode())
        if lines and self._append("predictions", lines):
            self._untold = 0
        elif lines:
            lost = len(lines) - bool(self._untold)
            self.on_drop(lost)
            self._untold += lost
        for kind, some in others.items():
            self._append(kind, some)

    def _line(self, entry: Entry) -> bytes:
        when, ident, route, status, sent, answer, milliseconds = entry
        head = self._heads.get((route, status))
        if head is None:
            head = b'","version":%d,"route":"%s","status":%d,"ms":' % (self.version, route.encode(), status)
            self._heads[route, status] = head
        name = ident.encode()
        if b'"' in name or b"\\" in name:
            name = json.dumps(ident).encode()[1:-1]
        if 400 <= status < 500:
            return b'{"ts":%.3f,"id":"%b%b%.3f,"error":%b}' % (when, name, head, milliseconds, _flat(answer) or b"null")
        if self.leave_out:
            sent = json.dumps(without(json.loads(sent or b"{}"), self.leave_out), separators=(",", ":")).encode()
        what = b"answer" if status == 200 else b"error"
        rest = (when, name, head, milliseconds, _flat(sent) or b"{}", what, _flat(answer) or b"null")
        return b'{"ts":%.3f,"id":"%b%b%.3f,"arguments":%b,"%b":%b}' % rest

    def _append(self, kind: str, lines: list[bytes]) -> bool:
        try:
            _append(self._file(kind), b"\n".join([*lines, b""]))
        except OSError as error:
            self._files.pop(kind, None)
            if not self._told:
                self._told = True
                what = error.strerror or error
                told = "predictions cannot be logged, and are counted as dropped: %s (%s)"
                logger.error(told, what, self.folder)  # noqa: TRY400 - where it happened says nothing
            return False
        if self._told:
            self._told = False
            logger.warning("predictions are logged again")
        return True

    def _file(self, kind: str) -> BinaryIO:
        file = self._files.get(kind)
        if file is not None and file.tell() < FILE_BYTES and os.fstat(file.fileno()).st_nlink:
            return file
        if file is not None:
            file.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        name = (
            f"{kind}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 10**9:09d}-{os.getpid()}.jsonl"
        )
        self._files[kind] = (self.folder / name).open("ab", buffering=0)
        return self._files[kind]

    def _sweep(self) -> None:
        """Remove the oldest files beyond the bounds; feedback, which people gave, only by age."""
        try:
            found = sorted(self.folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
            size = 0
            for path in found:
                stat = path.stat()
                size += 0 if path.name.startswith("feedback-") else stat.st_size
                too_much = size > self.bytes and not path.name.startswith("feedback-")
                if too_much or time.time() - stat.st_mtime > self.seconds:
                    path.unlink(missing_ok=True)
        except OSError:
            return  # another worker sweeps too; and a folder that cannot be read is told when it is written


def _append(file: BinaryIO, text: bytes) -> None:
    """Write all of it or, where the disk is full, nothing: half a line would spoil the next one. Raises `OSError`."""
    written = file.write(text)
    if written < len(text):
        file.truncate(file.tell() - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def without(value: Any, names: Collection[str]) -> Any:
    """Return a value without what has one of these names, at any depth.

    >>> without({"rows": [{"a": 1, "ssn": 2}]}, {"ssn"})
    {'rows': [{'a': 1}]}
    """
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def _flat(text: bytes) -> bytes:
    """JSON on one line: in JSON a line break stands between values only."""
    return text.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in text or b"\r" in text else text
