"""`make bench`: what is claimed about speed, measured side by side in one run. Writes benchmarks/results.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.analysis import bench_analysis
from benchmarks.lab import bench_lab
from benchmarks.notebooks import HERE, Row
from benchmarks.running import bench_again, bench_chain, bench_sweep, bench_trials
from benchmarks.starting import bench_memory, bench_start
from benchmarks.timing import machine
from benchmarks.values import bench_values

BENCHES: dict[str, Callable[[Path, int], list[Row]]] = {
    "chain": bench_chain,
    "sweep": bench_sweep,
    "trials": bench_trials,
    "again": bench_again,
    "values": bench_values,
    "start": bench_start,
    "memory": bench_memory,
    "lab": bench_lab,
    "analysis": bench_analysis,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=sorted(BENCHES), action="append")
    options: Any = parser.parse_args(arguments)
    started = time.perf_counter()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="nbprod-bench-") as name:
        for bench in options.only or BENCHES:
            print(f"{bench} ...", file=sys.stderr, flush=True)
            (Path(name) / bench).mkdir()
            rows += BENCHES[bench](Path(name) / bench, options.repeats)
    table = "\n".join(f"| {work} | {side} | {value} |" for work, side, value in rows)
    text = (
        f"# What was measured\n\nBy `make bench`, {datetime.now(UTC):%Y-%m-%d}, sides run in turn, {options.repeats} rounds; "
        f"nothing was left out. Each figure is minimum / median / maximum. A shared machine: read the ratios, not the seconds.\n\n"
        f"{machine()}\n- bytecode compiled\n\n| work | side | min / median / max |\n|---|---|---|\n{table}\n"
    )
    print(text)
    if not options.only:
        (HERE / "results.md").write_text(text)
    print(f"{time.perf_counter() - started:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
