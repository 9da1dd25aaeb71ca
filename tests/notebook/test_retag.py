"""Tags are written into a notebook, and nothing else changes in its file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from nbprod.errors import NotebookError
from nbprod.notebook.retag import retagged, write_tags

EXAMPLE = Path(__file__).parents[2] / "notebooks" / "wine_classification.ipynb"

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ['é ☃ \\ " {}[],:']},
        {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "source": ["x = 1"]},
        {"cell_type": "code", "id": "c", "metadata": {"tags": ["skip", "mine"]}, "outputs": [], "source": []},
        {"cell_type": "code", "id": "d", "metadata": {"a": {"tags": [1]}, "z": 1.0}, "outputs": [], "source": []},
        {"cell_type": "code", "id": "e", "metadata": {"z": 1, "a": 2}, "outputs": [], "source": []},
    ],
    "metadata": {"tags": ["of the notebook"]},
    "nbformat": 4,
    "nbformat_minor": 5,
}
LAYOUTS = {
    "as Jupyter writes": {"indent": 1, "ensure_ascii": False},
    "two spaces": {"indent": 2, "ensure_ascii": False},
    "tabs": {"indent": "\t", "ensure_ascii": False},
    "escaped": {"indent": 1},
    "one line": {},
    "compact": {"separators": (",", ":")},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize(
    "tags",
    [{1: ["task:a"]}, {2: ["skip"]}, {2: []}, {3: ["x", "y"]}, {4: ["x"]}, {0: ["ü"], 1: ["b"], 2: ["c"], 3: []}],
)
def test_the_file_is_what_a_dump_with_the_same_layout_gives(layout, end, tags):
    """Whatever the indentation, escapes and last newline: only the tags differ."""
    text = json.dumps(NOTEBOOK, **LAYOUTS[layout]) + end
    wanted = json.loads(text)
    for index, names in tags.items():
        metadata = wanted["cells"][index]["metadata"]
        if names or "tags" in metadata:
            metadata["tags"] = names
        if list(NOTEBOOK["cells"][index]["metadata"]) == sorted(NOTEBOOK["cells"][index]["metadata"]):
            wanted["cells"][index]["metadata"] = dict(sorted(metadata.items()))

    assert retagged(text, tags) == json.dumps(wanted, **LAYOUTS[layout]) + end


def test_numbers_and_escapes_keep_their_spelling():
    text = '{"cells": [{"metadata": {"n": 1.0e-05, "s": "\\u00e9/\\/"}}], "big": 12345678901234567890.10}'

    assert retagged(text, {0: ["a"]}) == text.replace('\\/"}', '\\/", "tags": ["a"]}')


def test_the_same_tags_leave_the_text_alone():
    text = '{"cells": [{"metadata": { "tags" :["a" ]}}]}'

    assert retagged(text, {0: ["a"]}) == text


def test_windows_line_ends_stay():
    text = json.dumps(NOTEBOOK, indent=1).replace("\n", "\r\n")

    new = retagged(text, {1: ["a"]})

    assert new.count("\n") == new.count("\r\n") > text.count("\n")


def test_a_cell_without_metadata_gets_some():
    assert json.loads(retagged('{"cells": [{"source": ""}]}', {0: ["a"]}))["cells"] == [
        {"source": "", "metadata": {"tags": ["a"]}}
    ]


def test_tagging_and_taking_back_gives_the_same_bytes(tmp_path):
    path = tmp_path / "wine.ipynb"
    path.write_bytes(EXAMPLE.read_bytes())
    path.chmod(0o640)
    index = next(
        i for i, cell in enumerate(json.loads(path.read_text())["cells"]) if cell["metadata"].get("tags") == ["skip"]
    )

    write_tags(path, {index: ["task:new"]})
    changed = path.read_bytes()
    write_tags(path, {index: ["skip"]})

    assert changed != path.read_bytes() == EXAMPLE.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["wine.ipynb"]


def test_jupytext_scripts_are_tagged_in_their_marker_lines(tmp_path):
    path = tmp_path / "a.py"
    text = '# %% [markdown]\n# # Title\n\n# %%\nx = 1\n\n# %% tags=["skip"]\ny = 2\n'
    path.write_text(text)

    write_tags(path, {1: ["task:a"], 2: []})

    assert path.read_text() == text.replace("# %%\nx", '# %% tags=["task:a"]\nx').replace(' tags=["skip"]', "")


def test_a_script_that_jupytext_would_rewrite_is_left_alone(tmp_path):
    path = tmp_path / "a.py"
    text = "x = 1\n# %%   \ny = 2\n#%%\n\n\n\nz = 3\n"
    path.write_text(text)

    with pytest.raises(
        NotebookError, match=r"cannot be retagged without changing other lines\n  Write the tags by hand"
    ):
        write_tags(path, {1: ["task:a"]})

    assert path.read_text() == text
