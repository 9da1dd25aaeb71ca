"""The floor of a sweep: each distinct task computed once, as plain Python, in processes that have imported everything.

Prints the seconds that the computation took. The values that the tasks hand on stay where they are: nothing is written.
"""

from __future__ import annotations

import sys
import time
from multiprocessing import get_context
from typing import Any

import jupytext

_space: dict[str, Any] = {}


def prepare(sources: dict[str, str]) -> None:
    exec(
        "import numpy, pandas\nfrom sklearn.model_selection import train_test_split\nfrom sklearn.tree import DecisionTreeClassifier",
        _space,
    )
    exec(sources["parameters"], _space)


def main() -> None:
    path, depths, processes = sys.argv[1], [float(depth) for depth in sys.argv[2].split(",")], int(sys.argv[3])
    cells = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    sources = {tag: cell.source for cell in cells for tag in cell.metadata.get("tags", ())}
    prepare(sources)
    started = time.perf_counter()
    for task in ("load", "features", "split"):
        exec(sources[f"task:{task}"], _space)
    _space["last"] = sources["task:train"] + "\n" + sources["metrics"]
    with get_context("fork").Pool(processes) as pool:
        pool.map(train, [int(depth) for depth in depths], chunksize=1)
    print(time.perf_counter() - started)


def train(depth: int) -> float:
    _space["max_depth"] = depth
    exec(_space["last"], _space)
    return float(_space["accuracy"])


if __name__ == "__main__":
    main()
