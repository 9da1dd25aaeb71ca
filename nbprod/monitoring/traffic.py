"""How a service answered: how many requests, how fast, with how many errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nbprod.monitoring.log import Line


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


def traffic(lines: Iterable[Line]) -> Traffic:
    """Summarise log lines."""
    times: list[float] = []
    taken: list[float] = []
    errors = refused = requests = 0
    for line in lines:
        requests += 1
        status = line.get("status", 200)
        stamp, ms = line.get("ts"), line.get("ms")
        if isinstance(stamp, (int, float)):
            times.append(stamp)
        if isinstance(status, int) and status >= 500:
            errors += 1
        elif isinstance(status, int) and status >= 400:
            refused += 1
        elif isinstance(ms, (int, float)):
            taken.append(ms)
    middle, slow = np.quantile(taken, [0.5, 0.99]) if taken else (None, None)
    return Traffic(
        requests,
        errors,
        refused,
        None if middle is None else float(middle),
        None if slow is None else float(slow),
        min(times, default=None),
        max(times, default=None),
    )
