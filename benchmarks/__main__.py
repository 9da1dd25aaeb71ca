"""`make bench`: what is claimed about speed, measured side by side. Writes benchmarks/results.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.alone import bench_alone
from benchmarks.analysis import bench_analysis
from benchmarks.drift import bench_drift
from benchmarks.lab import bench_lab
from benchmarks.notebooks import Row
from benchmarks.panel import bench_panel
from benchmarks.results import ENOUGH, keep, table
from benchmarks.running import (
    bench_again,
    bench_chain,
    bench_large_trials,
    bench_small_trials,
    bench_sweep,
    bench_trials,
)
from benchmarks.scale import bench_scale
from benchmarks.serving import bench_serving
from benchmarks.starting import bench_memory, bench_start
from benchmarks.values import bench_values

BENCHES: dict[str, Callable[[Path, int], list[Row]]] = {
    "chain": bench_chain,
    "sweep": bench_sweep,
    "trials": bench_trials,
    "small-trials": bench_small_trials,
    "large-trials": bench_large_trials,
    "again": bench_again,
    "values": bench_values,
    "start": bench_start,
    "memory": bench_memory,
    "scale": bench_scale,
    "alone": bench_alone,
    "lab": bench_lab,
    "analysis": bench_analysis,
    "panel": bench_panel,
    "serving": bench_serving,
    "drift": bench_drift,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=sorted(BENCHES), action="append")
    options: Any = parser.parse_args(arguments)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="nbprod-bench-") as name:
        for bench in options.only or BENCHES:
            print(f"{bench} ...", file=sys.stderr, flush=True)
            (Path(name) / bench).mkdir()
            rows = BENCHES[bench](Path(name) / bench, options.repeats)
            print(table(rows), flush=True)
            if options.repeats >= ENOUGH:
                keep(bench, options.repeats, rows)
    print(f"{time.perf_counter() - started:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
