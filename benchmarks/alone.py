"""The engine without a project: one `papermill` command, and a loop over a notebook in one process."""

from __future__ import annotations

from pathlib import Path

from benchmarks.notebooks import PYTHON, Row, fresh, notebook
from benchmarks.timing import Spread, command, in_turn, ratios

COUNT = 8
LOOP = """
import sys, papermill
for i in range(int(sys.argv[1])):
    papermill.execute_notebook("a.ipynb", f"out-{i}.ipynb", {"n": i}, engine_name=sys.argv[2] or None, progress_bar=False)
"""


def bench_alone(root: Path, repeats: int) -> list[Row]:
    """Stock Papermill's engine and ours, over a notebook that imports pandas."""
    folder = fresh(root, "alone", 0)
    notebook([("parameters", "n = 0"), ("", "import pandas as pd\nx = pd.Series([n]).sum()")], folder / "a.ipynb")

    def one(engine: str) -> None:
        options = ["--engine", engine] if engine else []
        command([PYTHON, "-m", "papermill", *options, "a.ipynb", "out.ipynb"], folder)

    def loop(engine: str) -> None:
        command([PYTHON, "-c", LOOP, str(COUNT), engine], folder)

    loop("nbprod")  # tries pandas, once for this interpreter
    spread = in_turn(
        {
            "one": lambda _: one("nbprod"),
            "one-stock": lambda _: one(""),
            "loop": lambda _: loop("nbprod"),
            "loop-stock": lambda _: loop(""),
        },
        repeats,
    )
    each = {name: Spread(tuple(value / COUNT for value in spread[name].values)) for name in ("loop", "loop-stock")}
    return [
        ("one notebook that imports pandas, seconds, whole command", "papermill --engine nbprod", str(spread["one"])),
        ("", "papermill", str(spread["one-stock"])),
        ("", "ratio papermill / nbprod", str(ratios(spread["one-stock"], spread["one"]))),
        (
            f"the same {COUNT} times in one process, seconds a notebook, whole command",
            '`papermill.execute_notebook(engine_name="nbprod")`',
            str(each["loop"]),
        ),
        ("", "`papermill.execute_notebook`", str(each["loop-stock"])),
        ("", "ratio papermill / nbprod", str(ratios(each["loop-stock"], each["loop"]))),
    ]
