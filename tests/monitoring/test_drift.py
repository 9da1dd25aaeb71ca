"""Drift of columns against a profile, from counts alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbprod.monitoring.compare import compare_categories, compare_numbers, holm
from nbprod.monitoring.counts import count
from nbprod.monitoring.drift import alpha, columns_drift
from nbprod.monitoring.layout import lay_out
from nbprod.promotion.profile import bin_counts, describe, edges, profile

from .conftest import answer, table

LEVEL = alpha(0.005, 60)


def verdicts(reference: pd.DataFrame, rows: pd.DataFrame, level: float = LEVEL, batch: int = 7, **options):
    made = profile({"rows": reference.head(2)}, reference, {"predict": lambda given: answer(given["rows"])}, **options)
    lines = [
        {"ts": at, "id": str(at), "arguments": {"rows": part.to_dict("records")}, "answer": answer(part), "status": 200}
        for at in range(0, len(rows), batch)
        for part in [rows.iloc[at : at + batch]]
    ]
    return {column.name: column for column in columns_drift(count(made, lay_out(lines)).columns, level)}


def test_rows_like_the_training_data_are_fine():
    found = verdicts(table(5000), table(1000, seed=5))

    assert {column.verdict for column in found.values()} == {"fine"}
    assert list(found) == ["size", "count", "color", "predict.kind", "predict.chance"]


def test_a_shift_is_found_in_its_column_and_in_the_answer_it_makes():
    reference = table(5000)
    found = verdicts(reference, table(1000, seed=5, shift=0.5), held_out=reference)

    assert [name for name, column in found.items() if column.alarm] == ["size", "predict.kind"]
    assert found["size"].after - found["size"].before == pytest.approx(1, abs=0.3)
    assert found["size"].p < LEVEL
    assert found["size"].psi > found["size"].threshold


def test_an_answer_that_is_known_of_training_rows_only_never_alarms_by_its_numbers():
    reference = table(5000)
    rows = table(1000, seed=5).assign(size=lambda t: np.floor(t["size"]) + 0.9)
    by = {"training": verdicts(reference, rows), "held out": verdicts(reference, rows, held_out=reference)}

    assert by["training"]["predict.chance"].verdict == "unsure"
    assert by["held out"]["predict.chance"].verdict == "drift"


def test_too_few_rows_have_no_verdict():
    found = verdicts(table(5000), table(150, shift=3))

    assert {column.verdict for column in found.values()} == {"too few rows"}


def test_a_profile_of_few_rows_has_no_verdict():
    assert {column.verdict for column in verdicts(table(30), table(500, shift=3)).values()} == {"too few rows"}


def test_categories_that_were_never_seen_are_named_and_alarm():
    rows = table(1000, seed=5)
    rows.loc[:60, "color"] = "mauve"

    found = verdicts(table(5000), rows)["color"]

    assert found.alarm
    assert found.unseen == {"mauve": 61}


def test_values_that_go_missing_alarm():
    rows = table(1000, seed=5).astype({"size": object})
    rows.loc[:49, "size"] = None

    found = verdicts(table(5000), rows.assign(size=rows["size"].astype(float)))["size"]

    assert found.alarm
    assert (found.missing_before, found.missing) == (0, 0.05)


def test_texts_in_a_column_of_numbers_and_values_out_of_range_are_told():
    made = {"features": {"n": describe(np.arange(1000.0))}, "prediction": {}}
    values = [*range(900), *["x"] * 50, *[5000] * 50]
    lines = [{"ts": 0, "id": "a", "arguments": {"rows": [{"n": value} for value in values]}, "answer": None}]

    found = columns_drift(count(made, lay_out(lines)).columns, LEVEL)[0]

    assert (found.wrong_type, found.out_of_range) == (0.05, 0.05)


def test_a_certain_but_tiny_change_is_told_and_does_not_alarm():
    reference = pd.DataFrame({"n": np.random.default_rng(0).normal(size=200_000)})
    made = {"features": {"n": describe(reference["n"].to_numpy())}, "prediction": {}}
    rows = np.random.default_rng(1).normal(0.05, 1, 200_000)
    lines = [{"ts": 0, "id": "a", "arguments": {"rows": [{"n": value} for value in rows.tolist()]}, "answer": None}]

    assert columns_drift(count(made, lay_out(lines)).columns, LEVEL)[0].verdict == "changed"


def test_optional_features_that_nobody_sends_are_left_out():
    assert "color" not in verdicts(table(5000), table(500).drop(columns="color"))


def test_requests_of_different_forms_are_laid_out_together():
    lines = [
        {"arguments": {"rows": [{"a": 1, "b": "x"}]}, "answer": [1]},
        {"arguments": {"rows": [{"a": 2}, {"a": 3}]}, "answer": [2, 3]},
        {"arguments": {"rows": [{"a": 4}], "digits": 2}, "answer": [4]},
        {"arguments": {"rows": [{"a": 5}]}, "answer": {"mean": 9}},
        {"arguments": {"text": "hi"}, "answer": "ho", "status": 200},
        {"arguments": {"text": "hi"}, "status": 400},
    ]

    seen = lay_out(lines)

    assert seen.features.columns == {
        "a": [1, 2, 3, 4, 5, None],
        "b": ["x", None, None, None, None, None],
        "digits": [None, None, None, 2, None, None],
        "text": [None, None, None, None, None, "hi"],
    }
    assert list(zip(seen.features.requests, seen.features.rows, strict=True)) == [
        (0, 0),
        (1, 0),
        (1, 1),
        (2, 0),
        (3, 0),
        (4, 0),
    ]
    answers = seen.answers["predict"]
    assert answers.columns == {"predict": [1, 2, 3, 4, None, "ho"], "predict.mean": [None, None, None, None, 9, None]}


@pytest.mark.parametrize("size", [200, 1000])
def test_p_values_without_drift_are_no_smaller_than_chance(size):
    """Over many pairs of samples, the share of p-values below a level is the level at most (with some play for 4,000 draws)."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(40):
        made = describe(rng.normal(size=2000))
        ends = edges(made)
        live = np.stack([bin_counts(rng.normal(size=size), ends) for _ in range(100)])
        found.append(compare_numbers(made["counts"], live).p)
    p = np.concatenate(found)

    assert (p < 0.01).mean() < 0.016
    assert (p < 0.1).mean() < 0.12


def test_categories_without_drift_are_as_chance_has_them():
    rng = np.random.default_rng(3)
    chances = [0.5, 0.3, 0.15, 0.04, 0.009, 0.001]
    p = np.concatenate(
        [
            compare_categories(
                [*rng.multinomial(3000, chances), 0], np.c_[rng.multinomial(800, chances, 100), np.zeros(100)]
            ).p
            for _ in range(40)
        ]
    )

    assert (p < 0.01).mean() < 0.016
    assert (p < 0.1).mean() < 0.12


def test_holm_is_the_textbooks():
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))

    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
