"""The report is the author's notebook with what its cells gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprod.execution.report import report_html
from tests.execution.pipelines import Work, printed, states


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    work = Work(
        tmp_path_factory.mktemp("report"),
        ("parameters", "n = 2"),
        ("task:a", "x = n * 10\nx"),
        ("skip", "print('never')"),
        ("task:b", "print('b has', x)\nx + 1"),
    )
    before = (work.folder / "nb.ipynb").read_bytes()
    work.result = work.run(parameters={"n": 3})  # type: ignore[attr-defined]
    assert (work.folder / "nb.ipynb").read_bytes() == before
    return work


def test_cells_stand_in_the_authors_order_with_their_outputs_and_counts(work: Work) -> None:
    nb = json.loads(work.result.notebook.read_text())  # type: ignore[attr-defined]

    assert [("".join(cell["source"]), cell["execution_count"]) for cell in nb["cells"]] == [
        ("n = 2", 1),
        ("n = 3", None),
        ("x = n * 10\nx", 2),
        ("print('never')", None),
        ("print('b has', x)\nx + 1", 3),
    ]
    assert nb["cells"][2]["outputs"][0]["data"]["text/plain"] == ["30"]
    assert [output["execution_count"] for output in nb["cells"][4]["outputs"] if "data" in output] == [3]


def test_cells_with_other_ids_show_what_their_code_gave(tmp_path: Path) -> None:
    work = Work(tmp_path, ("task:a", "print('hello')"), ("task:b", "print('hello')"))
    assert printed(work.run(workers=1)) == "hello\n" * 2

    document = json.loads((tmp_path / "nb.ipynb").read_text())
    for cell in document["cells"]:
        cell["id"] = f"pasted-{cell['id']}"
    (tmp_path / "nb.ipynb").write_text(json.dumps(document))
    again = work.run()

    assert states(again) == {"a": "cached", "b": "cached"}
    assert printed(again) == "hello\n" * 2


def test_the_html_shows_the_outputs_and_is_made_once(work: Work) -> None:
    path = report_html(work.project, work.result.id[-4:])  # type: ignore[attr-defined]

    assert "b has 30" in path.read_text()
    made = path.stat().st_mtime_ns
    assert report_html(work.project, work.result.id) == path  # type: ignore[attr-defined]
    assert path.stat().st_mtime_ns == made
