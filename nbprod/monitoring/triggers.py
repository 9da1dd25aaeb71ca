"""What sets a retraining off: files, the clock, drift, labelled rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbprod.monitoring.feedback import rows_of
from nbprod.monitoring.log import FEEDBACK, PredictionLog, Tail
from nbprod.runtime.files import file_digest

if TYPE_CHECKING:
    from nbprod.config import WatchConfig
    from nbprod.monitoring.state import State
    from nbprod.project import Project

SETTLED = 1.0
"""Seconds for which a file must not have changed: somebody may still be writing it."""


@dataclass(frozen=True)
class Reason:
    """Why a model is trained again."""

    kind: str
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind, "detail": self.detail}


@dataclass
class Files:
    """The files that a run read and those of the patterns in `inputs`, hashed again only when their size or time changed."""

    root: Path
    patterns: Sequence[str] = ()
    leave_out: frozenset[Path] = frozenset()
    """Files that are not data from outside, such as the one that labelled rows are collected in."""
    _known: dict[str, tuple[tuple[int, int], str | None]] = field(default_factory=dict)

    def now(self, read: Mapping[str, str | None]) -> tuple[dict[str, str | None], bool]:
        """Return the digests of all of them, and whether they have settled."""
        paths = {path: Path(path.rstrip("/")) for path in read}
        for pattern in self.patterns:
            paths |= {str(path): path for path in self.root.glob(pattern)}
        found: dict[str, str | None] = {}
        settled = True
        for name, path in sorted(paths.items()):
            if path in self.leave_out:
                continue
            try:
                stat = os.stat(path)
            except OSError:
                found[name] = None
                continue
            key = (stat.st_mtime_ns, stat.st_size)
            known = self._known.get(name)
            if known is None or known[0] != key:
                settled = settled and _age(stat) >= SETTLED
                known = (key, file_digest(str(path)))
                self._known[name] = known
            found[name] = known[1]
        return found, settled


def changed(before: Mapping[str, str | None], now: Mapping[str, str | None]) -> list[str]:
    """The files that are new or have other content; one that is gone cannot be trained on."""
    return [name for name, digest in now.items() if digest is not None and before.get(name) != digest]


def data(state: State, now: Mapping[str, str | None]) -> Reason | None:
    """Whether files are new or changed since the last attempt."""
    names = changed(state.data, now) if state.data is not None else []
    if not names:
        return None
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return Reason("data", f"changed: {', '.join(os.path.basename(name.rstrip('/')) for name in names[:3])}{more}")


def cron(state: State, line: str, now: float) -> Reason | None:
    """Whether a time of the cron line has passed (in the local time zone); several that were missed count once."""
    from cronsim import CronSim

    if state.cron is None or state.cron > now + 60:  # the first look, or the clock was set back
        state.cron = now
    times: Iterator[datetime] = CronSim(line, datetime.fromtimestamp(state.cron, local_zone()))
    due = next(time for time in times if time.timestamp() > state.cron)  # an hour that comes twice counts once
    if due.timestamp() > now:
        return None
    state.cron = now
    return Reason("cron", f"{due:%Y-%m-%d %H:%M}, by {line!r}")


def local_zone() -> tzinfo:
    """The local time zone with its rules: an offset alone would be wrong after the next change of the clocks."""
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        with open("/etc/localtime", "rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return datetime.now().astimezone().tzinfo or UTC


def labels(state: State, new: NewLabels, wanted: int) -> Reason | None:
    """Whether so many rows have been labelled since the last attempt."""
    count = new.count(state.feedback)
    return Reason("labels", f"{count} new labelled rows") if count >= wanted else None


class NewLabels:
    """Counts the rows that were labelled after some places in the feedback files; what was counted is not read again."""

    def __init__(self, log: PredictionLog) -> None:
        self._log = log
        self._from: dict[str, int] | None = None
        self._tail = Tail(log, FEEDBACK)
        self._rows: set[tuple[Any, Any]] = set()

    def count(self, places: Mapping[str, int]) -> int:
        """Rows labelled since."""
        if places != self._from:
            self._from, self._tail, self._rows = dict(places), Tail(self._log, FEEDBACK, dict(places)), set()
        for line in self._tail.new():
            if "label" in line:
                self._rows |= {(line.get("id"), row) for row, _ in rows_of(line)}
        return len(self._rows)


def files_of(project: Project, config: WatchConfig, inputs: Sequence[str]) -> Files:
    """The files that are watched for a pipeline."""
    collect = frozenset({(project.root / config.collect).resolve()} if config.collect else set())
    return Files(project.root, inputs, collect)


def _age(stat: os.stat_result) -> float:
    import time

    return time.time() - stat.st_mtime
