"""The oracle: the notebook run top to bottom in one fresh, ordinary kernel, by nbclient alone, without nbprod."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def as_notebook(source: Path, target: Path) -> Path:
    """Write the percent-format case at `source` as an `.ipynb` at `target`, with steady cell ids."""
    node = jupytext.read(source, fmt="py:percent")
    for number, cell in enumerate(node.cells, 1):
        cell["id"] = f"cell-{number}"
    node.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(node, target)
    return target


def run_in_one_kernel(path: Path) -> Any:
    """Return the executed notebook; an error of a cell is among its outputs and ends the run, as in a kernel."""
    node = nbformat.read(path, as_version=4)
    client = NotebookClient(node, timeout=120, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError:
        pass  # the failing cell's output says so; the comparison reads it there
    return node


def visible(node: Any) -> list[list[str]]:
    """Return, for each code cell, what a reader sees of its outputs; addresses and stderr are left out."""
    return [_texts(cell.outputs) for cell in node.cells if cell.cell_type == "code"]


def _texts(outputs: list[Any]) -> list[str]:
    texts: list[str] = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout":
            if texts and texts[-1].startswith("out: "):
                texts[-1] += output.text
            else:
                texts.append("out: " + output.text)
        elif output.output_type == "error":
            texts.append(f"error: {output.ename}: {output.evalue}")
        elif output.output_type in ("execute_result", "display_data"):
            texts.append("data: " + str(output.data.get("text/plain", "")))
    return [_ADDRESS.sub("0x", text) for text in texts]
