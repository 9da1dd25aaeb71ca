"""Open documents as pipelines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.server.analysis import analysis_of
from nbprod.server.models import Analysis, CellSource, Document
from nbprod.server.place import place_of
from tests.server.live import Live, write_notebook

Analyse = Callable[..., Analysis]
CHAIN = (
    ("parameters", "depth = 3\nsizes = (1, 2)"),
    ("imports", "import math"),
    ("task:load", "rows = list(range(depth))"),
    ("task:train", "model = [math.sqrt(row) for row in rows]"),
    ("task:score after:load metrics", "total = float(sum(model))"),
    ("skip", "1/0"),
    ("serve", "def predict(x: float) -> float:\n    return model[0] * x"),
)


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    def call(*cells: tuple[str, str] | str, path: str = "a.ipynb", **more: Any) -> Analysis:
        made = [("", cell) if isinstance(cell, str) else cell for cell in cells]
        sources = [CellSource(id=f"c{n}", source=source, tags=tags.split()) for n, (tags, source) in enumerate(made, 1)]
        return analysis_of(place_of(tmp_path.resolve(), path), Document(path=path, cells=sources, **more))

    return call


def test_a_document_is_tasks_with_what_passes_between_them(analyse: Analyse) -> None:
    found = analyse(*CHAIN)

    assert [(task.name, task.upstream, task.inputs, task.parameters, task.metrics) for task in found.tasks] == [
        ("load", [], {}, ["depth"], []),
        ("train", ["load"], {"rows": "load"}, [], []),
        ("score", ["load", "train"], {"model": "train"}, [], ["total"]),
    ]
    assert [(edge.source, edge.target, edge.variables) for edge in found.edges] == [
        ("load", "train", ["rows"]),
        ("load", "score", []),
        ("train", "score", ["model"]),
    ]
    assert [(one.id, one.task, one.starts, one.roles) for one in found.cells] == [
        ("c1", None, False, ["parameters"]),
        ("c2", None, False, ["imports"]),
        ("c3", "load", True, []),
        ("c4", "train", True, []),
        ("c5", "score", True, ["metrics"]),
        ("c6", None, False, ["skip"]),
        ("c7", "score", False, ["serve"]),
    ]
    assert [(one.name, one.type, one.default) for one in found.parameters] == [
        ("depth", "int", 3),
        ("sizes", "tuple", [1, 2]),
    ]
    assert found.metrics == ["total"]
    assert found.serve is not None
    assert (found.serve.name, found.serve.kind, found.serve.inputs) == ("predict", "function", {"model": "train"})
    assert (found.pipeline, found.listed, found.tagged, found.root) == ("a", False, True, "")


def test_what_pipelines_yaml_says_is_part_of_it(analyse: Analyse, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pipelines.yaml").write_text("""\
pipelines:
  wine:
    notebook: a.ipynb
    parameters: {depth: 7}
    sweep: {search: random, trials: 9, parallel: 2, optimize: {total: minimize}, space: {depth: {low: 1, high: 9}}}
    promote: {require: {total: "<= 3"}}
""")
    found = analyse(*CHAIN, path="p/a.ipynb")

    assert (found.pipeline, found.listed, found.root) == ("wine", True, "p")
    assert found.parameters[0].value == 7
    assert found.parameters[0].space == {"low": 1, "high": 9, "log": False}
    assert found.sweep.model_dump() == {
        "search": "random",
        "trials": 9,
        "parallel": 2,
        "metric": "total",
        "direction": "minimize",
    }
    assert found.require == {"total": "<= 3.0"}


def test_a_broken_pipelines_yaml_is_told_with_its_line_and_the_rest_works(analyse: Analyse, tmp_path: Path) -> None:
    path = tmp_path / "pipelines.yaml"
    path.write_text("pipelines:\n  wine:\n    notebok: a.ipynb\n")
    found = analyse(*CHAIN)

    assert found.config_problem is not None
    assert (found.config_problem.file, found.config_problem.line) == ("pipelines.yaml", 3)
    assert "notebok" in found.config_problem.message
    assert len(found.tasks) == 3

    path.write_text("pipelines:\n  wine:\n    notebook: a.ipynb\n")
    assert analyse(*CHAIN).config_problem is None, "as soon as it is mended"


def test_what_does_not_agree_with_pipelines_yaml_is_a_problem(analyse: Analyse, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text("pipelines: {a: {notebook: a.ipynb, parameters: {deth: 7}}}")

    (problem,) = [one for one in analyse(*CHAIN).diagnostics if one.code == "config-parameter"]
    assert "deth" in problem.message


def test_problems_name_the_cell_and_carry_their_fix(analyse: Analyse) -> None:
    found = analyse(("task:a", "x = 1\ny = (\n"), ("tsk:b", "z = 1"))

    assert [(one.code, one.severity, one.cell, one.number, one.line) for one in found.diagnostics][:1] == [
        ("syntax", "error", "c1", 1, 2)
    ]
    (fix,) = [one.fix for one in found.diagnostics if one.fix is not None]
    assert (fix.cell, fix.tags) == ("c2", ["task:b"])


@pytest.mark.parametrize("cells", [(), ("",), ("  \n",)])
def test_a_notebook_without_code_is_no_failure(analyse: Analyse, cells: tuple[str, ...]) -> None:
    found = analyse(*cells)

    assert found.tasks == []
    assert [one.code for one in found.diagnostics] == ["notebook"]


def test_an_untagged_notebook_is_one_task(analyse: Analyse) -> None:
    found = analyse("x = 1", "y = x")

    assert not found.tagged
    assert [task.cells for task in found.tasks] == [["c1", "c2"]]


def test_a_kernel_of_another_language_is_told(analyse: Analyse) -> None:
    found = analyse(("task:a", "x <- 1"), kernel="ir", language="R")

    assert "kernel-language" in [one.code for one in found.diagnostics]


def test_code_changes_with_what_runs_and_not_with_its_layout(analyse: Analyse) -> None:
    one, other, third = (analyse(("task:a", source)).tasks[0].code for source in ("x = 1", "x=1 # one", "x = 2"))

    assert one == other != third


def test_what_runs_have_taught_is_known(live: Live) -> None:
    from tests.server.live import document

    path = write_notebook(
        live.root / "taught" / "a.ipynb",
        ("task:make", "rows = [1]\ndef add(f, x):\n    f(x)"),
        ("task:change", "getattr(rows, 'app' + 'end')(2)"),
        ("task:use", "print(rows)"),
    )
    before = live.good("POST", "analyse", document(path, live.root))
    live.ended(live.good("POST", "runs", {"path": "taught/a.ipynb"})["id"])
    after = live.good("POST", "analyse", document(path, live.root))

    def use(found: dict[str, Any]) -> Any:
        return next(task["inputs"] for task in found["tasks"] if task["name"] == "use")

    assert use(before) == {"rows": "make"}
    assert use(after) == {"rows": "change"}


def large(cells: int) -> list[tuple[str, str]]:
    body = "import math\n\n\ndef f{n}(x):\n    return math.sqrt(x) + {m}\n\n\nv{n} = [f{n}(i) for i in range({n})] + v{b}\nprint(len(v{n}))"
    return [("task:t0", "v0 = [1]")] + [
        (f"task:t{n // 5}" if n % 5 == 0 else "", body.format(n=n, m=n * 3, b=max(0, n - 7))) for n in range(1, cells)
    ]


def test_two_hundred_cells_are_analysed_in_the_time_of_a_glance(analyse: Analyse) -> None:
    cells = large(200)
    analyse(*cells)
    seconds = []
    for change in range(5):
        cells[100] = (cells[100][0], cells[100][1] + f"\nchanged = {change}")
        began = time.perf_counter()
        found = analyse(*cells)
        seconds.append(time.perf_counter() - began)

    assert len(found.tasks) == 40
    assert min(seconds) < 2  # it takes about 0.1 s


def test_documents_are_analysed_from_many_threads(analyse: Analyse) -> None:
    cells = large(40)
    expected = analyse(*cells)
    found: list[Analysis] = []
    threads = [threading.Thread(target=lambda: found.append(analyse(*cells))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 8
