"""`suggest`: tags proposed for a notebook without any, or with a few."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.notebook.pipeline import pipeline_of
from nbprod.notebook.reader import notebook_of, read_notebook
from nbprod.notebook.suggest import Suggestion, suggest
from nbprod.runtime.result import TaskValueError
from tests.notebook.random_notebooks import make_notebook
from tests.notebook.replay import Replay, run_in_one_namespace
from tests.notebook.test_property import as_document
from tests.notebook.written import EXAMPLES, errors, notebook, retagged, roles, stripped, style, tasks


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
        assert time.monotonic() - begun < 20  # it takes about 0.1 s
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


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10_000_000), st.integers(4, 30))
def test_a_proposal_computes_what_one_namespace_computes(seed: int, size: int) -> None:
    made = make_notebook(seed, size)
    expected, _, _ = run_in_one_namespace(made.cells)
    with tempfile.TemporaryDirectory() as folder:
        notebook = stripped(notebook_of(as_document(made), Path(folder) / "n.ipynb"))
        pipeline = retagged(notebook, suggest(notebook))
        replay = Replay(pipeline, Path(folder))
        try:
            replay.run()
        except TaskValueError as refused:
            if "cannot be passed on" in str(refused):
                return  # said, not silent
            raise
    ran = {cell.number for task in pipeline.tasks.values() for cell in task.cells}
    assert {n: replay.printed.get(n) for n in ran} == {n: expected[n - 1] for n in ran}, made.text
