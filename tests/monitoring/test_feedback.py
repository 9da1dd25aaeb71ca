"""Feedback joined to predictions, and the live metrics of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nbprod.config import Requirement
from nbprod.monitoring.feedback import Feedback, Labelled, labelled
from nbprod.monitoring.log import PredictionLog, Tail
from nbprod.monitoring.scores import answer_column, known, scores

from .conftest import answer, table


def rows_of(truth, guess, column="predict"):
    count = len(truth)
    return Labelled([{}] * count, [{column: item} for item in guess], list(truth), [0.0] * count, [("", 0)] * count)


def feedback(scene, *lines):
    with (scene.log / "feedback-9.jsonl").open("a") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)


def test_labels_find_their_rows_by_id_and_row(scene):
    first, second = scene.ask(table(4), batch=2)
    feedback(
        scene,
        {"ts": 1, "id": first, "row": 1, "label": "warm"},
        {"ts": 1, "id": second, "label": ["cool", "warm"]},
        {"ts": 1, "id": "who", "label": "cool"},
        {"ts": 2, "id": first, "row": 1, "label": "cool"},
        {"ts": 2, "row": 1},
    )

    found = labelled(PredictionLog(scene.log))

    assert found.keys == [(first, 1), (second, 0), (second, 1)]
    assert found.labels == ["cool", "cool", "warm"]
    assert found.features[0] == table(4).iloc[1].to_dict()
    assert found.answers[0]["predict.kind"] == answer(table(4))[1]["kind"]
    assert (found.unknown, found.changed) == (1, 1)


def test_only_the_newest_are_kept_by_the_time_of_the_request(scene):
    ids = scene.ask(table(5))
    scene.tell(ids[::-1], list("edcba"))

    assert labelled(PredictionLog(scene.log), newest=2).labels == ["d", "e"]


@pytest.mark.parametrize(
    ("metric", "truth", "guess"),
    [
        ("accuracy", "aabbc", "aabca"),
        ("balanced_accuracy", "aaabbc", "aabbca"),
        ("f1_macro", "aabbc", "abbca"),
        ("precision_macro", "aabbc", "abbca"),
        ("recall_macro", "aabbc", "abbca"),
    ],
)
def test_metrics_of_classes_are_scikit_learns(metric, truth, guess):
    from sklearn import metrics

    theirs = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "f1_macro": lambda a, b: metrics.f1_score(a, b, average="macro", zero_division=0),
        "precision_macro": lambda a, b: metrics.precision_score(a, b, average="macro", zero_division=0),
        "recall_macro": lambda a, b: metrics.recall_score(a, b, average="macro", zero_division=0),
    }[metric]

    (score,) = scores(rows_of(truth, guess), {metric: 1.0}, {})

    assert score.value == pytest.approx(theirs(list(truth), list(guess)))


@pytest.mark.parametrize("metric", ["mae", "mse", "rmse", "r2", "mape"])
def test_metrics_of_numbers_are_scikit_learns(metric):
    from sklearn import metrics

    rng = np.random.default_rng(0)
    truth = rng.normal(5, 1, 50)
    guess = truth + rng.normal(0, 0.3, 50)
    theirs = {
        "mae": metrics.mean_absolute_error,
        "mse": metrics.mean_squared_error,
        "rmse": metrics.root_mean_squared_error,
        "r2": metrics.r2_score,
        "mape": metrics.mean_absolute_percentage_error,
    }[metric]

    (score,) = scores(rows_of(truth.tolist(), guess.tolist()), {metric: 1.0}, {})

    assert score.value == pytest.approx(theirs(truth, guess))


def test_a_metric_that_only_got_worse_by_chance_is_no_alarm_and_one_that_fell_is():
    rng = np.random.default_rng(1)
    truth = ["a"] * 400
    chance = ["a" if rng.random() < 0.88 else "b" for _ in truth]
    fallen = ["a" if rng.random() < 0.6 else "b" for _ in truth]

    assert not scores(rows_of(truth, chance), {"accuracy": 0.9}, {})[0].alarm
    assert scores(rows_of(truth, fallen), {"accuracy": 0.9}, {})[0].alarm
    assert not scores(rows_of(truth[:20], fallen[:20]), {"accuracy": 0.9}, {})[0].alarm  # too few


def test_errors_that_grew_alarm_in_regression():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=300)

    same = scores(rows_of(truth.tolist(), (truth + rng.normal(0, 1, 300)).tolist()), {"mae": 0.8, "r2": 0.5}, {})
    worse = scores(rows_of(truth.tolist(), (truth + rng.normal(0, 2, 300)).tolist()), {"mae": 0.8, "rmse": 1.0}, {})

    assert [score.alarm for score in same] == [False, False]
    assert [score.alarm for score in worse] == [True, True]


def test_a_requirement_decides_where_there_is_one():
    rows = rows_of("a" * 100, "a" * 92 + "b" * 8)

    assert scores(rows, {"accuracy": 0.5}, {"accuracy": Requirement(">= 0.95")})[0].alarm
    assert not scores(rows, {"accuracy": 0.99}, {"accuracy": Requirement(">= 0.9")})[0].alarm


def test_labels_choose_the_field_of_the_answer_that_they_are_of():
    rows = Labelled(
        [{}] * 2,
        [{"predict.kind": "cool", "predict.chance": 0.5}, {"predict.kind": "warm", "predict.chance": 0.2}],
        ["warm", "warm"],
    )

    assert answer_column(rows) == "predict.kind"
    assert answer_column(rows, "chance") == "predict.chance"
    assert answer_column(rows, "nothing") is None


def test_numbers_as_labels_match_texts():
    assert scores(rows_of([1, 0, 1], ["1", "0", "0"]), {"accuracy": 1}, {})[0].value == pytest.approx(2 / 3)


def test_names_that_notebooks_use_are_known_and_others_are_not():
    assert (known("test_accuracy"), known("R2_score"), known("loss")) == ("accuracy", "r2", None)


def test_a_label_finds_its_row_whenever_it_comes_and_nothing_is_read_twice(scene, monkeypatch):
    rows = table(8)
    first = scene.ask(rows.iloc[:4])
    feedback = Feedback(PredictionLog(scene.log))
    feedback.update()
    assert len(feedback.rows()) == 0
    scene.tell(first[:1], ["cool"])
    feedback.update()
    read = []
    original = Tail.raw
    monkeypatch.setattr(Tail, "raw", lambda self: (read.append(item) or item for item in original(self)))

    scene.tell([first[2], "r7"], ["warm", "early"])  # one that was read already, and one that is not written yet
    feedback.update()
    assert feedback.rows().labels == ["cool", "warm"]
    scene.ask(rows.iloc[4:])
    feedback.update()

    assert feedback.rows().labels == ["cool", "warm", "early"]
    assert feedback.rows(newest=2).keys == [(first[2], 0), ("r7", 0)]
    assert len(read) == 2 + 4


def test_a_file_that_retention_removed_takes_its_labelled_rows_along(scene):
    gone = scene.ask(table(3), file="predictions-0.jsonl")
    stays = scene.ask(table(3))
    scene.tell([*gone, *stays], list("abcdef"))
    feedback = Feedback(PredictionLog(scene.log))
    feedback.update()
    (scene.log / "predictions-0.jsonl").unlink()
    feedback.update()

    assert feedback.rows().labels == ["d", "e", "f"]
