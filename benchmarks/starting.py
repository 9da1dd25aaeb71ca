"""What it takes before anything is computed: the command line's start, and the memory of a kernel."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from benchmarks.notebooks import NBPROD, PYTHON, Row, fresh
from benchmarks.timing import Spread, command, in_turn

MODULES = "import pandas, sklearn.ensemble, matplotlib.pyplot"


def bench_start(root: Path, repeats: int) -> list[Row]:
    """`nbprod --help`, and `nbprod runs` with 10,000 runs in the records."""
    folder = fresh(root, "start", 0)
    _many_runs(folder, 10_000)
    spread = in_turn(
        {
            "help": lambda _: command([*NBPROD, "--help"], folder),
            "runs": lambda _: command([*NBPROD, "runs"], folder),
            "python": lambda _: command([PYTHON, "-c", "pass"], folder),
        },
        repeats,
    )

    def beyond(name: str) -> str:
        return str(Spread(tuple(a - b for a, b in zip(spread[name].values, spread["python"].values, strict=True))))

    return [
        ("start, seconds beyond `python -c pass`", "nbprod --help", beyond("help")),
        ("", "nbprod runs, 10,000 runs kept", beyond("runs")),
    ]


def _many_runs(folder: Path, count: int) -> None:
    from nbprod.execution import tables
    from nbprod.execution.database import database
    from nbprod.project import Project

    project = Project(folder)
    project.make_state()
    now = time.time()
    rows = [
        {
            "id": f"2026-01-01T00-00-00-{number:05x}",
            "pipeline": "p",
            "notebook": "p.ipynb",
            "status": "done",
            "parameters": {"depth": number},
            "metrics": {"accuracy": number / count},
            "outputs": {},
            "options": {},
            "created": now - number,
            "finished": now - number + 1,
            "host": "",
            "pid": 0,
        }
        for number in range(count)
    ]
    with database(project).write() as connection:
        for row in rows:
            tables.Runs.add(connection, **row)


def bench_memory(root: Path, repeats: int) -> list[Row]:
    """What a kernel has for itself when it has imported pandas, scikit-learn and matplotlib (USS)."""
    from nbprod.execution import prepared, starting

    folder = fresh(root, "memory", 0)
    sizes: dict[str, list[float]] = {"ordinary": [], "forked": []}
    for _ in range(repeats):
        for mode, found in sizes.items():
            env = {**os.environ, "NBPROD_KERNELS": mode}
            os.environ["NBPROD_KERNELS"] = mode
            names = frozenset({"pandas", "sklearn.ensemble", "matplotlib.pyplot"})
            desire = prepared.Desire(names, may_draw=True) if mode == "forked" else None
            wish = starting.Wish("python3", str(folder), env, desire)
            if desire is not None:
                _settled(wish)
            kernel = asyncio.run(starting.start(wish))
            try:
                found.append(asyncio.run(_memory(kernel)) / 2**20)
            finally:
                kernel.discard()
    del os.environ["NBPROD_KERNELS"]
    prepared.close_all()
    ordinary, forked = (Spread(tuple(sizes[mode])) for mode in ("ordinary", "forked"))
    ratio = Spread(tuple(a / b for a, b in zip(ordinary.values, forked.values, strict=True)))
    return [
        (
            "memory of a kernel of its own (USS) with pandas, scikit-learn, matplotlib imported, MiB",
            "stock kernel",
            str(ordinary),
        ),
        ("", "forked kernel", str(forked)),
        ("", "ratio stock / forked", str(ratio)),
    ]


def _settled(wish: object) -> None:
    """Start and end kernels until the prepared process has imported what it will import."""
    from nbprod.execution import prepared
    from nbprod.execution.starting import start

    deadline = time.monotonic() + 120
    everyone = prepared._all  # noqa: SLF001
    while not any("pandas" in one.loaded for one in everyone.values()):
        asyncio.run(start(wish)).discard()
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing was imported ahead: {[one.refused for one in everyone.values()]}")
        time.sleep(0.5)


async def _memory(kernel: object) -> float:
    import psutil

    client = kernel.manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        await client.execute_interactive(MODULES, timeout=120)
        return float(psutil.Process(kernel.alive.process.pid).memory_full_info().uss)
    finally:
        client.stop_channels()
