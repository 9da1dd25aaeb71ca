"""Small notebooks for tests, written as text: `# %% tag, tag` starts a cell."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from nbprod.notebook.diagnostics import Diagnostic
from nbprod.notebook.graph import Define, Graph, Load, Node
from nbprod.notebook.pipeline import Pipeline, pipeline_of
from nbprod.notebook.reader import notebook_of


def document(text: str, kernel: dict[str, str] | None = None) -> dict[str, Any]:
    cells: list[dict[str, Any]] = []
    for line in textwrap.dedent(text).strip("\n").splitlines(keepends=True):
        if line.startswith("# %%"):
            tags = [tag.strip() for tag in line[4:].split(",") if tag.strip()]
            cells.append(
                {
                    "cell_type": "code",
                    "id": f"c{len(cells) + 1}",
                    "metadata": {"tags": tags},
                    "source": "",
                    "outputs": [],
                }
            )
        else:
            cells[-1]["source"] += line
    for cell in cells:
        cell["source"] = cell["source"].rstrip("\n")
    spec = kernel or {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}


def pipeline(text: str) -> Pipeline:
    return pipeline_of(notebook_of(document(text), Path("folder") / "n.ipynb"))


def graph(text: str) -> Graph:
    """The graph of a notebook that has no errors."""
    made = pipeline(text)
    assert not errors(made), errors(made)
    return made.resolve()


def errors(made: Pipeline) -> list[Diagnostic]:
    return [d for d in made.diagnostics if d.severity == "error"]


def codes(made: Pipeline) -> list[str]:
    return [d.code for d in made.diagnostics]


def steps(node: Node) -> list[str]:
    """The prelude, short: the names that source binds (or the source itself), `name < task` for a load, `= name` for a parameter."""
    shown: list[str] = []
    for step in node.prelude:
        if isinstance(step, Define):
            shown.append(" ".join(step.names) or step.source)
        elif isinstance(step, Load):
            shown.append(f"{' '.join(step.names)} < {step.task}")
        else:
            shown.append(f"= {' '.join(step.names)}")
    return shown
