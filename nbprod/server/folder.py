"""A job on the disk: `.nbprod/jobs/ID/`, which its process and any number of servers read and write.

| file | by | what |
|---|---|---|
| `job.json` | the server | what was asked for |
| `claimed` | the process or the server | that this is who does it, where that was in doubt |
| `process.json` | the process | which one it is |
| `events.jsonl` | the process | a line for each event |
| `stderr.log` | the process | what went to its standard error |
| `stop.json` | the server | that it was asked to end |
| `ended.json` | the process, or a server that finds it gone | how it ended |
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbprod.execution.atomic import write_text
from nbprod.execution.processes import is_alive, me

STARTS_WITHIN = 30.0
"""Seconds after which a process that never said which one it is counts as gone."""


@dataclass(frozen=True)
class Order:
    """What a job is to do. `path` is the notebook as Jupyter has it under `server_root`, `notebook` where it is on the disk."""

    id: str
    kind: str
    path: str
    server_root: str
    notebook: str
    pipeline: str
    arguments: tuple[str, ...]
    project: str
    created: float
    run: str | None = None


def claim_job(path: Path) -> bool:
    """Claim the job of a folder; return False if somebody else has."""
    try:
        os.close(os.open(path / "claimed", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


class JobFolder:
    """The folder of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.order = Order(**{**json.loads((path / "job.json").read_text("utf-8")), "arguments": ()})

    @classmethod
    def make(cls, jobs: Path, order: Order) -> JobFolder:
        """Make the folder of a new job."""
        path = jobs / order.id
        path.mkdir(parents=True)
        (path / "events.jsonl").touch()
        write_text(path / "job.json", json.dumps(asdict(order)))
        return cls(path)

    @classmethod
    def of_project(cls, jobs: Path, known: Container[str] = ()) -> Iterator[JobFolder]:
        """Give the jobs of a project but those that are known; a folder that is being made or deleted is left out."""
        try:
            names = sorted(os.listdir(jobs))
        except OSError:
            return
        for name in names:
            if name in known:
                continue
            try:
                yield cls(jobs / name)
            except (OSError, ValueError, TypeError):
                continue

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    def ended(self) -> dict[str, Any] | None:
        """Return how it ended, None while it goes on."""
        return self._read("ended.json")

    def process(self) -> dict[str, Any] | None:
        """Return its process: `host`, `pid` and `started`; None before it has said so."""
        return self._read("process.json")

    def is_alive(self) -> bool:
        """Return whether its process runs; one on another host counts as running."""
        process = self.process()
        if process is None:
            return time.time() - self.order.created < STARTS_WITHIN
        return process["host"] != me()[0] or is_alive(process["pid"], process["started"])

    def stop_asked(self) -> float | None:
        """Return when it was asked to end."""
        asked = self._read("stop.json")
        return None if asked is None else float(asked["at"])

    def ask_stop(self) -> None:
        """Write down that it is to end."""
        write_text(self.path / "stop.json", json.dumps({"at": time.time()}))

    def close(self, status: str, what: str, **known: Any) -> bool:
        """Enter the end of a job whose process could not do it; return False if it, or another server, has."""
        ended = {
            "code": None,
            "status": status,
            "result": None,
            "error": {"what": what},
            "finished": time.time(),
            **known,
        }
        try:
            handle = os.open(self.path / "ended.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return False
        with open(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(ended))
        last = json.dumps({"event": "job-ended", "status": status, "code": None}).encode() + b"\n"
        with self.events.open("ab+") as file:
            file.seek(0)
            said = file.read()
            file.write(
                last if said.endswith(b"\n") or not said else b"\n" + last
            )  # its process may have died in a line
        return True

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            value: dict[str, Any] = json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError):  # not there, or being written
            return None
        return value
