"""Handing a gigabyte from one task to the next, beside writing and reading the raw bytes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.notebooks import PYTHON, Row, fresh
from benchmarks.timing import Spread, command

GIB = 1 << 30
RAW, OURS = "raw bytes: write and read", "nbprod's artifact: save, hash, load, read every page"
COMMON = {
    "joblib": "import joblib; joblib.dump(x, 'b'); y = joblib.load('b')",
    "pickle, protocol 5": "import pickle; pickle.dump(x, open('c', 'wb'), 5); y = pickle.load(open('c', 'rb'))",
}
VALUES: dict[str, tuple[str, dict[str, str]]] = {
    "a float64 array of 1 GiB": (
        f"x = np.random.default_rng(0).random({GIB // 8})",
        {
            RAW: "x.tofile('a'); y = np.fromfile('a')",
            **COMMON,
            OURS: "y = ours(); y[::512].sum()",
        },
    ),
    "a DataFrame of 1 GiB, 16 float64 columns": (
        f"import pandas as pd; x = pd.DataFrame(np.random.default_rng(0).random(({GIB // 128}, 16)), columns=[f'c{{i}}' for i in range(16)])",
        {
            RAW: "x.to_numpy().tofile('a'); y = np.fromfile('a')",
            **COMMON,
            "parquet (pyarrow)": "x.to_parquet('d'); y = pd.read_parquet('d')",
            OURS: "y = ours(); y.iloc[::32].sum()",
        },
    ),
}
START = """
import os, sys, time
sys.path.insert(0, {runtime!r})
import numpy as np
from nbprod.runtime import container, loading, pickling, saving
def ours():
    names = pickling.Names({{}}, {{}})
    os.makedirs('store', exist_ok=True)
    written = saving.draft('store', {{'x': x}}, names).finish({{}})
    digest = written.publish('store')
    return loading.load(container.open_artifact(container.path_of('store', digest)), {{}})['x']
{make}
started = time.perf_counter()
{code}
print(time.perf_counter() - started)
"""


def bench_values(root: Path, repeats: int) -> list[Row]:
    """Large values: every way of writing one to the disk and reading it back, in one process each."""
    rows: list[Row] = []
    for number, (value, (make, sides)) in enumerate(VALUES.items()):
        found: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(repeats):
            for name, code in sides.items():
                folder = fresh(root, f"values-{number}-{len(found[name])}-{list(sides).index(name)}", turn)
                text = START.format(runtime=str(Path(__file__).parents[1]), make=make, code=code)
                (folder / "side.py").write_text(text)
                command([PYTHON, "side.py"], folder)
                found[name].append(float((folder / "command.log").read_text().split()[-1]))
                for file in [*folder.glob("?"), *folder.glob("store/*/*")]:
                    file.unlink()
        for name, seconds in found.items():
            what = "" if name != RAW else f"{value} to disk and back, seconds"
            rows.append((what, name, str(Spread(tuple(seconds)))))
        ratio = (a / b for a, b in zip(found[OURS], found[RAW], strict=True))
        rows.append(("", "ratio nbprod / raw bytes", str(Spread(tuple(ratio)))))
    return rows
