"""Notebooks with markdown, written as text, and what is proposed for them, in short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nbprod.notebook.cell import Notebook
from nbprod.notebook.pipeline import Pipeline, pipeline_of
from nbprod.notebook.reader import notebook_of
from nbprod.notebook.suggest import Suggestion

EXAMPLES = Path(__file__).parents[2] / "notebooks"
STYLES = Path(__file__).parent / "styles"


def notebook(text: str) -> Notebook:
    """A notebook as text: `# %%` starts a code cell (its tags behind it), `# %% md` a markdown cell."""
    cells: list[dict[str, Any]] = []
    for line in text.strip("\n").splitlines(keepends=True):
        if line.startswith("# %%"):
            words = line[4:].split()
            kind = "markdown" if words[:1] == ["md"] else "code"
            number = sum(cell["cell_type"] == "code" for cell in cells) + 1
            tags = {"tags": words} if kind == "code" and words else {}
            cells.append({"cell_type": kind, "id": f"{kind[0]}{number}", "metadata": tags, "source": ""})
        else:
            cells[-1]["source"] += line
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}
    return notebook_of(document, Path("folder") / "n.ipynb")


def stripped(made: Notebook) -> Notebook:
    return replace(made, cells=tuple(replace(cell, tags=()) for cell in made.cells))


def retagged(made: Notebook, found: Suggestion) -> Pipeline:
    return pipeline_of(replace(made, cells=tuple(replace(c, tags=found.tags.get(c.id, c.tags)) for c in made.cells)))


def errors(made: Pipeline) -> set[tuple[str, int | None, int | None]]:
    return {(d.code, d.cell, d.line) for d in made.diagnostics if d.severity == "error" or d.code == "unsaveable"}


def tasks(found: Suggestion) -> dict[str, str]:
    return {task.name: " ".join(task.cells) for task in found.tasks}


def roles(found: Suggestion) -> dict[str, str]:
    named = {cell: " ".join(tag for tag in tags if ":" not in tag) for cell, tags in found.tags.items()}
    return {cell: role for cell, role in named.items() if role}


def style(name: str) -> Notebook:
    return notebook((STYLES / f"{name}.txt").read_text())
