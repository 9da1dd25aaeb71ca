"""What promoting a run would do is known before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.config import PipelineConfig, PromoteConfig, Requirement
from nbprod.errors import NotFoundError, PromotionError
from nbprod.execution.run import run_pipeline
from nbprod.notebook.pipeline import read_pipeline
from nbprod.project import Entry, Project
from nbprod.promotion import capture as core
from nbprod.promotion.capture import capture
from nbprod.promotion.preview import preview, rehearse
from nbprod.promotion.registry import Registry
from nbprod.promotion.source import candidate

from .test_source import CELLS, write_notebook


def entry(folder: Path, **require: str) -> Entry:
    rules = PromoteConfig(require={name: Requirement(rule) for name, rule in require.items()})
    return Entry("length", folder / "length.ipynb", PipelineConfig(notebook="length.ipynb", promote=rules))


def run(folder: Path, cells: list[tuple[str, str]]) -> None:
    (folder / "data.txt").write_text("1\n2\n")
    write_notebook(folder / "length.ipynb", cells)
    run_pipeline(read_pipeline(folder / "length.ipynb"), Project(folder), name="length")


def test_it_says_what_becomes_the_service_and_whether_the_gate_is_met(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with pytest.raises(NotFoundError, match="has succeeded yet"):
        preview(project, entry(tmp_path))
    run(tmp_path, CELLS)

    good = preview(project, entry(tmp_path, score=">= 0.2"))
    assert (good.model, good.champion, good.problem) == ("length", None, None)
    assert [(check.metric, check.value, check.passed) for check in good.checks] == [("score", 0.2, True)]
    assert good.serve is not None
    assert good.serve.name == "times"
    assert good.inputs == {"factor": "train", "units": "load"}

    bad = preview(project, entry(tmp_path, score=">= 0.9", loss="<= 1"))
    assert [(check.metric, check.value, check.passed) for check in bad.checks] == [
        ("score", 0.2, False),
        ("loss", None, False),
    ]
    assert bad.problem is not None
    assert "'loss', which the run does not have" in str(bad.problem)
    assert bad.serve is not None, "what else is known is told all the same"


def test_a_notebook_that_serves_nothing_says_so(tmp_path: Path) -> None:
    run(tmp_path, CELLS[:-1])

    found = preview(Project(tmp_path), entry(tmp_path))
    assert "nothing to serve" in str(found.problem)
    assert found.serve is None


def test_a_notebook_that_fits_two_models_and_serves_neither_says_so(tmp_path: Path) -> None:
    fits = "from sklearn.linear_model import LinearRegression, Ridge\nX, y = [[1.0], [2.0]], [1.0, 2.0]\n"
    fits += "line = LinearRegression().fit(X, y)\nridge = Ridge().fit(X, y)\nprint(line.predict(X), ridge.predict(X))"
    run(tmp_path, [("task:train", fits)])

    found = preview(Project(tmp_path), entry(tmp_path))

    assert "fits 2 models (line, ridge) and does not say which is to be served" in str(found.problem)
    with pytest.raises(PromotionError, match=r"fits 2 models.*\n.*Tag a cell `serve`"):
        candidate(Project(tmp_path), entry(tmp_path), found.run)


def test_what_the_service_takes_and_answers_is_found_out_and_nothing_is_left(tmp_path: Path) -> None:
    run(tmp_path, CELLS)
    project = Project(tmp_path)
    told: list[str] = []

    found = rehearse(
        project, entry(tmp_path), preview(project, entry(tmp_path)).run, on_step=lambda step, detail: told.append(step)
    )

    assert told == ["capture"]
    (route,) = found.signature
    assert route == "predict"
    assert set(found.signature["predict"]["input"]["properties"]) == set(found.sample["predict"]["arguments"])
    assert found.sample["predict"]["answer"] is not None
    assert {value["name"] for value in found.values} == {"factor", "units"}
    assert Registry(project).versions() == []
    assert list((project.state / "scratch").iterdir()) == []


def test_a_promotion_takes_over_what_its_preview_captured_unless_anything_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, CELLS)
    project = Project(tmp_path)
    found = candidate(project, entry(tmp_path), preview(project, entry(tmp_path)).run)

    def rehearsed(name: str) -> Path:
        rehearse(project, entry(tmp_path), preview(project, entry(tmp_path)).run)
        (kept,) = (project.state / "captures").iterdir()
        return kept

    def captured_anew(name: str, **options: bool) -> bool:
        """Whether a process was started for it: only then there is its log's own moment."""
        scratch = tmp_path / name
        scratch.mkdir()
        made = capture(found, scratch, project=project, **options)
        assert made.calls[0].answer == 16.0
        return started.count(name) == 1

    started: list[str] = []
    real = core._run

    def counted(candidate: object, job: Path, scratch: Path, timeout: float) -> object:
        started.append(scratch.name)
        return real(candidate, job, scratch, timeout)

    monkeypatch.setattr(core, "_run", counted)
    rehearsed("a")
    assert not captured_anew("taken")
    assert list((project.state / "captures").iterdir()) == [], "only one promotion gets it"

    rehearsed("b")
    assert captured_anew("other-options", allow_pickle=True)
    monkeypatch.setenv("SOMETHING", "else")
    assert captured_anew("other-environment")
    monkeypatch.delenv("SOMETHING")
    (project.state / "captures" / rehearsed("c").name / "capture.json").write_text("{}")
    assert captured_anew("altered-by-hand")
