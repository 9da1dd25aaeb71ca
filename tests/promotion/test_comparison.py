"""A new model and the champion are measured on the same rows before one takes the other's place."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbprod.config import PipelineConfig
from nbprod.errors import GateError
from nbprod.project import Project
from nbprod.promotion.measures import Measure
from nbprod.promotion.promote import promote_candidate
from nbprod.promotion.registry import Registry
from nbprod.promotion.scoring import evaluate
from nbprod.promotion.version import Stage

from .handmade import Notebook

CODE = "right = sum(a == b for a, b in zip(truth, said)) / len(truth)"


def run(project: Project, limit: int, rows: range) -> Any:
    """A run of a notebook that says which numbers are large (those from 5 on are), measured on some of them."""
    notebook = Notebook(project.root, project.state / "artifacts")
    notebook.compute(
        f"limit = {limit}\nimport numpy as np\nrows = np.array([[float(x)] for x in {rows!r}])\n"
        f"truth = [x >= 5 for x in {rows!r}]",
        "limit",
    )
    notebook.define("def predict(rows):\n    return [bool(x >= limit) for x in rows[:, 0]]")
    right = sum((x >= limit) == (x >= 5) for x in rows) / len(rows)
    found = notebook.candidate("predict", "predict(rows[:2])", kept=("rows", "truth"), metrics={"right": right})
    return replace(found, measures=[Measure("right", right, CODE, (), ("said", "truth"))])


def config(**more: Any) -> PipelineConfig:
    return PipelineConfig.model_validate(
        {"notebook": "wine.ipynb", "promote": {"require": {"right": ">= 0.1"}, **more}}
    )


def test_the_champion_is_beaten_on_the_rows_kept_with_it_not_by_easier_ones(tmp_path: Path) -> None:
    project = Project(tmp_path)
    registry = Registry(project)
    first = promote_candidate(project, run(project, 4, range(10)), config())
    assert (first.metrics["right"], first.lineage["holdout"]["rows"]) == (0.9, 10)

    with pytest.raises(
        GateError, match=r"right is 0.8, wanted >= 0.9 of wine/v1 \(both on the 10 held-out rows kept with"
    ):
        promote_candidate(project, run(project, 3, range(20, 30)), config())  # perfect on rows that are easy
    assert [version.name for version in registry.versions()] == ["wine/v1"], "nothing was stored"

    second = promote_candidate(project, run(project, 3, range(20, 30)), config(), force="a test")
    (required, compared) = second.lineage["gate"]["checks"]
    assert (required["passed"], compared["passed"], second.lineage["gate"]["forced"]) == (True, False, "a test")
    assert next((event.kind, event.why) for event in second.events) == ("forced", "a test")
    assert registry.get("wine").version == 2

    scores = evaluate(first, first)
    assert (dict(scores.metrics), dict(scores.problems)) == ({"right": 0.9}, {})
    newer = evaluate(second, first, rows=[[3.0], [4.0], [6.0]], truth=[False, False, True])
    assert newer.metrics == {"right": pytest.approx(1 / 3)}

    (second.holdout / "holdout.json").write_text("{}")
    waiting = promote_candidate(project, run(project, 5, range(10)), config(approval=True))
    basis = waiting.lineage["gate"]["checks"][1]
    assert basis["basis"] == "both on the 10 held-out rows of this run"
    assert basis["wanted"] == ">= 0.8 of wine/v2", "the champion was really asked"
    assert (waiting.stage, waiting.aliases) == (Stage.WAITING, ("challenger",))
    assert registry.approve(waiting, "seen").aliases == ("champion",)

    shutil.rmtree(waiting.path)
    shutil.rmtree(waiting.holdout)
    with pytest.raises(GateError, match=r"wanted >= 1.0 of wine/v3 \(each as recorded for its own rows: .*gone"):
        promote_candidate(project, run(project, 4, range(10)), config())


def test_limits_are_measured_on_the_built_service(tmp_path: Path) -> None:
    project = Project(tmp_path)

    with pytest.raises(
        GateError,
        match=r"latency_ms is [\d.]+, wanted <= 0.0001; size_mb is [\d.]+, wanted <= 0.001.*\n.*was not released",
    ):
        promote_candidate(project, run(project, 5, range(10)), config(latency_ms=0.0001, size_mb=0.001))

    (version,) = Registry(project).versions()
    assert (version.stage, version.path.exists()) == (None, False)
    assert "latency_ms" in (version.error or "")
