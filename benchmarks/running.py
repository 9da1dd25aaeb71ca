"""Runs and sweeps, beside stock Papermill, Ploomber and plain Python."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.notebooks import HERE, NBPROD, PYTHON, Row, chain, fresh, notebook, sweep_notebook
from benchmarks.timing import Spread, command, in_turn, ratios
from benchmarks.warm import by_worker

DEPTHS = ",".join(str(depth) for depth in range(1, 13))
TRIALS = 24
_DEPTHS = ",".join(str(number) for number in range(1, TRIALS + 1))
FLOOR = "the floor: each distinct task once, plain Python, 2 processes that have imported everything"


def bench_chain(root: Path, repeats: int) -> list[Row]:
    """Trivial tasks in a line: what a task costs beyond its computation."""
    count = 20
    cells = chain(count)

    def ours(turn: int) -> None:
        folder = fresh(root, "chain", turn)
        notebook(cells, folder / "chain.ipynb")
        command([*NBPROD, "run", "chain.ipynb"], folder)

    def papermill(turn: int) -> None:
        folder = fresh(root, "chain-papermill", turn)
        for number, cell in enumerate(cells):
            notebook([("", "x = []"), cell], folder / f"{number}.ipynb")
        loop = "import papermill, sys\nfor i in range(int(sys.argv[1])): papermill.execute_notebook(f'{i}.ipynb', f'out-{i}.ipynb', progress_bar=False)"
        command([PYTHON, "-c", loop, str(count)], folder)

    def bare(turn: int) -> None:
        folder = fresh(root, "chain-bare", turn)
        (folder / "bare.py").write_text("\n".join(source for _, source in cells))
        command([PYTHON, "bare.py"], folder)

    def worker(turn: int) -> float:
        folder = fresh(root, "chain-worker", turn)
        notebook(cells, folder / "chain.ipynb")
        return by_worker(folder, "chain.ipynb", ["run", "chain.ipynb"])

    def found(turn: int) -> float:
        folder = fresh(root, "chain-found", turn)
        notebook(cells, folder / "chain.ipynb")
        return by_worker(folder, "chain.ipynb", ["run", "chain.ipynb"], whole=True)

    sides = {"nbprod": ours, "found": found, "worker": worker, "papermill": papermill, "bare": bare}
    spread = in_turn(sides, repeats)
    beyond = {
        name: Spread(tuple((a - b) / count for a, b in zip(spread[name].values, spread["bare"].values, strict=True)))
        for name in ("nbprod", "found", "worker", "papermill")
    }
    work = f"{count} trivial tasks in a line, seconds a task beyond plain Python"
    return [
        (work, "nbprod, whole command", str(beyond["nbprod"])),
        ("", "nbprod, whole command where a worker stays", str(beyond["found"])),
        ("", "nbprod, as the panel starts it: from a worker that stays", str(beyond["worker"])),
        ("", "stock `papermill.execute_notebook` a task, whole command", str(beyond["papermill"])),
        ("", "ratio papermill / nbprod, whole command", str(ratios(beyond["papermill"], beyond["nbprod"]))),
        (
            "",
            "ratio papermill / nbprod, whole command where a worker stays",
            str(ratios(beyond["papermill"], beyond["found"])),
        ),
        ("", "ratio papermill / nbprod from a worker", str(ratios(beyond["papermill"], beyond["worker"]))),
    ]


def bench_sweep(root: Path, repeats: int) -> list[Row]:
    """Twelve trials over a parameter of the last of four tasks; Papermill as most write it, in a loop."""
    spread = in_turn(
        {
            "nbprod": lambda turn: _ours(fresh(root, "sweep", turn), "2", DEPTHS),
            "papermill": lambda turn: _papermill(fresh(root, "sweep-papermill", turn), "1", DEPTHS),
            "ploomber": lambda turn: _ploomber(fresh(root, "sweep-ploomber", turn), DEPTHS),
        },
        repeats,
    )
    return [
        (
            "sweep of 12 trials over the last of 4 tasks, seconds, whole command",
            "nbprod, 2 at once",
            str(spread["nbprod"]),
        ),
        ("", "loop of stock `papermill.execute_notebook`", str(spread["papermill"])),
        ("", "Ploomber's grid, its `Parallel(2)`", str(spread["ploomber"])),
        ("", "ratio papermill / nbprod", str(ratios(spread["papermill"], spread["nbprod"]))),
        ("", "ratio Ploomber / nbprod", str(ratios(spread["ploomber"], spread["nbprod"]))),
    ]


def bench_trials(root: Path, repeats: int) -> list[Row]:
    """Twenty-four trials, two at once for everybody, and the floor: each distinct task once in warm processes."""
    return _trials(root, repeats, 20_000)


def bench_small_trials(root: Path, repeats: int) -> list[Row]:
    """The same over a small table, where what surrounds the computation weighs more than it."""
    return _trials(root, repeats, 2_000)


def bench_large_trials(root: Path, repeats: int) -> list[Row]:
    """The same over a large table against the floor alone: what surrounds the computation is the same for any table."""
    rows, depths = 60_000, _DEPTHS
    sides = {
        "nbprod": lambda turn: _ours(fresh(root, "large", turn), "2", depths, rows),
        "worker": lambda turn: _by_worker(fresh(root, "large-worker", turn), depths, rows),
        "floor": lambda turn: _floor(fresh(root, "large-floor", turn), depths, rows),
    }
    spread = in_turn(sides, repeats)
    work = f"sweep of {TRIALS} trials over the last of 4 tasks, a table of {rows} rows, 2 at once, seconds"
    return [
        (work, "nbprod, whole command", str(spread["nbprod"])),
        ("", "nbprod, as the panel starts it: from a worker that stays", str(spread["worker"])),
        ("", FLOOR, str(spread["floor"])),
        ("", "ratio nbprod, whole command / floor", str(ratios(spread["nbprod"], spread["floor"]))),
        ("", "ratio nbprod from a worker / floor", str(ratios(spread["worker"], spread["floor"]))),
    ]


def _floor(folder: Path, depths: str, rows: int) -> float:
    command([PYTHON, HERE / "floor.py", sweep_notebook(folder, rows), depths, "2"], folder)
    return float((folder / "command.log").read_text().split()[-1])


def _trials(root: Path, repeats: int, rows: int) -> list[Row]:
    depths = _DEPTHS
    spread = in_turn(
        {
            "nbprod": lambda turn: _ours(fresh(root, f"trials-{rows}", turn), "2", depths, rows),
            "worker": lambda turn: _by_worker(fresh(root, f"worker-{rows}", turn), depths, rows),
            "papermill": lambda turn: _papermill(fresh(root, f"trials-papermill-{rows}", turn), "2", depths, rows),
            "ploomber": lambda turn: _ploomber(fresh(root, f"trials-ploomber-{rows}", turn), depths, rows),
            "floor": lambda turn: _floor(fresh(root, f"floor-{rows}", turn), depths, rows),
        },
        repeats,
    )
    return [
        (
            f"sweep of {TRIALS} trials over the last of 4 tasks, a table of {rows} rows, 2 at once, seconds",
            "nbprod, whole command",
            str(spread["nbprod"]),
        ),
        ("", "nbprod, as the panel starts it: from a worker that stays", str(spread["worker"])),
        ("", "stock `papermill.execute_notebook` in 2 processes, whole command", str(spread["papermill"])),
        ("", "Ploomber's grid, its `Parallel(2)`, whole command", str(spread["ploomber"])),
        ("", FLOOR, str(spread["floor"])),
        ("", "ratio papermill / nbprod, whole command", str(ratios(spread["papermill"], spread["nbprod"]))),
        ("", "ratio papermill / nbprod from a worker", str(ratios(spread["papermill"], spread["worker"]))),
        ("", "ratio Ploomber / nbprod, whole command", str(ratios(spread["ploomber"], spread["nbprod"]))),
        ("", "ratio Ploomber / nbprod from a worker", str(ratios(spread["ploomber"], spread["worker"]))),
        ("", "ratio nbprod, whole command / floor", str(ratios(spread["nbprod"], spread["floor"]))),
        ("", "ratio nbprod from a worker / floor", str(ratios(spread["worker"], spread["floor"]))),
    ]


def _sweep(notebook: str, parallel: str, depths: str) -> list[str]:
    options = ["--search", "grid", "--trials", "99", "--parallel", parallel, "-p", f"max_depth={depths}"]
    return ["sweep", notebook, *options]


def _ours(folder: Path, parallel: str, depths: str, rows: int = 20_000) -> None:
    sweep_notebook(folder, rows)
    command([*NBPROD, *_sweep("sweep.ipynb", parallel, depths)], folder)


def _by_worker(folder: Path, depths: str, rows: int) -> float:
    sweep_notebook(folder, rows)
    return by_worker(folder, "sweep.ipynb", _sweep("sweep.ipynb", "2", depths))


def _papermill(folder: Path, processes: str, depths: str, rows: int = 20_000) -> None:
    command([PYTHON, HERE / "stock_papermill.py", sweep_notebook(folder, rows), depths, processes], folder)


def _ploomber(folder: Path, depths: str, rows: int = 20_000) -> None:
    command([PYTHON, HERE / "stock_ploomber.py", sweep_notebook(folder, rows), depths, "2"], folder)


def bench_again(root: Path, repeats: int) -> list[Row]:
    """A second run with nothing changed."""
    folder = fresh(root, "again", 0)
    sweep_notebook(folder)
    ten = fresh(root, "ten", 0)
    notebook(chain(10), ten / "chain.ipynb")
    command([*NBPROD, "run", "chain.ipynb"], ten)
    theirs = fresh(root, "ten-ploomber", 0)
    _write_ploomber_chain(theirs, 10)
    ploomber = (Path(PYTHON).parent / "ploomber", "build")
    command([*ploomber], theirs)

    def first(turn: int) -> None:
        shutil.rmtree(folder / ".nbprod", ignore_errors=True)
        command([*NBPROD, "run", "sweep.ipynb"], folder)

    spread = in_turn(
        {
            "first": first,
            "again": lambda _: command([*NBPROD, "run", "sweep.ipynb"], folder),
            "ten": lambda _: command([*NBPROD, "run", "chain.ipynb"], ten),
            "ploomber": lambda _: command([*ploomber], theirs),
            "python": lambda _: command([PYTHON, "-c", "pass"], folder),
        },
        repeats,
    )
    return [
        ("4 tasks run, seconds, whole command", "first run", str(spread["first"])),
        ("", "second run, nothing changed", str(spread["again"])),
        ("", "ratio first / second", str(ratios(spread["first"], spread["again"]))),
        ("10 tasks, nothing changed, seconds, whole command", "nbprod run", str(spread["ten"])),
        ("", "ploomber build", str(spread["ploomber"])),
        ("", "`python -c pass`", str(spread["python"])),
        ("", "ratio ploomber / nbprod", str(ratios(spread["ploomber"], spread["ten"]))),
    ]


def _write_ploomber_chain(folder: Path, count: int) -> None:
    tasks = ["meta: {extract_upstream: true}", "tasks:"]
    for number in range(count):
        name, before = f"t{number}", f"t{number - 1}"
        take = f"json.loads(Path(upstream[{before!r}]['data']).read_text()) + [{number}]" if number else "[0]"
        (folder / f"{name}.py").write_text(
            f'# %% tags=["parameters"]\nupstream = {[before] if number else None!r}\nproduct = None\n\n'
            f"# %%\nimport json\nfrom pathlib import Path\nx = {take}\nPath(product['data']).write_text(json.dumps(x))\n"
        )
        tasks += [
            f"- source: {name}.py",
            f"  name: {name}",
            f"  product: {{nb: out/{name}.ipynb, data: out/{name}.json}}",
            "  static_analysis: disable",
        ]
    (folder / "pipeline.yaml").write_text("\n".join(tasks) + "\n")
