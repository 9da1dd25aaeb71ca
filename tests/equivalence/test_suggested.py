"""A notebook with the tags that were proposed for it, written into it, shows as a pipeline what one fresh kernel shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbprod.notebook.pipeline import read_pipeline
from nbprod.notebook.reader import read_notebook
from nbprod.notebook.retag import write_tags
from nbprod.notebook.suggest import suggest
from tests.equivalence.oracle import run_in_one_kernel, visible
from tests.equivalence.test_cases import executed, run
from tests.notebook.written import EXAMPLES, style


def example(target: Path) -> None:
    """An example without the tags that its author gave it."""
    node = nbformat.read(EXAMPLES / "wine_classification.ipynb", as_version=4)
    for cell in node.cells:
        cell.metadata.pop("tags", None)
    nbformat.write(node, target)


def without_headings(target: Path) -> None:
    """A notebook with a seed for all its cells; it installs nothing here."""
    document: Any = dict(style("without_headings").document)
    document["cells"] = [cell for cell in document["cells"] if "pip install" not in cell["source"]]
    target.write_text(json.dumps(document))


@pytest.mark.parametrize(("make", "count"), [(example, 4), (without_headings, 6)])
def test_a_suggested_pipeline_shows_what_the_kernel_shows(tmp_path: Path, make: Any, count: int) -> None:
    plain, project = tmp_path / "plain", tmp_path / "project"
    plain.mkdir()
    project.mkdir()
    make(plain / "n.ipynb")
    shutil.copy(plain / "n.ipynb", project)
    path = project / "n.ipynb"
    notebook = read_notebook(path)
    found = suggest(notebook)
    write_tags(path, {cell.index: found.tags[cell.id] for cell in notebook.cells if cell.id in found.tags})

    expected = visible(run_in_one_kernel(plain / "n.ipynb"))
    result = run(path)

    assert result.error is None, str(result.error)
    pipeline = read_pipeline(path)
    assert len(result.tasks) == len(pipeline.tasks) == count
    shown = visible(executed(project, result))
    ran = {cell.number for task in pipeline.tasks.values() for cell in task.cells}
    assert len(ran) > count
    assert {number: shown[number - 1] for number in ran} == {number: expected[number - 1] for number in ran}
    assert set(result.metrics) == set(pipeline.metrics) != set()
