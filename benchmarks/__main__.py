"""`make bench`: what is claimed about speed, measured side by side in one run. Writes benchmarks/results.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from benchmarks.timing import Spread, command, in_turn, machine, ratios

HERE = Path(__file__).parent
PYTHON = sys.executable
NBPROD = (PYTHON, "-m", "nbprod")
DEPTHS = "1,2,3,4,5,6,7,8,9,10,11,12"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
Row = tuple[str, str, str]


def notebook(cells: list[tuple[str, str]], path: Path) -> Path:
    """Write code cells (tag, source) as a notebook."""
    node = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    for number, (tag, source) in enumerate(cells):
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{number}", metadata={"tags": [tag] if tag else []})
        node.cells.append(cell)
    nbformat.write(node, path)
    return path


def sweep_notebook(folder: Path) -> Path:
    """Write the notebook of the sweep benchmarks into `folder`."""
    node = jupytext.read(HERE / "sweep_notebook.py")
    node.metadata["kernelspec"] = KERNEL
    path = folder / "sweep.ipynb"
    jupytext.write(node, path)
    return path


def fresh(root: Path, name: str, turn: int) -> Path:
    """Return a new, empty folder, so that no cache of an earlier round helps."""
    folder = root / f"{name}-{turn}"
    folder.mkdir(parents=True)
    return folder


def bench_chain(root: Path, repeats: int) -> list[Row]:
    """Ten trivial tasks in a line: what a task costs beyond its computation."""
    count = 10
    cells = [("task:t0", "x = [0]")] + [(f"task:t{i}", f"x = x + [{i}]") for i in range(1, count)]

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
    return [
        (
            f"{count} trivial tasks in a line, seconds a task beyond plain Python, whole command",
            "nbprod",
            str(beyond["nbprod"]),
        ),
        ("", "stock `papermill.execute_notebook` a task", str(beyond["papermill"])),
        ("", "ratio papermill / nbprod", str(ratios(beyond["papermill"], beyond["nbprod"]))),
    ]


def bench_sweep(root: Path, repeats: int) -> list[Row]:
    """Twelve trials over a parameter of the last of four tasks, two at once where the tool can."""

    def ours(turn: int) -> None:
        folder = fresh(root, "sweep", turn)
        sweep_notebook(folder)
        command(
            [*NBPROD, "sweep", "sweep.ipynb", "--search", "grid", "--parallel", "2", "-p", f"max_depth={DEPTHS}"],
            folder,
        )

    def papermill(turn: int) -> None:
        folder = fresh(root, "sweep-papermill", turn)
        command([PYTHON, HERE / "stock_papermill.py", sweep_notebook(folder), DEPTHS], folder)

    def ploomber(turn: int) -> None:
        folder = fresh(root, "sweep-ploomber", turn)
        command([PYTHON, HERE / "stock_ploomber.py", sweep_notebook(folder), DEPTHS, "2"], folder)

    spread = in_turn({"nbprod": ours, "papermill": papermill, "ploomber": ploomber}, repeats)
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


def bench_again(root: Path, repeats: int) -> list[Row]:
    """A second run with nothing changed."""
    folder = fresh(root, "again", 0)
    sweep_notebook(folder)

    def first(turn: int) -> None:
        shutil.rmtree(folder / ".nbprod", ignore_errors=True)
        command([*NBPROD, "run", "sweep.ipynb"], folder)

    spread = in_turn(
        {
            "first": first,
            "again": lambda _: command([*NBPROD, "run", "sweep.ipynb"], folder),
            "python": lambda _: command([PYTHON, "-c", "pass"], folder),
        },
        repeats,
    )
    return [
        ("4 tasks run, seconds, whole command", "first run", str(spread["first"])),
        ("", "second run, nothing changed", str(spread["again"])),
        ("", "`python -c pass`", str(spread["python"])),
        ("", "ratio first / second", str(ratios(spread["first"], spread["again"]))),
    ]


def analysis_cells(count: int) -> list[tuple[str, str]]:
    """Make a notebook like those people write: imports, functions, frames, a model; a task every ten cells."""
    cells = [("imports", "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import LinearRegression")]
    for i in range(1, count):
        kinds = (
            f"frame_{i} = pd.DataFrame({{'a': np.arange({i}), 'b': np.ones({i})}})\nframe_{i}['c'] = frame_{i}['a'] * 2",
            f"def clean_{i}(frame, limit={i}):\n    frame = frame[frame['a'] < limit]\n    return [v for v in frame['a'] if v]",
            f"if {i} % 2:\n    total_{i} = sum(range({i}))\nelse:\n    total_{i} = None",
            f"for j in range(3):\n    np.sqrt(j)\nprint({i})",
            f"model_{i} = LinearRegression()\nresult_{i} = {{'score': {i}, 'name': f'run {{j}}'}}"
            if i > 4
            else "j = 0",
        )
        cells.append((f"task:t{i // 10}" if i % 10 == 0 else "", kinds[i % len(kinds)]))
    return cells


def bench_analysis(root: Path, repeats: int) -> list[Row]:
    """Reading a notebook, analysing it and resolving the graph."""
    from nbprod.notebook.pipeline import read_pipeline

    rows: list[Row] = []
    for count in (50, 500, 5000):
        path = notebook(analysis_cells(count), root / f"analysis-{count}.ipynb")
        code = (
            "import sys, time\nfrom nbprod.notebook.pipeline import read_pipeline\n"
            "started = time.perf_counter()\nread_pipeline(sys.argv[1]).resolve()\nprint(time.perf_counter() - started)"
        )
        values = []
        for _ in range(repeats):
            command([PYTHON, "-c", code, path], root)
            values.append(float((root / "command.log").read_text().split()[-1]))
        assert len(read_pipeline(path).tasks) >= count // 10 - 1
        rows.append(
            (
                "read, analyse and resolve a notebook, seconds, cold caches" if count == 50 else "",
                f"{count} code cells",
                str(Spread(tuple(values))),
            )
        )
    return rows


BENCHES: dict[str, Callable[[Path, int], list[Row]]] = {
    "chain": bench_chain,
    "sweep": bench_sweep,
    "again": bench_again,
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
            rows += BENCHES[bench](Path(name) / bench, options.repeats) if (Path(name) / bench).mkdir() is None else []
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
