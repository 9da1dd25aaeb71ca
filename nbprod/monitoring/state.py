"""What a watcher knows from one step to the next: a small file, replaced at once, so that a kill at any moment loses nothing."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from nbprod.errors import ConflictError, Location, NbprodError
from nbprod.monitoring.gauges import write

FILE, LOCK, HISTORY = "watch.json", "watch.lock", "watch.jsonl"


class Phase(StrEnum):
    IDLE = "idle"
    TRAINING = "training"
    """A run or a promotion goes on, or was cut off."""
    SHADOW = "shadow"
    """A challenger answers beside the champion."""
    TAKEOVER = "takeover"
    GUARD = "guard"
    """The new champion is looked after."""
    ROLLBACK = "rollback"
    """The champion of before comes back."""


@dataclass
class State:
    """Where a watcher is. Times are epoch seconds; `places` are byte offsets by file name."""

    phase: Phase = Phase.IDLE
    reason: dict[str, Any] = field(default_factory=dict)
    """Why it trains: `kind` (`data`, `cron`, `drift`, `labels`) and `detail`."""
    data: dict[str, str | None] | None = None
    """The files as they were at the last attempt."""
    cron: float | None = None
    """Until when the cron line was obeyed."""
    attempted: float = 0.0
    looked: float = 0.0
    seen: float = 0
    """How many bytes the log had at the last look."""
    drifted: list[str] = field(default_factory=list)
    """Columns and metrics that alarmed at the last look, and were told of."""
    feedback: dict[str, int] = field(default_factory=dict)
    """Places in the feedback files up to which labels were used."""
    collected: dict[str, Any] | None = None
    """A change of the file for labelled rows that is under way: see `collect`."""
    test: list[list[Any]] = field(default_factory=list)
    """Labelled rows (request id and row) that the attempt is judged on, and no model is trained on."""
    run: str | None = None
    champion: int | None = None
    challenger: int | None = None
    started: float = 0.0
    """When the phase began."""
    places: dict[str, int] = field(default_factory=dict)
    """Places in the prediction files from which the phase counts."""
    baseline: dict[str, Any] = field(default_factory=dict)
    """What the champion's traffic was like before the change."""
    bad: list[int] = field(default_factory=list)
    """Versions that were rolled back, the last ones; what they computed is not tried again."""

    @classmethod
    def read(cls, home: Path) -> State:
        """Read what was kept; a new state where there is nothing. Raises `NbprodError` if the file was damaged."""
        path = home / FILE
        try:
            told = json.loads(path.read_text("utf-8"))
            known = {one.name for one in fields(cls)}
            return cls(**{key: value for key, value in told.items() if key in known} | {"phase": Phase(told["phase"])})
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NbprodError(
                f"what the watcher kept cannot be read: {error}",
                where=Location(file=str(path)),
                fix="Remove the file to begin anew: data and labels then count as new.",
            ) from error

    def write(self, home: Path) -> None:
        """Keep it."""
        home.mkdir(parents=True, exist_ok=True)
        write(home / FILE, json.dumps(asdict(self), indent=1))

    def idle(self, now: float) -> None:
        """Go back to waiting; the cool-down begins."""
        self.phase, self.attempted, self.started = Phase.IDLE, now, now
        self.reason, self.test, self.run, self.challenger, self.champion, self.baseline = {}, [], None, None, None, {}


@contextmanager
def alone(home: Path, name: str) -> Iterator[None]:
    """Be the only watcher of a model; the right goes with the process. Raises `ConflictError` if another one is."""
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(handle, 32, 0).decode().strip()
            raise ConflictError(
                f"{name} is watched already" + (f", by process {pid}" if pid else ""),
                fix="One watcher is enough; stop the other one first.",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
