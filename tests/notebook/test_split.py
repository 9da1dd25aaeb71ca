"""Tasks whose cells stand in several places."""

from __future__ import annotations

import pytest

from tests.notebook.making import errors, graph, pipeline


@pytest.mark.parametrize(
    "text",
    [
        "# %% task:a\nx=1\n# %% task:b\ny=1\n# %% task:a\nprint(x)",
        "# %% task:a\nx=1\n# %% task:b\nprint(x)\n# %% task:a\nz=2",
        "# %%\nimport os\n# %% task:a\nprint(os)\n# %% task:b\ndef f(): return 1\n# %% task:a\nf()",
        "# %% task:s\nx=1\n# %% task:a\nprint(x)\n# %% task:b\nprint(x)\n# %% task:a\nprint(x)",
        "# %% task:a\nx=1\n# %% task:b\ny=2\n# %% task:a\nprint(y, x)",
    ],
)
def test_a_task_in_several_places_is_fine_where_nothing_differs(text):
    assert graph(text)


@pytest.mark.parametrize(
    ("text", "name", "cells"),
    [
        # b sets x between the pieces, and the second piece reads it
        ("# %% task:a\nx=1\n# %% task:b\nx=2\n# %% task:a\nprint(x)", "x", "1, 2 and 3"),
        # b reads x before the second piece changes it
        ("# %% task:a\nx=[]\n# %% task:b\nprint(x)\n# %% task:a\nx.append(1)", "x", "1, 2 and 3"),
        ("# %% task:a\nx=1\n# %% task:b\nprint(x)\n# %% task:a\nx=2", "x", "1, 2 and 3"),
        # the first piece looks for x before b sets it
        (
            "# %% task:a\ntry:\n    x\nexcept NameError:\n    print(0)\n# %% task:b\nx=1\n# %% task:a\nprint(x)",
            "x",
            "1, 2 and 3",
        ),
        ("# %% task:a\nprint(dir())\n# %% task:b\nx=1\n# %% task:a\nprint(x)", "x", "1, 2 and 3"),
        # the pieces see two versions of x
        ("# %% task:s\nx=1\n# %% task:a\nprint(x)\n# %% task:b\nx=2\n# %% task:a\nprint(x)", "x", "1, 3 and 4"),
        (
            "# %% task:s\nx=[]\n# %% task:a\nprint(x)\n# %% task:b\nx.append(2)\n# %% task:a\nprint(x)",
            "x",
            "1, 3 and 4",
        ),
    ],
)
def test_a_task_in_several_places_that_would_see_or_leave_another_version_is_an_error(text, name, cells):
    found = [d for d in errors(pipeline(text)) if d.code == "task-split"]
    assert found
    assert f"{name!r}" in found[0].message
    assert f"(cells {cells})" in found[0].message
    assert found[0].task == "a"


def test_pieces_that_wait_for_each_other_are_an_error():
    made = pipeline("# %% task:a\nx=1\n# %% task:b\ny=x\n# %% task:a\nprint(y)")
    (problem,) = errors(made)
    assert problem.code == "task-split"
    assert "wait for each other" in problem.message
