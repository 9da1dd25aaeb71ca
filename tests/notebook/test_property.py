"""The property that all rests on: for any notebook and any cut into tasks, the pipeline shows what one kernel shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.notebook.pipeline import pipeline_of
from nbprod.notebook.reader import notebook_of
from tests.notebook.random_notebooks import Made, make_notebook
from tests.notebook.replay import Replay, run_in_one_namespace


def check(made: Made, folder: Path) -> Replay:
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{n}",
                "source": cell,
                "metadata": {"tags": [f"task:{task}"]},
                "outputs": [],
                "execution_count": None,
            }
            for n, (cell, task) in enumerate(zip(made.cells, made.tasks, strict=True), 1)
        ],
    }
    expected, _, error = run_in_one_namespace(made.cells)
    assert error is None
    pipeline = pipeline_of(notebook_of(document, folder / "n.ipynb"))
    assert not [d for d in pipeline.diagnostics if d.severity == "error"], (pipeline.diagnostics, made.text)
    replay = Replay(pipeline, folder)
    replay.run()
    wrong = {n: (text, replay.printed.get(n)) for n, text in enumerate(expected, 1) if replay.printed.get(n) != text}
    assert not wrong, f"{wrong}\n{made.text}"
    return replay


@pytest.mark.parametrize("seed", range(60))
def test_a_pipeline_prints_what_one_namespace_prints(seed: int, tmp_path: Path) -> None:
    check(make_notebook(seed), tmp_path)
