from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from nbprod.errors import NotebookError
from nbprod.notebook.reader import notebook_of, read_notebook
from tests.notebook.making import document


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


@pytest.mark.parametrize("minor", [0, 1, 2, 4, 5])
def test_every_minor_of_nbformat_4_is_read_and_the_file_left_alone(tmp_path, minor):
    value = document("# %% task:a\nx = 1\n# %%\ny = 2")
    value["nbformat_minor"] = minor
    for cell in value["cells"]:
        del cell["id"]
    path = write(tmp_path / "n.ipynb", value)
    before = path.read_bytes()

    first, again = read_notebook(path), read_notebook(path)

    assert [cell.source for cell in first.cells] == ["x = 1", "y = 2"]
    assert first.cells[0].tags == ("task:a",)
    assert len({cell.id for cell in first.cells}) == 2
    assert first.cells == again.cells
    assert path.read_bytes() == before
    nbformat.validate(first.node)


def test_code_cells_are_numbered_among_code_cells_and_placed_among_all(tmp_path):
    value = document("# %%\nx = 1\n# %%\ny = 2")
    value["cells"].insert(1, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# a\n", "b"]})
    cells = read_notebook(write(tmp_path / "n.ipynb", value)).cells
    assert [(cell.number, cell.index) for cell in cells] == [(1, 0), (2, 2)]


def test_source_may_be_a_list_of_lines_and_ids_that_repeat_are_made_up():
    value = document("# %%\nx = 1\n# %%\nx = 1")
    value["cells"][0]["source"] = ["x = 1\n", "y = 2"]
    value["cells"][1]["id"] = value["cells"][0]["id"]
    cells = notebook_of(value, "n.ipynb").cells
    assert cells[0].source == "x = 1\ny = 2"
    assert cells[0].id != cells[1].id


def test_the_kernel_is_the_one_of_the_metadata():
    value = document("# %%\n1", {"name": "my-env", "display_name": "Mine", "language": "python"})
    notebook = notebook_of(value, "n.ipynb")
    assert (notebook.kernel_name, notebook.language) == ("my-env", "python")


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".py", '# %% tags=["task:a"]\nx = 1\n\n# %% [markdown]\n# words\n\n# %%\nprint(x)\n'),
        (".md", '```python tags=["task:a"]\nx = 1\n```\n\nwords\n\n```python\nprint(x)\n```\n'),
        (".md", '---\njupyter:\n  kernelspec:\n    name: python3\n    language: python\n    display_name: P\n---\n\n'
         '```python tags=["task:a"]\nx = 1\n```\n\nwords\n\n```python\nprint(x)\n```\n'),
    ],
)  # fmt: skip
def test_text_formats_are_read_through_jupytext(tmp_path, suffix, text):
    path = write(tmp_path / f"n{suffix}", text)
    first, again = read_notebook(path), read_notebook(path)
    assert [(cell.source, cell.tags) for cell in first.cells] == [("x = 1", ("task:a",)), ("print(x)", ())]
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]
    assert first.kernel_name == "python3"
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("this is no notebook", ["is no notebook", "n.ipynb"]),
        ("", ["empty"]),
        ("[1, 2]", ["no notebook"]),
        ('{"a": 1}', ["no notebook"]),
        ('{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}', ["nbformat 3", "nbconvert"]),
        ('{"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}', ["nbformat 5"]),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', ["no code cell", "Add a code cell"]),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "markdown", "metadata": {}, "source": "a"}]}',
         ["no code cell"]),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": ["x"]}', ["cell 1", "malformed"]),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_refused_in_words(tmp_path, text, parts):
    with pytest.raises(NotebookError) as caught:
        read_notebook(write(tmp_path / "n.ipynb", text))
    for part in [*parts, "n.ipynb"]:
        assert part in str(caught.value)


def test_a_missing_file_a_folder_and_a_wrong_encoding_are_told_apart(tmp_path):
    with pytest.raises(NotebookError, match="no such notebook"):
        read_notebook(tmp_path / "none.ipynb")
    with pytest.raises(NotebookError, match="folder"):
        read_notebook(tmp_path)
    path = tmp_path / "n.ipynb"
    path.write_bytes(json.dumps(document("# %%\nx = 1")).replace("x = 1", "x = 'é'").encode("latin-1"))
    with pytest.raises(NotebookError, match="UTF-8"):
        read_notebook(path)


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(document("# %%\nx = 1")).encode())
    assert read_notebook(path).cells[0].source == "x = 1"
