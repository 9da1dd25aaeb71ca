"""`suggest`: tags proposed for a notebook without any, or with a few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.notebook.cell import Notebook
from nbprod.notebook.pipeline import Pipeline, pipeline_of
from nbprod.notebook.reader import notebook_of, read_notebook
from nbprod.notebook.suggest import Suggestion, suggest
from tests.notebook.random_notebooks import make_notebook
from tests.notebook.test_property import as_document

EXAMPLES = Path(__file__).parents[2] / "notebooks"


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


@pytest.mark.parametrize("name", ["wine_classification", "diabetes_regression"])
def test_the_examples_without_their_tags_get_the_tasks_and_roles_that_their_authors_gave_them(name: str) -> None:
    author = read_notebook(EXAMPLES / f"{name}.ipynb")

    found = suggest(stripped(author))

    proposed = retagged(stripped(author), found)
    mine = [tuple(cell.id for cell in task.cells) for task in pipeline_of(author).tasks.values()]
    assert [task.cells for task in found.tasks] == mine
    assert proposed.metrics == pipeline_of(author).metrics
    assert proposed.parameters.keys() == pipeline_of(author).parameters.keys()
    assert proposed.serve == pipeline_of(author).serve
    for cell in author.cells:
        ours = {tag for tag in cell.tags if ":" not in tag}
        assert set(found.tags.get(cell.id, ())) >= ours


@pytest.mark.parametrize("name", ["wine_classification", "diabetes_regression"])
def test_a_notebook_that_is_tagged_gets_nothing(name: str) -> None:
    assert suggest(read_notebook(EXAMPLES / f"{name}.ipynb")).tags == {}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10_000_000), st.integers(1, 40))
def test_a_proposal_adds_no_error_and_every_cell_has_its_place(seed: int, size: int) -> None:
    made = stripped(notebook_of(as_document(make_notebook(seed, size)), Path("folder") / "n.ipynb"))

    found = suggest(made)

    assert errors(retagged(made, found)) <= errors(pipeline_of(made))
    order = [cell.id for cell in made.cells]
    in_tasks = [cell for task in found.tasks for cell in task.cells]
    elsewhere = {cell for cell, tags in found.tags.items() if {"imports", "parameters", "skip"} & set(tags)}
    assert in_tasks == [cell for cell in order if cell in set(in_tasks)]
    assert set(in_tasks) | elsewhere == set(order)
    assert not set(in_tasks) & elsewhere
