"""Drift: how often streams without any raise an alarm, and how soon a change is found; by nbprod's own tests, on simulated streams.

A stream is drawn as what a look sees of it: the counts of its rows in the bins of a profile, from the true chances of these bins. That is what drawing
its rows and binning them gives, in a tenth of the time.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.notebooks import Row
from benchmarks.reading import bench_reading
from benchmarks.timing import Spread
from nbprod.config import MonitorConfig
from nbprod.monitoring.compare import Comparison, compare_categories, compare_numbers
from nbprod.monitoring.drift import alpha, judge
from nbprod.promotion.profile import describe, edges

Array = npt.NDArray[np.float64]
CONFIG = MonitorConfig()
LOOKS = round(86400 / CONFIG.every)
"""Looks in a day: as many as there may be."""
DAYS, STREAMS = 40, 20
"""Streams of each kind in one repeat."""
REFERENCES = (200, 2000, 20_000)
"""Rows that the profiles were made from."""
TRAFFIC = (100, 1000)
"""Rows between two looks: windows that overlap by nine tenths, and windows that share nothing, which is the hardest."""
AFTER = 4000
"""Rows for which a change is looked for."""


@dataclass(frozen=True)
class World:
    """What a column is like: a normal, its exponential (`skewed`), counts, or categories; with a fraction of missing values."""

    kind: str
    mean: float = 0.0
    spread: float = 1.0
    missing: float = 0.0
    shares: tuple[float, ...] = (0.4, 0.25, 0.15, 0.1, 0.06, 0.03, 0.009, 0.001)

    def draw(self, rows: int, rng: np.random.Generator) -> Any:
        """Values as a profile is made of them."""
        if self.kind == "category":
            return [f"c{number}" for number in rng.choice(len(self.shares), rows, p=self.shares)]
        values: Any = (
            rng.poisson(self.mean, rows) if self.kind == "counts" else rng.normal(self.mean, self.spread, rows)
        )
        values = np.exp(values) if self.kind == "skewed" else values.astype(float)
        return np.where(rng.random(rows) < self.missing, np.nan, values)

    def chances(self, profile: dict[str, Any]) -> Array:
        """The chance of each bin of a profile, and of a missing value."""
        from scipy.special import ndtr, pdtr

        if self.kind == "category":
            known = [self.shares[int(name[1:])] for name in profile["counts"]]
            return np.array([*known, max(0.0, 1 - sum(known)), 0.0])
        ends = np.asarray(edges(profile))
        if self.kind == "counts":
            below = pdtr(ends, self.mean)
        else:
            below = ndtr(((np.log(ends) if self.kind == "skewed" else ends) - self.mean) / self.spread)
        return np.append(np.diff([0.0, *below, 1.0]) * (1 - self.missing), self.missing)


COLUMNS = (
    *[World("normal")] * 8,
    *[World("normal", missing=0.05)] * 2,
    *[World("skewed")] * 4,
    *[World("counts", 3.0)] * 3,
    *[World("category")] * 3,
)
"""The 20 features of a stream."""
CHANGES: dict[str, tuple[World, World]] = {
    "the mean of a normal one, by 0.3 sd": (World("normal"), World("normal", 0.3)),
    "the mean of a skewed one, by 0.3 sd of its logarithm": (World("skewed"), World("skewed", 0.3)),
    "the mean of counts, from 3 to 3.52 (0.3 sd)": (World("counts", 3.0), World("counts", 3.52)),
    "the spread of a normal one, by a third": (World("normal"), World("normal", spread=4 / 3)),
    "the shares of two categories, from 40 and 25 to 28 and 37 %": (
        World("category"),
        World("category", shares=(0.28, 0.37, 0.15, 0.1, 0.06, 0.03, 0.009, 0.001)),
    ),
    "missing values, from 0 to 3 %": (World("normal"), World("normal", missing=0.03)),
}


class Column:
    """A column's profile of so many rows, and what looks see of streams."""

    def __init__(self, world: World, rows: int, rng: np.random.Generator) -> None:
        self.rng, self.categories = rng, world.kind == "category"
        self.profile = describe(world.draw(rows, rng))
        counts = self.profile["counts"]
        self.reference = [*counts.values(), 0] if self.categories else counts

    def chunks(self, world: World, rows: int, count: int) -> npt.NDArray[np.int64]:
        """For each of `count` times so many rows of a world, their counts by bin, and of missing values."""
        return self.rng.multinomial(rows, world.chances(self.profile), size=count)

    def compare(self, counts: npt.NDArray[np.int64]) -> Comparison:
        test = compare_categories if self.categories else compare_numbers
        known = (float(self.profile["missing"]), int(self.profile["rows"]))
        return test(self.reference, counts[:, :-1], known, counts[:, -1])


def alarms(columns: Sequence[Column], chunks: Iterable[npt.NDArray[np.int64]], width: int) -> npt.NDArray[np.bool_]:
    """For each look whether it alarms, as `nbprod monitor` decides; a look after each chunk, at the newest `width` of them."""
    compared = []
    for column, counts in zip(columns, chunks, strict=True):
        sums = np.cumsum(np.vstack([np.zeros((1, counts.shape[1]), int), counts]), axis=0)
        compared.append(column.compare(sums[width:] - sums[:-width]))
    alarmed = judge(compared, alpha(CONFIG.false_alarms, CONFIG.every))[1]
    return np.asarray(alarmed.any(axis=0))


def quiet_day(task: tuple[int, int, int]) -> bool:
    """Whether there is an alarm in a day without drift, given the profile's rows, rows between looks, and a seed."""
    rows, step, seed = task
    rng = np.random.default_rng([seed, rows, step])
    width = max(1, CONFIG.window // step)
    columns = [Column(world, rows, rng) for world in COLUMNS]
    chunks = (column.chunks(world, step, LOOKS + width - 1) for column, world in zip(columns, COLUMNS, strict=True))
    return bool(alarms(columns, chunks, width).any())


def rows_to_find(task: tuple[str, int, int]) -> float:
    """Rows after which a change of one of the 20 features is found, with a look each 100 rows; infinite if not within `AFTER`."""
    change, rows, seed = task
    before, after = CHANGES[change]
    step, width = TRAFFIC[0], CONFIG.window // TRAFFIC[0]
    rng = np.random.default_rng([seed, rows, list(CHANGES).index(change)])
    worlds = [(before, after), *[(world, world) for world in COLUMNS[1:]]]
    columns = [Column(world, rows, rng) for world, _ in worlds]
    chunks = (
        np.vstack([column.chunks(old, step, width - 1), column.chunks(new, step, AFTER // step)])
        for column, (old, new) in zip(columns, worlds, strict=True)
    )
    seen = np.flatnonzero(alarms(columns, chunks, width))
    return float((seen[0] + 1) * step) if len(seen) else math.inf


def share(hits: int, of: int) -> str:
    """A share in percent, with the limits between which 95 of 100 such studies find it (Clopper and Pearson)."""
    from scipy.special import betaincinv

    low = float(betaincinv(hits, of - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, of - hits, 0.975)) if hits < of else 1.0
    return f"{100 * hits / of:.2f} % ({hits:,} of {of:,}; 95 % confidence: {100 * low:.2f} to {100 * high:.2f} %)"


def in_parallel(work: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
    """The results of tasks, computed by all processors."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, tasks, chunksize=max(1, len(tasks) // 64)))


def bench_drift(root: Path, repeats: int) -> list[Row]:
    """False alarms and power of the drift tests on simulated streams; reading a long log."""
    return [*bench_quiet(repeats), *bench_changes(repeats), *bench_reading(root, repeats)]


def bench_quiet(repeats: int) -> list[Row]:
    """Days without drift in which there is an alarm."""
    days = [(rows, step, seed) for rows in REFERENCES for step in TRAFFIC for seed in range(DAYS * repeats)]
    bad = dict(zip(days, in_parallel(quiet_day, days), strict=True))
    found: list[Row] = [
        (
            f"days without drift that raise an alarm: 20 features, {LOOKS:,} looks a day",
            "in all",
            share(sum(bad.values()), len(bad)),
        )
    ]
    for rows in REFERENCES:
        for step in TRAFFIC:
            some = [alarm for (size, each, _), alarm in bad.items() if (size, each) == (rows, step)]
            found.append(("", f"profile of {rows:,} rows, {step:,} rows between looks", share(sum(some), len(some))))
    return found


def bench_changes(repeats: int) -> list[Row]:
    """Rows until a change is found."""
    tasks = [(change, rows, seed) for change in CHANGES for rows in REFERENCES for seed in range(STREAMS * repeats)]
    taken = dict(zip(tasks, in_parallel(rows_to_find, tasks), strict=True))
    found: list[Row] = []
    for change in CHANGES:
        for rows in REFERENCES:
            some = [value for (what, size, _), value in taken.items() if (what, size) == (change, rows)]
            within = share(sum(value <= 1000 for value in some), len(some))
            what = f"one of 20 features changes: {change}; rows until an alarm" if rows == REFERENCES[0] else ""
            found.append((what, f"profile of {rows:,} rows", f"{Spread(tuple(some))}; within 1,000: {within}"))
    return found
