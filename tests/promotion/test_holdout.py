"""Held-out rows are found by the notebook's own metrics, and models are measured on them again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.notebook.pipeline import read_pipeline
from nbprod.promotion.holdout import Holdout, Unknown, find, freeze
from nbprod.promotion.measures import measures

from .test_source import write_notebook

IMPORT = "from sklearn.metrics import accuracy_score, mean_absolute_error"
RNG = np.random.default_rng(0)
X = pd.DataFrame({"a": RNG.normal(size=60), "b": RNG.normal(size=60)})
TRUTH = (X["a"] + RNG.normal(scale=0.7, size=60) > 0).astype(int)
NAMES = ["no", "yes"]


def measure(metric: str, code: str, value: float, *names: str) -> dict[str, Any]:
    return {"metric": metric, "value": value, "code": code, "definitions": [IMPORT], "names": list(names)}


ACCURACY = float(((X["a"] > 0).astype(int) == TRUTH).mean())


def accuracy(value: float = ACCURACY) -> dict[str, Any]:
    return measure("accuracy", "accuracy = accuracy_score(y_test, predicted)", value, "predicted", "y_test")


def found(ask: Callable[[Any], Any], *wanted: dict[str, Any], **values: Any) -> Any:
    kept = {"y_test": TRUTH, **values}
    return find(wanted, iter([("X_test", X)]), kept.__getitem__, lambda route, rows: ask(rows), ["predict"])


ANSWERS = {
    "labels": lambda rows: (rows["a"] > 0).astype(int).to_numpy(),
    "words": lambda rows: [NAMES[int(a > 0)] for a in rows["a"]],
    "a column of a table": lambda rows: pd.DataFrame({"p": rows["a"], "class": [NAMES[int(a > 0)] for a in rows["a"]]}),
    "dicts": lambda rows: [{"class": int(a > 0), "p": a} for a in rows["a"]],
    "chances": lambda rows: np.stack([-rows["a"], rows["a"]], axis=1),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_part_of_the_answer_that_gives_the_recorded_metric_is_found_and_measures_other_models(
    kind: str, tmp_path: Path
) -> None:
    name, rows, recipes, missing = found(ANSWERS[kind], accuracy())
    told = freeze(tmp_path / "rows", name, rows, recipes, {"y_test": TRUTH}.__getitem__)

    kept = Holdout.read(tmp_path / "rows")

    assert (missing, told["rows"], told["metrics"]) == ({}, 60, {"accuracy": ACCURACY})
    metrics, problems = kept.score(lambda route, rows: ANSWERS[kind](rows))
    assert (metrics, problems) == ({"accuracy": pytest.approx(ACCURACY)}, {})
    worse = kept.score(lambda route, rows: ANSWERS[kind](rows.assign(a=-rows["a"])))[0]
    assert worse == {"accuracy": pytest.approx(1 - ACCURACY)}


def test_a_metric_that_the_answers_do_not_give_again_is_not_kept() -> None:
    loss = measure("loss", "loss = mean_absolute_error(y_test, chances)", 0.123, "chances", "y_test")

    _, _, recipes, missing = found(ANSWERS["labels"], accuracy(), loss)

    assert [one.metric for one in recipes] == ["accuracy"]
    assert missing == {"loss": "no part of the answers gives loss = 0.123 again"}
    with pytest.raises(Unknown, match=r"no part of the answers gives accuracy"):
        found(ANSWERS["labels"], accuracy(0.111))
    two = measure("score", "score = accuracy_score(a, b)", 0.5, "a", "b")
    with pytest.raises(Unknown, match="computed from a, b, which the run did not keep"):
        found(ANSWERS["labels"], two)


def test_a_model_that_says_a_label_nobody_knows_is_not_measured(tmp_path: Path) -> None:
    name, rows, recipes, _ = found(ANSWERS["words"], accuracy())
    freeze(tmp_path / "rows", name, rows, recipes, {"y_test": TRUTH}.__getitem__)
    kept = Holdout.read(tmp_path / "rows")

    metrics, problems = kept.score(lambda route, rows: ["maybe"] * len(rows))

    assert metrics == {}
    assert "has the label 'maybe'" in problems["accuracy"] or "have the label 'maybe'" in problems["accuracy"]
    assert "KeyError" in kept.score(lambda route, rows: rows["c"])[1]["accuracy"]


def test_newer_rows_with_their_answers_are_measured_the_same_way(tmp_path: Path) -> None:
    name, rows, recipes, _ = found(ANSWERS["words"], accuracy())
    freeze(tmp_path / "rows", name, rows, recipes, {"y_test": TRUTH}.__getitem__)
    newer = X.iloc[:10]

    for truth in ([NAMES[int(a > 0)] for a in newer["a"]], [int(a > 0) for a in newer["a"]]):
        window = Holdout.read(tmp_path / "rows").with_rows(newer, truth)
        assert window.score(lambda route, rows: ANSWERS["words"](rows))[0] == {"accuracy": 1.0}


def test_how_metrics_are_computed_is_read_from_their_cell_with_what_it_needs(tmp_path: Path) -> None:
    cells = [
        ("task:load", "truth = [1, 0, 1]\nbaseline = 2.0"),
        ("task:train", "def half(x):\n    return x / two\n\ntwo = 2\nanswers = [1, 1, 1]"),
        (
            "metrics",
            "from statistics import fmean\nright = fmean(a == b for a, b in zip(truth, answers))\n"
            "gain = half(1 - right / baseline)\nprint(gain)",
        ),
    ]
    write_notebook(tmp_path / "n.ipynb", cells)
    graph = read_pipeline(tmp_path / "n.ipynb").resolve()

    right, gain = sorted(measures(graph, {"right": 2 / 3, "gain": 0.3}), key=lambda one: one.metric, reverse=True)

    assert right.code == "right = fmean((a == b for a, b in zip(truth, answers)))"
    assert {"truth", "answers"} <= set(right.names)
    assert gain.code.splitlines()[-1] == "gain = half(1 - right / baseline)"
    assert "print" not in gain.code
