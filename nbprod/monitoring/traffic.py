"""How a service answered: how many requests, how fast, with how many errors."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprod.monitoring.lines import Line


@dataclass(frozen=True)
class Traffic:
    """Requests of some time: `errors` are answers 5xx, `refused` 4xx; latencies in milliseconds, of those that were answered."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    p50: float | None = None
    p99: float | None = None
    start: float | None = None
    end: float | None = None

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass
class Meter:
    """Counts requests as they come: eight bytes for each, for its latency."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    taken: array[float] = field(default_factory=lambda: array("d"))
    start: float | None = None
    end: float | None = None

    def take(self, lines: Iterable[Line]) -> Meter:
        """Count lines."""
        for line in lines:
            self.requests += 1
            status = line.get("status", 200)
            stamp, ms = line.get("ts"), line.get("ms")
            if isinstance(stamp, (int, float)):
                self._between(stamp, stamp)
            if isinstance(status, int) and status >= 500:
                self.errors += 1
            elif isinstance(status, int) and status >= 400:
                self.refused += 1
            elif isinstance(ms, (int, float)):
                self.taken.append(ms)
        return self

    def take_arrays(self, stamps: Any, statuses: Any, ms: Any) -> None:
        """Count requests whose times, statuses and milliseconds are arrays."""
        if not len(stamps):
            return
        self.requests += len(stamps)
        self.errors += int((statuses >= 500).sum())
        self.refused += int(((statuses >= 400) & (statuses < 500)).sum())
        self.taken.frombytes(np.asarray(ms[(statuses < 400) & np.isfinite(ms)], np.float64).tobytes())
        self._between(float(stamps.min()), float(stamps.max()))

    def traffic(self, latest: int = 0) -> Traffic:
        """What was counted; latencies of the latest requests only, if their number is given."""
        taken = np.asarray(self.taken[-latest:]) if self.taken else None
        middle, slow = (None, None) if taken is None else (float(v) for v in np.quantile(taken, [0.5, 0.99]))
        return Traffic(self.requests, self.errors, self.refused, middle, slow, self.start, self.end)

    def _between(self, first: float, last: float) -> None:
        self.start = first if self.start is None else min(self.start, first)
        self.end = last if self.end is None else max(self.end, last)


def traffic(lines: Iterable[Line]) -> Traffic:
    """Summarise log lines."""
    return Meter().take(lines).traffic()
