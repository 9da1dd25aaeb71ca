"""Drift: how often a stream without any raises an alarm, and how soon a shift is found; by nbprod's own tests, on simulated streams."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.notebooks import Row
from benchmarks.timing import Spread
from nbprod.config import MonitorConfig
from nbprod.monitoring.compare import compare_categories, compare_numbers, holm
from nbprod.monitoring.drift import SMALL, alpha
from nbprod.promotion.profile import describe, edges

CONFIG = MonitorConfig()
FEATURES = 20
CHUNK = 100
"""Rows between two looks, one a minute: 144,000 rows a day."""
LOOKS = 1440
DAYS, SHIFTS = 20, 40
"""Streams in one repeat."""
REFERENCES = (200, 2000, 20_000)
"""Rows that the profiles were made from."""


class Feature:
    """A column with a profile, and streams of it. Half are normal, the others skewed, counts and categories."""

    def __init__(self, kind: str, rows: int, rng: np.random.Generator) -> None:
        self.kind, self.rng = kind, rng
        sample = self.draw(rows)
        if kind == "category":
            self.reference = np.append(np.bincount(sample.astype(int), minlength=8), 0)
        else:
            made = describe(sample)
            self.ends, self.reference = np.asarray(edges(made)), np.asarray(made["counts"])

    def draw(self, rows: int, shift: float = 0.0) -> Any:
        rng = self.rng
        if self.kind == "skewed":
            return np.exp(rng.normal(shift, 1, rows))
        if self.kind == "counts":
            return rng.poisson(3, rows).astype(float)
        if self.kind == "category":
            return rng.choice(8, rows, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.03, 0.009, 0.001])
        return rng.normal(shift, 1, rows)

    def chunks(self, values: Any) -> Any:
        """Counts of the profile's bins for each chunk of rows."""
        bins = len(self.reference)
        found = values.astype(int) if self.kind == "category" else np.searchsorted(self.ends, values, side="left")
        owner = np.arange(len(values)) // CHUNK
        return np.bincount(owner * bins + found, minlength=(len(values) // CHUNK) * bins).reshape(-1, bins)

    def p(self, windows: Any) -> tuple[Any, Any]:
        compare = compare_categories if self.kind == "category" else compare_numbers
        found = compare(self.reference, windows)
        return found.p, found.psi


def features(rows: int, rng: np.random.Generator) -> list[Feature]:
    kinds = ["normal"] * 10 + ["skewed"] * 4 + ["counts"] * 3 + ["category"] * 3
    return [Feature(kind, rows, rng) for kind in kinds]


def alarms(columns: list[Feature], chunks: list[Any]) -> Any:
    """For each look whether it alarms, by the rule of `nbprod monitor`; a look at each chunk, over the newest window."""
    width = CONFIG.window // CHUNK
    results = []
    for column, counts in zip(columns, chunks, strict=True):
        sums = np.cumsum(np.vstack([np.zeros((1, counts.shape[1]), int), counts]), axis=0)
        results.append(column.p(sums[width:] - sums[:-width]))
    p = holm(np.stack([found for found, _ in results]))
    level = alpha(CONFIG.false_alarms, CONFIG.every)
    return ((p < level) & (np.stack([psi for _, psi in results]) >= SMALL)).any(axis=0)


def quiet_days(rows: int, days: int, seed: int) -> float:
    """The share of days without drift in which there was an alarm."""
    rng = np.random.default_rng(seed)
    bad = 0
    for _ in range(days):
        columns = features(rows, rng)
        bad += bool(alarms(columns, [column.chunks(column.draw(LOOKS * CHUNK)) for column in columns]).any())
    return bad / days


def rows_to_find(rows: int, streams: int, seed: int, shift: float = 0.3) -> list[float]:
    """Rows after which a shift of one feature out of 20 is found, in each of some streams."""
    rng = np.random.default_rng(seed)
    before, after = CONFIG.window // CHUNK - 1, 40
    found = []
    for _ in range(streams):
        columns = features(rows, rng)
        chunks = []
        for place, column in enumerate(columns):
            values = column.draw(before * CHUNK), column.draw(after * CHUNK, shift if place == 0 else 0.0)
            chunks.append(column.chunks(np.concatenate(values)))
        seen = np.flatnonzero(alarms(columns, chunks))
        found.append(float((seen[0] + 1) * CHUNK) if len(seen) else float("inf"))
    return found


def reading(root: Path, lines: int) -> tuple[float, float]:
    """Seconds for the newest 1,000 rows of a log, and for laying out all of it."""
    import gc
    import json

    from nbprod.monitoring.bulk import lay_out_log
    from nbprod.monitoring.log import PredictionLog

    path = root / "predictions-1.jsonl"
    if not path.exists():
        rng = np.random.default_rng(0)
        with path.open("w") as out:
            for i, row in enumerate(rng.normal(10, 2, (lines, 13)).round(3).tolist()):
                line = {"ts": i, "id": f"{i:032x}", "version": 1, "route": "predict"}
                given = {"rows": [{f"feature_{j}": value for j, value in enumerate(row)}]}
                out.write(
                    json.dumps({**line, "arguments": given, "answer": [{"kind": "a"}], "ms": 1.9, "status": 200}) + "\n"
                )
    log = PredictionLog(root)
    started = time.perf_counter()
    assert len(log.newest(1000)) == 1000
    newest = time.perf_counter() - started
    gc.collect()
    started = time.perf_counter()
    assert len(lay_out_log(log, 0, 1).features) == lines
    return newest, time.perf_counter() - started


def bench_drift(root: Path, repeats: int) -> list[Row]:
    """False alarms and power of the drift tests on simulated streams; reading a million lines of log."""
    rows: list[Row] = []
    for size in REFERENCES:
        quiet = Spread(tuple(100 * quiet_days(size, DAYS, seed=1000 * size + turn) for turn in range(repeats)))
        mean = sum(quiet.values) / len(quiet.values)
        what = (
            "streams without drift, 20 features, a look each minute: % of days with an alarm"
            if size == REFERENCES[0]
            else ""
        )
        rows.append((what, f"profile of {size:,} rows; {DAYS * repeats} days, {mean:.2f} % in all", str(quiet)))
    for size in REFERENCES[1:]:
        found = [value for turn in range(repeats) for value in rows_to_find(size, SHIFTS, seed=size + turn)]
        within = sum(value <= 1000 for value in found) / len(found)
        what = "one of 20 features shifts by 0.3 sd: rows until it is found" if size == REFERENCES[1] else ""
        rows.append(
            (
                what,
                f"profile of {size:,} rows; {len(found)} streams, {100 * within:.1f} % within 1,000",
                str(Spread(tuple(found))),
            )
        )
    times = [reading(root, 1_000_000) for _ in range(min(repeats, 3))]
    rows.append(
        (
            "a log of 1,000,000 requests, 13 features, seconds",
            "the newest 1,000 rows",
            str(Spread(tuple(a for a, _ in times))),
        )
    )
    rows.append(("", "all of it, laid out in columns", str(Spread(tuple(b for _, b in times)))))
    return rows
