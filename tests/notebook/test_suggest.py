"""`suggest`: tags proposed for a notebook without any, or with a few."""

from __future__ import annotations

import time
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


def style(name: str) -> Notebook:
    return notebook((STYLES / f"{name}.txt").read_text())


WANTED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    # headings with numbers; a cell of boilerplate before the first; looks at the data between the steps; settings in the middle
    "kaggle": (
        {
            "setup": "c1",
            "load-data": "c3",
            "data-cleaning": "c10 c11",
            "feature-engineering": "c13 c14 c15",
            "modelling": "c17 c18 c19",
            "submission": "c20",
        },
        {
            "c2": "imports",
            **dict.fromkeys("c4 c5 c6 c7 c8 c9 c12".split(), "skip"),
            "c16": "parameters",
            "c18": "metrics",
        },
    ),
    # two models, trained and measured in turn; a package that is installed; a seed
    "without_headings": (
        {
            "load": "c4 c5",
            "prepare": "c7 c8 c9 c10",
            "train": "c11",
            "evaluate": "c12",
            "train-forest": "c13",
            "evaluate-forest": "c14 c15 c16",
        },
        {
            "c1": "skip",
            "c2": "imports",
            "c3": "parameters",
            "c6": "skip",
            "c12": "metrics",
            "c14": "metrics",
            "c16": "serve",
        },
    ),
    # the network and its optimizer belong to the loop that trains them
    "torch": ({"setup": "c1", "data": "c3", "train": "c4 c5 c6", "test": "c7 c8 c9"}, {"c2": "parameters"}),
    # lines in bold for headings; settings among the imports; an HTML title
    "bold_headings": (
        {"read-data": "c2 c3", "build-network": "c4 c5 c6", "evaluation": "c7 c9"},
        {"c1": "parameters", "c7": "metrics", "c8": "skip"},
    ),
    # everything is a function of the notebook, under a heading of their own
    "functions_first": (
        {"load": "c7", "clean": "c8", "train": "c9", "evaluate": "c10"},
        {**dict.fromkeys("c1 c2 c3 c4 c5".split(), "imports"), "c6": "parameters", "c10": "metrics"},
    ),
    # nothing that any library does: cut where one value crosses, and not between `counts` and the loop that fills it
    "plain_python": ({"counts": "c1 c2 c3 c4", "shares": "c5 c6 c7 c8"}, {}),
    "only_functions": ({"functions": "c2 c3 c4"}, {"c1": "imports"}),
    "one_cell": ({"train": "c1"}, {}),
    "headings_without_code": ({"method": "c1 c2", "results": "c3"}, {}),
    "syntax_error": ({"load": "c1", "use": "c2 c3"}, {}),
}


@pytest.mark.parametrize("name", WANTED)
def test_notebooks_of_many_styles(name: str) -> None:
    made = style(name)

    found = suggest(made)

    assert (tasks(found), roles(found)) == WANTED[name]
    assert errors(retagged(made, found)) <= errors(pipeline_of(made))
    assert set(found.reasons) == set(found.tags)


def test_what_is_tagged_stays_and_only_what_is_missing_is_proposed() -> None:
    made = style("partly_tagged")

    found = suggest(made)

    assert tasks(found) == {"load": "c3", "clean": "c4", "fit": "c5", "evaluate": "c6"}
    assert found.tags == {"c4": ("task:clean",), "c6": ("keep", "task:evaluate", "metrics")}
    assert found.tasks[0].why == "tagged already; gives df to clean"
    assert found.tasks[1].why == "heading 'Clean'; gives df to fit, evaluate"


def test_cells_without_a_task_before_the_first_tag_get_one() -> None:
    made = notebook("""
# %%
import pandas as pd
# %%
df = pd.read_csv("a.csv")
# %% task:load
other = df.a.sum()
""")

    found = suggest(made)

    assert tasks(found) == {"load-2": "c2", "load": "c3"}
    assert found.tags == {"c1": ("imports",), "c2": ("task:load-2",)}


def test_long_notebooks_get_a_sensible_number_of_tasks_in_no_time() -> None:
    cells = ["import math"]
    for number in range(200):
        call = f"f{number - number % 5}({number})"
        cells.append(f"def f{number}(x):\n    return x + {number}" if number % 5 == 0 else f"v{number} = [{call}]")
    plain = notebook("\n".join(f"# %%\n{cell}" for cell in cells))
    headings = {n: f"# %% md\n## Part {n}\n" for n in range(0, 200, 10)}
    headed = notebook("\n".join(f"{headings.get(n, '')}# %%\n{cell}" for n, cell in enumerate(cells)))

    for made in (plain, headed):
        begun = time.monotonic()
        found = suggest(made)
        assert time.monotonic() - begun < 2  # it takes about 0.1 s
        assert 4 <= len(found.tasks) <= 8
        assert all(len(task.cells) >= 5 for task in found.tasks)


def test_a_boundary_that_would_break_the_notebook_is_taken_back() -> None:
    """`_` is the output of another cell: it does not cross tasks, and no cell may be left out."""
    made = notebook("""
# %% md
## Load
# %%
import pandas as pd
df = pd.read_csv("a.csv")
df.a.sum()
# %% md
## Use
# %%
total = _ + 1
# %%
df.head()
# %% md
## Show
# %%
print(total)
""")

    found = suggest(made)

    assert tasks(found) == {"load": "c1 c2 c3", "show": "c4"}


def test_a_value_that_no_artifact_can_hold_stays_with_its_users() -> None:
    made = notebook("""
# %% md
# Read
# %%
file = open("a.txt")
rows = (line.split() for line in file)
# %% md
# Count
# %%
total = sum(len(row) for row in rows)
# %% md
# Show
# %%
print(total)
""")

    assert tasks(suggest(made)) == {"read": "c1 c2", "show": "c3"}


@pytest.mark.parametrize(
    ("cell", "later", "role"),
    [
        ("n = 3\nname = 'x'", "print(n, name)", "parameters"),
        ("rate: float = 0.1", "print(rate)", "parameters"),
        ("n = 3", "n = n + 1\nprint(n)", None),  # set anew: a value given to a run would not last
        ("n = 3", "print(1)", None),  # nobody reads it
        ("n = 3 * 2", "print(n)", None),
        ("n = 3\nm = len('ab')", "print(n, m)", None),
        ("rows = [1, 2]", "rows.append(3)\nprint(rows)", None),
        ("query = '''select a\nfrom b'''", "print(query)", None),
    ],
)
def test_parameters_are_settings_that_are_set_once_and_read(cell: str, later: str, role: str | None) -> None:
    found = suggest(notebook(f"# %%\n{cell}\n# %%\n{later}\n# %%\nprint('end')"))

    assert roles(found).get("c1") == role


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("acc = accuracy_score(y, p)\nprint(acc)", {"acc"}),
        ("scores = cross_val_score(m, X, y)", set()),  # an array
        ("score = cross_val_score(m, X, y).mean()", {"score"}),
        ("p = m.predict(X)\nacc = accuracy_score(y, p)", set()),  # `p` would be a metric too, and is no number
        ("acc = (m.predict(X) == y).mean()", {"acc"}),
        ("mape = (abs(p - y) / y).mean() * 100", {"mape"}),
        ("rmse = np.sqrt(np.mean((y - p) ** 2))", {"rmse"}),
        ("center = (y - p).mean()", set()),  # a mean, but no metric
        ("mae = (y - p).mean(axis=0)", set()),
        ("report = classification_report(y, y)", set()),
        ("f = f1_score(y, y, average=None)", set()),  # one for each class
        ("r2 = round(m.score(X, y), 3)\ngain = r2 - 0.5", {"r2", "gain"}),
        ("loss, acc = m.evaluate(X, y)", {"loss", "acc"}),
        ("total = 1 + 2", set()),
        ("cm = confusion_matrix(y, y)", set()),
    ],
)
def test_metrics_are_numbers_that_metric_functions_give(cell: str, names: set[str]) -> None:
    made = notebook(f"""
# %%
import numpy as np
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score
from sklearn.model_selection import cross_val_score
from sklearn.linear_model import LogisticRegression
# %%
X, y, p = [[1], [2]], [0, 1], [0, 1]
m = LogisticRegression().fit(X, y)
# %%
{cell}
""")

    assert set(retagged(made, suggest(made)).metrics) == names


@pytest.mark.parametrize(
    ("function", "served"),
    [
        ("def ask(rows):\n    clean = rows * 2\n    return m.predict(clean)", True),
        ("def ask(rows):\n    print(m.predict(rows))", False),  # it returns nothing
        (
            "def measure(level):\n    return (m.predict(X) > level).mean()",
            False,
        ),  # it asks about the notebook's own data
        ("def ask(model, rows):\n    return model.predict(rows)", False),  # any model
        ("def double(x):\n    return 2 * x", False),
    ],
)
def test_served_is_a_function_that_asks_the_fitted_model_what_it_is_given(function: str, served: bool) -> None:
    made = notebook(f"# %%\nX, y = load()\nm = make()\nm.fit(X, y)\n# %%\n{function}\n# %%\nprint(X)")

    assert (roles(suggest(made)).get("c2") == "serve") is served


@pytest.mark.parametrize(
    ("cell", "skipped"),
    [
        ("df.head()", True),
        ("df", True),
        ("print(df.shape)\ndf.info()", True),
        ("counts = df.a.value_counts()\nplt.bar(counts.index, counts)\nplt.show()", True),
        ("df.a.hist()\nplt.savefig('a.png')", False),  # it leaves a file
        ("df.to_csv('b.csv')", False),
        ("df.sample(3)", False),  # after a seed, what it draws changes what later cells draw
        ("assert df.shape[0] > 3", False),
        ("df.head()\nk = 3", False),  # `k` is read later
        ("df['b'] = 1\ndf.head()", False),
        ("print(total)", False),  # a result
    ],
)
def test_skipped_is_what_only_looks_at_data(cell: str, skipped: bool) -> None:
    made = notebook(f"""
# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
# %%
np.random.seed(1)
df = pd.read_csv("a.csv")
k = 2
# %%
total = df.a.sum() + np.random.rand()
# %%
{cell}
# %%
print(df.b.sum() + np.random.rand() + k)
""")

    assert (roles(suggest(made)).get("c4") == "skip") is skipped


def test_foreign_tags_are_kept_in_their_order() -> None:
    made = notebook("# %% hide-input mine\nimport os\n# %% b a\nx = [1]\nprint(x)")

    assert suggest(made).tags == {"c1": ("hide-input", "mine", "imports"), "c2": ("b", "a", "task:x")}


def test_a_notebook_of_another_language_gets_nothing() -> None:
    assert suggest(replace(notebook("# %%\nx <- 1"), language="r")) == Suggestion((), {})


def test_a_notebook_without_work_gets_nothing() -> None:
    assert suggest(notebook("# %% skip\nx = 1")) == Suggestion((), {})


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
