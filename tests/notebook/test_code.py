"""`Node.code`: what makes a task another task, and what does not."""

from __future__ import annotations

import pytest

from tests.notebook.making import graph

BASE = """
# %%
import os
def helper(x):
    return x + 1
# %% task:a
data = [1, 2]
# %% task:b
total = helper(sum(data))
if total > 1:
    print(total)
# %% task:c
print(os.sep)
"""


def code(text: str, task: str = "b") -> str:
    return graph(text).nodes[task].code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total = helper(sum(data))", "total = helper(  sum( data ) )  # sums"),
        ("total = helper(sum(data))\n", "# why\n\n\ntotal = helper(sum(data))\n"),
        ("total = helper(sum(data))\n", "total = helper(sum(data))\n# %%\n"),
        ("    print(total)", "        print(total)"),
        ("# %% task:c", "# %%\n# only words\n# %% task:c"),
        ("import os", "import sys\nimport os\ndef unrelated():\n    return sys"),
        ("data = [1, 2]", "data = [1, 2, 3]"),
        ("print(os.sep)", "print(os.linesep)"),
        ("# %% task:a\n", "# %% task:z\nother = 1\n# %% task:a\n"),
        ("# %% task:a\n", "# %% task:renamed\n"),
        ("return x + 1", "return (x +\n            1)"),
    ],
)
def test_what_does_not_change_a_tasks_code(old, new):
    assert old in BASE
    assert code(BASE.replace(old, new)) == code(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x + 1", "return x + 2"),
        ("if total > 1", "if total > 2"),
        ("# %% task:c\n", "print(total)\n# %% task:c\n"),
        ("helper(sum(data))", "sum(data)"),
    ],
)
def test_what_changes_it(old, new):
    assert code(BASE.replace(old, new)) != code(BASE)


def test_the_order_of_independent_tasks_does_not_matter():
    one = "# %% task:a\nx = 1\n"
    two = "# %% task:b\ny = 2\n"
    last = "# %% task:c\nprint(x, y)\n"
    assert code(one + two + last, "c") == code(two + one + last, "c")
    assert code(one + two + last, "a") == code(two + one + last, "a")


def test_magics_and_opaque_cells_are_part_of_it():
    assert code("# %% task:b\n%%bash\nls") != code("# %% task:b\n%%bash\nls -l")
    assert code("# %% task:b\n!ls") != code("# %% task:b\n!ls -l")
    assert code("# %% task:b\n%%time\nx = 1") == code("# %% task:b\n%%time\nx  =  1")


def test_the_modules_that_a_task_imports():
    made = graph(
        "# %%\nimport numpy.linalg as la\nfrom sklearn.svm import SVC\nimport json\n# %% task:a\nimport os.path\nprint(la, SVC, os)\n# %% task:b\njson.loads('1')"
    )
    assert made.nodes["a"].imports == ("numpy", "os", "sklearn")
    assert made.nodes["b"].imports == ("json",)
