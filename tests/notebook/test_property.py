"""The property that all rests on: for any notebook and any cut into tasks, the pipeline shows what one kernel shows."""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.notebook.pipeline import pipeline_of
from nbprod.notebook.reader import notebook_of
from nbprod.runtime.session import TaskValueError
from tests.notebook.making import document
from tests.notebook.random_notebooks import Made, make_notebook
from tests.notebook.replay import Refused, Replay, run_in_one_namespace


def as_document(made: Made) -> dict[str, Any]:
    return {
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


def check(made: Made, folder: Path) -> Replay:
    expected, _, error = run_in_one_namespace(made.cells)
    assert error is None
    pipeline = pipeline_of(notebook_of(as_document(made), folder / "n.ipynb"))
    assert not [d for d in pipeline.diagnostics if d.severity == "error"], (pipeline.diagnostics, made.text)
    replay = Replay(pipeline, folder)
    try:
        replay.run()
    except TaskValueError as refused:
        if "cannot be passed on" in str(refused):
            return replay  # said, not silent
        raise
    wrong = {n: (text, replay.printed.get(n)) for n, text in enumerate(expected, 1) if replay.printed.get(n) != text}
    assert not wrong, f"{wrong}\n{made.text}"
    return replay


@settings(max_examples=45, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10_000_000), st.integers(4, 30))
def test_a_pipeline_prints_what_one_namespace_prints(seed: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(make_notebook(seed, size), Path(folder))


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10_000_000), st.integers(4, 12))
def test_a_task_in_several_places_is_refused_or_right(seed: int, size: int) -> None:
    made = make_notebook(seed, size)
    rng = random.Random(seed)
    scattered = Made(made.cells, [f"t{rng.randrange(4)}" for _ in made.cells])
    with tempfile.TemporaryDirectory() as folder:
        pipeline = pipeline_of(notebook_of(as_document(scattered), Path(folder) / "n.ipynb"))
        if any(problem.severity == "error" for problem in pipeline.diagnostics):
            return
        with contextlib.suppress(Refused):
            check(scattered, Path(folder))


ONCE_WRONG = {
    "a function that travels as a value and that a call may have changed": """
        # %% task:a
        import functools
        @functools.lru_cache(maxsize=None)
        def g(x):
            c.append(x)
            return len(c)
        def h(x):
            global a
            a += 1
            return a
        a = [g, 3]
        d = c = [0]
        def g(x, n=len(c)):
            return (str(x)[:9], n)
        print(getattr(h, 'extra', None))
        # %% task:b
        f = g
        print(f(1))
    """,
    "the change reaches an alias of a name that is then bound anew": """
        # %% task:a
        e = d = [2]
        def g(x):
            y = d
            y.append(0)
            return len(y)
        # %% task:b
        print(g(1))
        # %% task:c
        d = g(1)
        # %% task:d
        print(e, d)
    """,
    "an instance of a patched class that was then defined anew": """
        # %% task:a
        class C:
            def __init__(self, v):
                self.v = v
        C.over = lambda self: (4, self.v)
        # %% task:b
        e = [C(4), 1]
        # %% task:c
        class C:
            pass
        print(e[0].over(), isinstance(e[0], C))
    """,
    "a default that is evaluated before objects that are shared later": """
        # %% task:a
        e, d = 3, [3]
        # %% task:b
        def g(x, n=len(d)):
            return n
        # %% task:c
        e = d
        # %% task:d
        print(g(1), e)
        # %% task:e
        e[0] = 2
        print(d, g(1))
    """,
    "a function that was bound to its own name": """
        # %% task:a
        k = 1
        def f(x):
            global k
            k = 5
            return k
        # %% task:b
        f = f
        # %% task:c
        b = [f, 2]
        # %% task:d
        def f(x):
            return 0
        print(b[0](1), f(1))
        # %% task:e
        print(k)
    """,
    "what lies in one artifact with a value needs its class too": """
        # %% task:a
        class C:
            def __init__(self, v):
                self.v = v
        b = c = [0]
        # %% task:b
        e = C(b)
        c[0] = 4
        # %% task:c
        e = 1
        print(b, c)
        c.append(1)
        # %% task:d
        print(b)
    """,
    "a version that may still be the older one shares its objects": """
        # %% task:a
        a = 0
        c = d = [4]
        # %% task:b
        if a:
            c = 2
        del c[0]
        # %% task:c
        print(c, d)
    """,
    "values of one artifact whose class is defined between them": """
        # %% task:a
        a = [1]
        class C:
            def __init__(self, v):
                self.v = v
        d = C(a)
        # %% task:b
        a.append(2)
        print(d.v, a)
        # %% task:c
        print(a, d.v)
    """,
    "late binding inside a value that was saved by name": """
        # %% task:a
        e = [0]
        g = lambda x: (e, x)
        # %% task:b
        h = g
        # %% task:c
        def g(x):
            return 1
        # %% task:d
        e = [1, 2]
        # %% task:e
        print(h(0), g(0))
    """,
}


@pytest.mark.parametrize("text", ONCE_WRONG.values(), ids=ONCE_WRONG)
def test_notebooks_that_once_went_wrong(text: str, tmp_path: Path) -> None:
    parsed = document(text)["cells"]
    check(Made([cell["source"] for cell in parsed], [cell["metadata"]["tags"][0][5:] for cell in parsed]), tmp_path)


CARRIED = {
    "a definition that replaces another": """
        # %% task:a
        def f():
            return 1
        x = f()
        # %% imports
        def f():
            return 2
        # %%
        print(x, f())
        # %% task:b
        print(x, f())
    """,
    "two cells of definitions, one above the task and one inside it": """
        # %% imports
        def f():
            return 1
        # %% task:a
        x = f()
        # %% imports
        def f():
            return 2
        # %%
        print(x, f())
    """,
    "an import under a name that stood for another module": """
        # %% task:a
        import math as m
        x = m.floor(2.5)
        # %% imports
        import cmath as m
        # %%
        print(x, m.sqrt(-1))
    """,
    "a default that is computed above it": """
        # %% task:a
        rows = [1, 2]
        # %% imports
        def f(n=len(rows)):
            return n
        # %%
        print(f())
        # %% task:b
        print(f())
    """,
    "a parameter that was something else before": """
        # %% task:a
        n = 1
        print(n)
        # %% parameters
        n = 2
        # %%
        print(n)
    """,
    "a parameter that is looked for before": """
        # %% task:a
        try:
            print(n)
        except NameError:
            print('none')
        print(sorted(name for name in globals() if name == 'm'))
        # %% parameters
        n = 2
        m = 2
        # %%
        print(n, m)
        # %% task:b
        print(n, m)
    """,
}


@pytest.mark.parametrize("text", CARRIED.values(), ids=CARRIED)
def test_what_is_carried_out_of_the_middle_of_a_task_is_executed_in_its_place(text: str, tmp_path: Path) -> None:
    cells = document(text)["cells"]
    pipeline = pipeline_of(notebook_of(document(text), tmp_path / "n.ipynb"))
    replay = Replay(pipeline, tmp_path)

    replay.run()

    expected, _, error = run_in_one_namespace([cell["source"] for cell in cells])
    assert error is None
    assert {n: text for n, text in enumerate(expected, 1) if text} == {n: t for n, t in replay.printed.items() if t}
