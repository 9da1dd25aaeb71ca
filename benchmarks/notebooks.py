"""The notebooks that are measured with."""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).parent
PYTHON = sys.executable
NBPROD = (PYTHON, "-m", "nbprod")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
Row = tuple[str, str, str]
"""What was done, by whom, and the figures."""


def notebook(cells: list[tuple[str, str]], path: Path) -> Path:
    """Write code cells (tag, source) as a notebook."""
    node = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    for number, (tag, source) in enumerate(cells):
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{number}", metadata={"tags": [tag] if tag else []})
        node.cells.append(cell)
    nbformat.write(node, path)
    return path


def chain(count: int) -> list[tuple[str, str]]:
    """Return the cells of trivial tasks in a line."""
    return [("task:t0", "x = [0]")] + [(f"task:t{i}", f"x = x + [{i}]") for i in range(1, count)]


def sweep_notebook(folder: Path, rows: int = 20_000) -> Path:
    """Write the notebook of the sweep benchmarks into `folder`, for a table of so many rows."""
    text = (HERE / "sweep_notebook.py").read_text().replace("n_rows = 20000", f"n_rows = {rows}")
    node = jupytext.reads(text, "py:percent")
    node.metadata["kernelspec"] = KERNEL
    path = folder / "sweep.ipynb"
    jupytext.write(node, path)
    return path


def fresh(root: Path, name: str, turn: int) -> Path:
    """Return a new, empty folder, so that no cache of an earlier round helps."""
    folder = root / f"{name}-{turn}"
    folder.mkdir(parents=True)
    return folder
