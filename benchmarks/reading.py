"""Reading a long prediction log: what `nbprod monitor` and `nbprod watch` pay for it, beside parsing each of its lines with `json`."""

from __future__ import annotations

import gc
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.notebooks import Row
from benchmarks.timing import Spread
from nbprod.monitoring.bulk import count_log
from nbprod.monitoring.counts import Counts
from nbprod.monitoring.feedback import Feedback
from nbprod.monitoring.log import PREDICTIONS, PredictionLog
from nbprod.monitoring.traffic import Meter
from nbprod.promotion.profile import describe

LINES, LABELS, FILE = 1_000_000, 10_000, 40_000
FEATURES = 13
ROUNDS = 3


def write_log(folder: Path, lines: int) -> None:
    """Write a log as a service does: a request of one row of 13 numbers a line, in files of 16 MiB; one in a hundred is labelled."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, lines, LABELS)
    for part in range(0, lines, FILE):
        with (folder / f"predictions-{part:09d}.jsonl").open("w") as out:
            for i, row in enumerate(rng.normal(10, 2, (min(FILE, lines - part), FEATURES)).round(3).tolist(), part):
                head = f'{{"ts":{1.76e9 + i / 100:.3f},"id":"{i:032x}","version":1,"route":"predict","ms":1.900,"status":200'
                given = json.dumps({"rows": [{f"feature_{j}": value for j, value in enumerate(row)}]})
                out.write(f'{head},"arguments":{given},"answer":[{{"kind":"a"}}]}}\n')
    with (folder / "feedback-1.jsonl").open("w") as out:
        out.writelines(json.dumps({"ts": 1.8e9, "id": f"{i:032x}", "label": "a"}) + "\n" for i in labels.tolist())


def profile() -> dict[str, Any]:
    """The profile of such a model."""
    rows = np.random.default_rng(1).normal(10, 2, (5000, FEATURES))
    features = {f"feature_{j}": describe(rows[:, j].tolist()) for j in range(FEATURES)}
    return {"rows": 5000, "features": features, "prediction": {"predict.kind": describe(["a", "b"] * 2500)}}


def by_json(folder: Path) -> None:
    """Parse each line, and keep nothing."""
    for path in PredictionLog(folder).files(PREDICTIONS):
        with path.open("rb") as file:
            for line in file:
                json.loads(line)


def newest(folder: Path) -> None:
    """The newest 1,000 rows."""
    assert len(PredictionLog(folder).newest(1000, version=1)) == 1000


def counted(folder: Path) -> None:
    """Count all, as `--since` does."""
    counts, meter = Counts(profile()), Meter()
    count_log(PredictionLog(folder), 0, 1, counts, meter)
    assert counts.rows == meter.requests == LINES


def joined(folder: Path) -> Feedback:
    """Join the feedback, and take the 1,000 newest labelled rows."""
    feedback = Feedback(PredictionLog(folder))
    feedback.update()
    assert len(feedback.rows(version=1, newest=1000)) == 1000
    return feedback


def bench_reading(root: Path, repeats: int) -> list[Row]:
    """Processor time of reading a million lines."""
    write_log(root, LINES)
    kept = joined(root)

    def again() -> None:
        kept.update()
        assert len(kept.rows(version=1, newest=1000)) == 1000

    sides: dict[str, Callable[[], object]] = {
        "`json.loads` of each line, and nothing else": lambda: by_json(root),
        "`monitor`: the newest 1,000 rows": lambda: newest(root),
        "`monitor --since`: all rows counted for drift, and their latency": lambda: counted(root),
        "`monitor`: 10,000 labels joined to their rows": lambda: joined(root),
        "`watch`: the same at its next look": again,
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(min(repeats, ROUNDS)):
        for name, side in sides.items():
            gc.collect()
            started = time.process_time()
            side()
            taken[name].append(time.process_time() - started)
    what = (
        f"a log of {LINES:,} requests, {FEATURES} features, processor seconds ({min(repeats, ROUNDS)} rounds in turn)"
    )
    found: list[Row] = []
    for name, seconds in taken.items():
        found.append(("" if found else what, name, str(Spread(tuple(seconds)))))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*found, ("", "memory of all of that at most, MiB", f"{most:.0f}")]
