"""Services, one worker each, on loopback: ours beside default BentoML, FastAPI by hand, and `mlflow models serve`."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.notebooks import NBPROD, Row
from benchmarks.serving_client import Load, press, press_counted
from benchmarks.serving_sides import FIT, Made, Server, install_mlflow, make, started
from benchmarks.timing import Spread, command

SIDES = {
    "bentoml": "default BentoML",
    "fastapi": "FastAPI by hand, uvicorn with uvloop and httptools",
    "mlflow": "mlflow models serve",
    "plain": "nbprod without its log",
    "nbprod": "nbprod",
}
CLIENTS = (1, 32)
SECONDS = 3.0
SWAPPED = 5000


def bench_serving(root: Path, repeats: int) -> list[Row]:
    """Requests a second and latencies at 1 and 32 clients, start, memory; a swap under load; what the log costs."""
    install_mlflow()
    rows: list[Row] = []
    for name in FIT:
        made = make(root, name)
        rows += _compare(root, made, repeats)
        if name == "linear":
            rows += _swap(made)
    return rows


def _sides(made: Made) -> dict[str, str]:
    return {key: text for key, text in SIDES.items() if key != "mlflow" or made.name != "keras"}


def _compare(root: Path, made: Made, repeats: int) -> list[Row]:
    sides = _sides(made)
    starts: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(repeats):
        for side in sides:
            with started(side, made, root / f"start-{made.name}-{side}-{turn}") as server:
                starts[side].append(server.seconds)
    loads: dict[tuple[str, int], list[Load]] = {(side, count): [] for side in sides for count in CLIENTS}
    bare: list[Load] = []
    memory: dict[str, float] = {}
    with ExitStack() as stack:
        servers: dict[str, Server] = {
            side: stack.enter_context(started(side, made, root / f"load-{made.name}-{side}")) for side in sides
        }
        for server in servers.values():
            press(server.url, server.body, 4, 1.0, root)
        for _ in range(repeats):
            for count in CLIENTS:
                for side, server in servers.items():
                    loads[side, count].append(press(server.url, server.body, count, SECONDS, root))
            bare.append(press(servers["nbprod"].url.replace("/predict", "/livez"), None, 1, SECONDS, root))
        for side, server in servers.items():
            memory[side] = server.memory()
    return [*_load_rows(made, sides, loads), *_tail_rows(loads, bare), *_other_rows(made, sides, starts, memory)]


def _load_rows(made: Made, sides: dict[str, str], loads: dict[tuple[str, int], list[Load]]) -> list[Row]:
    rows: list[Row] = []
    for count in CLIENTS:
        work = f"{made.name}, a row a request, {count} client{'s' if count > 1 else ''}: requests/s; p50, p99 in ms"
        for side, text in sides.items():
            some = loads[side, count]
            rates, middles, tails = (
                Spread(tuple(getattr(one, what) for one in some)) for what in ("rate", "p50", "p99")
            )
            failed = sum(one.errors for one in some)
            told = f"{rates}; p50 {middles}, p99 {tails}" + (f"; {failed} errors" if failed else "")
            rows.append((work, text, told))
            work = ""
        ours = loads["nbprod", count]
        for side in sides:
            if side not in ("nbprod", "plain"):
                pairs = zip(ours, loads[side, count], strict=True)
                rows.append(("", f"requests/s, nbprod / {side}", str(Spread(tuple(a.rate / b.rate for a, b in pairs)))))
        if count > 1:
            pairs = zip(ours, loads["plain", count], strict=True)
            cost = Spread(tuple(100 * (1 - a.rate / b.rate) for a, b in pairs))
            rows.append(("", "what the log of predictions costs, % of the requests/s", str(cost)))
    return rows


def _tail_rows(loads: dict[tuple[str, int], list[Load]], bare: list[Load]) -> list[Row]:
    """How far the slowest 1 % are from the middle; of /livez, which asks no model, it is the machine's own."""
    rows = []
    work = "1 client: p99 / p50"
    for text, some in (("nbprod", loads["nbprod", 1]), ("without its log", loads["plain", 1]), ("its /livez", bare)):
        rows.append((work, text, str(Spread(tuple(one.p99 / one.p50 for one in some)))))
        work = ""
    middles, tails = (Spread(tuple(getattr(one, what) for one in bare)) for what in ("p50", "p99"))
    return [*rows, ("", "its /livez: p50, p99 in ms", f"{middles}, {tails}")]


def _other_rows(
    made: Made, sides: dict[str, str], starts: dict[str, list[float]], memory: dict[str, float]
) -> list[Row]:
    rows = []
    work = f"{made.name}: seconds from the command to the first prediction; memory of its processes (USS), MiB"
    for side, text in sides.items():
        rows.append((work, text, f"{Spread(tuple(starts[side]))}; {memory[side]:.0f}"))
        work = ""
    return rows


def _swap(made: Made) -> list[Row]:
    """Versions of a service taken in turn while 32 clients ask."""
    from nbprod.project import Project
    from nbprod.service import deployments

    project = Project(made.project)
    command([*NBPROD, "promote", f"{made.name}.ipynb"], made.project)
    service = deployments.serve(project, made.name, 1)
    seconds: list[float] = []
    stop = threading.Event()

    def swap() -> None:
        version = 2
        while not stop.wait(1.0):
            began = time.perf_counter()
            deployments.swap(project, made.name, version)
            seconds.append(time.perf_counter() - began)
            version = 3 - version

    try:
        from benchmarks.serving_client import row_body
        from benchmarks.serving_sides import COLUMNS

        thread = threading.Thread(target=swap)
        thread.start()
        answered, errors, versions, tail = 0, 0, {}, 0.0
        while answered < SWAPPED or len(seconds) < 2:
            load = press_counted(f"{service.url}/predict", row_body(COLUMNS), 32, 5.0)
            answered += sum(load.versions.values())
            errors += load.errors
            tail = max(tail, load.p99)
            for version, count in load.versions.items():
                versions[version] = versions.get(version, 0) + count
        stop.set()
        thread.join()
    finally:
        stop.set()
        deployments.stop(project, made.name)
    each = ", ".join(f"{count:,} by v{version}" for version, count in sorted(versions.items()))
    return [
        (f"{len(seconds)} swaps while 32 clients ask", "errors", f"{errors} in {answered:,} requests ({each})"),
        ("", "p99 meanwhile, ms", f"{tail:.3g}"),
        ("", "seconds until the other version answers", str(Spread(tuple(seconds)))),
    ]
