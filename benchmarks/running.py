"""Runs and sweeps, beside stock Papermill, Ploomber and plain Python."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.notebooks import HERE, NBPROD, PYTHON, Row, chain, fresh, notebook, sweep_notebook
from benchmarks.timing import Spread, command, in_turn, ratios

DEPTHS = ",".join(str(depth) for depth in range(1, 13))
TRIALS = 24


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

    spread = in_turn({"nbprod": ours, "papermill": papermill, "bare": bare}, repeats)
    beyond = {
        name: Spread(tuple((a - b) / count for a, b in zip(spread[name].values, spread["bare"].values, strict=True)))
        for name in ("nbprod", "papermill")
    }
    work = f"{count} trivial tasks in a line, seconds a task beyond plain Python, whole command"
    return [
        (work, "nbprod", str(beyond["nbprod"])),
        ("", "stock `papermill.execute_notebook` a task", str(beyond["papermill"])),
        ("", "ratio papermill / nbprod", str(ratios(beyond["papermill"], beyond["nbprod"]))),
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
    depths = ",".join(str(number) for number in range(1, TRIALS + 1))
    floor: list[float] = []

    def bare(turn: int) -> None:
        folder = fresh(root, "floor", turn)
        command([PYTHON, HERE / "floor.py", HERE / "sweep_notebook.py", depths, "2"], folder)
        floor.append(float((folder / "command.log").read_text().split()[-1]))

    spread = in_turn(
        {
            "nbprod": lambda turn: _ours(fresh(root, "trials", turn), "2", depths),
            "papermill": lambda turn: _papermill(fresh(root, "trials-papermill", turn), "2", depths),
            "ploomber": lambda turn: _ploomber(fresh(root, "trials-ploomber", turn), depths),
            "floor": bare,
        },
        repeats,
    )
    warm = Spread(tuple(floor))
    return [
        (
            f"sweep of {TRIALS} trials over the last of 4 tasks, 2 at once, seconds, whole command",
            "nbprod",
            str(spread["nbprod"]),
        ),
        ("", "stock `papermill.execute_notebook` in 2 processes", str(spread["papermill"])),
        ("", "Ploomber's grid, its `Parallel(2)`", str(spread["ploomber"])),
        ("", "the floor: each distinct task once, plain Python, 2 processes that have imported everything", str(warm)),
        ("", "ratio papermill / nbprod", str(ratios(spread["papermill"], spread["nbprod"]))),
        ("", "ratio Ploomber / nbprod", str(ratios(spread["ploomber"], spread["nbprod"]))),
        ("", "ratio nbprod / floor", str(ratios(spread["nbprod"], warm))),
    ]


def _ours(folder: Path, parallel: str, depths: str) -> None:
    sweep_notebook(folder)
    command(
        [
            *NBPROD,
            "sweep",
            "sweep.ipynb",
            "--search",
            "grid",
            "--trials",
            "99",
            "--parallel",
            parallel,
            "-p",
            f"max_depth={depths}",
        ],
        folder,
    )


def _papermill(folder: Path, processes: str, depths: str) -> None:
    command([PYTHON, HERE / "stock_papermill.py", sweep_notebook(folder), depths, processes], folder)


def _ploomber(folder: Path, depths: str) -> None:
    command([PYTHON, HERE / "stock_ploomber.py", sweep_notebook(folder), depths, "2"], folder)


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
