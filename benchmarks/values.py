"""Handing a gigabyte from one task to the next, beside writing and reading the raw bytes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.notebooks import PYTHON, Row, fresh
from benchmarks.timing import Spread, command

GIB = 1 << 30
SIDES = {
    "raw bytes: write and read": "x.tofile('a'); y = np.fromfile('a')",
    "joblib": "import joblib; joblib.dump(x, 'b'); y = joblib.load('b')",
    "pickle, protocol 5": "import pickle; pickle.dump(x, open('c', 'wb'), 5); y = pickle.load(open('c', 'rb'))",
    "nbprod's artifact: save, hash, load, read every page": "ours()",
}
COMMON = """
import hashlib, os, sys, time
sys.path.insert(0, {runtime!r})
import numpy as np
x = np.random.default_rng(0).random({count})
def ours():
    from nbprod.runtime import container, loading, pickling, saving
    names = pickling.Names({{}}, {{}})
    os.makedirs('store', exist_ok=True)
    written = saving.draft('store', {{'x': x}}, names).finish({{}})
    digest = written.publish('store')
    y = loading.load(container.open_artifact(container.path_of('store', digest)), {{}})['x']
    y[::512].sum()
"""


def bench_values(root: Path, repeats: int) -> list[Row]:
    """A float64 array of 1 GiB: every way of writing it to the disk and reading it back, in one process each."""
    runtime = str(Path(__file__).parents[1])
    found: dict[str, list[float]] = {name: [] for name in SIDES}
    for turn in range(repeats):
        for name, code in SIDES.items():
            folder = fresh(root, "values", turn * len(SIDES) + list(SIDES).index(name))
            text = (
                COMMON.format(runtime=runtime, count=GIB // 8)
                + f"started = time.perf_counter()\n{code}\nprint(time.perf_counter() - started)"
            )
            (folder / "side.py").write_text(text)
            command([PYTHON, "side.py"], folder)
            found[name].append(float((folder / "command.log").read_text().split()[-1]))
            for file in [*folder.glob("?"), *folder.glob("store/*/*")]:
                file.unlink()
    rows: list[Row] = []
    for name, values in found.items():
        rows.append(
            ("a float64 array of 1 GiB to disk and back, seconds" if not rows else "", name, str(Spread(tuple(values))))
        )
    raw, ours = (found[name] for name in (next(iter(SIDES)), list(SIDES)[-1]))
    rows.append(("", "ratio nbprod / raw bytes", str(Spread(tuple(a / b for a, b in zip(ours, raw, strict=True))))))
    return rows
