"""A job that a server follows: what its process has said, read from its files as they grow."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.server.folder import JobFolder

if TYPE_CHECKING:
    from nbprod.worker.client import Process

MOST = 10_000
"""Events that are given at once, what was printed aside."""
PRINTED = b'{"event": "task-log"'
Event = Mapping[str, Any]
"""An event as the panel gets it: `job`, `kind`, `path`, `number` and `data`."""


class Followed:
    """A job, and how far its events were read."""

    def __init__(self, folder: JobFolder, root: Path, process: subprocess.Popen[bytes] | Process | None = None) -> None:
        self.folder = folder
        self.order = folder.order
        self.process = process
        self.path = self._path(root)
        self.ended: dict[str, Any] | None = None
        self.count = 0
        self.run = self.order.run
        self.sweep: str | None = None
        self.said_end = False
        self._offset = 0
        self._reading = threading.Lock()

    def _path(self, root: Path) -> str:
        order = self.order
        if Path(order.server_root) == root:
            return order.path
        return os.path.relpath(order.notebook, root).replace(os.sep, "/")

    def read(self) -> list[Event]:
        """Return the events that are new since the last call."""
        with self._reading:
            try:
                size = self.folder.events.stat().st_size
                if size <= self._offset:
                    return []
                with self.folder.events.open("rb") as file:
                    file.seek(self._offset)
                    data = file.read(size - self._offset)
            except OSError:
                return []  # its folder was deleted
            whole = data.rpartition(b"\n")[0]
            if not whole:
                return []
            self._offset += len(whole) + 1
            new = []
            for line in whole.split(b"\n"):
                event = self.event(self.count, line)
                self.count += 1
                self._learn(event["data"])
                new.append(event)
            return new

    def event(self, number: int, line: bytes) -> Event:
        """Return a line of the events as the panel gets it."""
        order = self.order
        try:
            data = json.loads(line)
        except ValueError:  # the process was killed in the middle of it
            data = {"event": "output", "text": line.decode("utf-8", "replace")}
        return {"job": order.id, "kind": order.kind, "path": self.path, "number": number, "data": data}

    def since(self, number: int, log: int, most: int = MOST) -> list[Event]:
        """Return the events from `number` on, `most` of them at most; of what the run printed only the last `log` bytes of them."""
        kept: dict[int, bytes] = {}
        printed: deque[int] = deque()
        size = 0
        try:
            with self.folder.events.open("rb") as file:
                for at, line in enumerate(file):
                    if at < number or not line.endswith(b"\n"):
                        continue
                    kept[at] = line
                    if line.startswith(PRINTED):
                        printed.append(at)
                        size += len(line)
                        while size > log and len(printed) > 1:
                            size -= len(kept.pop(printed.popleft()))
                    elif len(kept) - len(printed) >= most:
                        break
        except OSError:
            return []
        return [self.event(at, line) for at, line in kept.items()]

    def is_alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return self.folder.is_alive()

    def finish(self, ended: dict[str, Any]) -> None:
        """Take down how it ended; it is followed no longer."""
        self.run, self.sweep = self.run or ended.get("run"), self.sweep or ended.get("sweep")
        self.ended = ended

    def is_leaving(self) -> bool:
        """Return whether its process has ended for all but the operating system, which wants it to be asked for."""
        if self.process is not None and self.process.poll() is not None:
            self.process = None
        return self.process is not None

    def _learn(self, data: Event) -> None:
        if data.get("event") == "run-started":
            self.run = self.run or data["run"]
        elif data.get("event") == "sweep-started":
            self.sweep = data["sweep"]
        elif data.get("event") == "job-ended":
            self.said_end = True
