"""The profile: what is kept of a column, and how calls and answers are laid out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from nbprod.promotion.profile import columns_of_answer, columns_of_arguments, describe, edges, profile


def test_a_number_has_its_spread_and_the_counts_of_its_own_bins():
    values = np.arange(1000.0)

    found = describe(values)

    assert found["kind"] == "number"
    assert (found["low"], found["high"], found["mean"]) == (0, 999, 499.5)
    assert len(found["quantiles"]) == 101
    assert sum(found["counts"]) == sum(found["deciles"]["counts"]) == 1000
    assert len(found["counts"]) == len(edges(found)) + 1
    assert found["counts"][-1] == 0  # nothing lies above the highest


def test_few_distinct_numbers_have_few_bins():
    found = describe([0, 1, 1, 2] * 100)

    assert edges(found) == [0, 1, 2]
    assert found["counts"] == [100, 200, 100, 0]


@pytest.mark.parametrize("gone", [None, float("nan"), float("inf")])
def test_what_is_missing_or_not_finite_is_counted(gone):
    found = describe([1.0, 2.0, 3.0, gone])

    assert found["missing"] == 0.25
    assert found["high"] == 3


def test_texts_are_categories_if_they_are_few_else_their_lengths_are_kept():
    few = describe(["a", "b", "a", None] * 10)
    many = describe([f"wine number {i}" for i in range(300)])

    assert few == {"kind": "category", "rows": 40, "missing": 0.25, "counts": {"a": 20, "b": 10}}
    assert (many["kind"], many["low"], many["high"]) == ("text", 13, 15)
    assert "wine" not in json.dumps(many)


def test_booleans_are_categories():
    assert describe([True, False, True])["counts"] == {"true": 2, "false": 1}


def test_a_column_of_nothing_has_no_bins():
    assert describe([None, None]) == {"kind": "number", "rows": 2, "missing": 1.0}


def test_features_are_those_of_the_reference_and_answers_those_of_rows_held_out():
    whole = pd.DataFrame({"a": np.arange(100.0), "b": list("xy") * 50, "label": 1})
    held_out = whole.iloc[:10]
    asked = []

    def answer(given):
        asked.append(len(given["rows"]))
        return given["rows"]["a"] * 2

    found = profile({"rows": whole[["a", "b"]].head(2), "digits": 3}, whole, {"predict": answer}, held_out)

    assert found["rows"] == 100
    assert list(found["features"]) == ["a", "b"]  # one value of `digits` says nothing about it
    assert asked == [10]
    assert (found["prediction"]["predict"]["high"], found["prediction"]["predict"]["seen"]) == (18, "held-out")


def test_a_function_that_fails_on_some_rows_is_profiled_on_the_others():
    whole = pd.DataFrame({"a": np.arange(1000.0)})

    def answer(given):
        if given["rows"]["a"].min() < 100:
            raise ValueError
        return list(given["rows"]["a"])

    found = profile({"rows": whole.head(1)}, whole, {"predict": answer})

    assert (found["prediction"]["predict"]["rows"], found["prediction"]["predict"]["seen"]) == (800, "training")


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        ({"rows": [{"a": 1, "b": "x"}, {"a": 2}]}, {"a": [1, 2], "b": ["x", None]}),
        ({"row": {"a": 1}}, {"a": [1]}),
        ({"x": [[1, 2], [3, 4]]}, {"x[0]": [1, 3], "x[1]": [2, 4]}),
        ({"x": [[1, None]]}, {"x[0]": [1], "x[1]": [None]}),
        ({"texts": ["a", "b"]}, {"texts": ["a", "b"]}),
        ({"text": "a", "n": 3}, {"text": ["a"], "n": [3]}),
        ({"a": [{"x": 1}], "b": [{"x": 2}]}, {"a.x": [1], "b.x": [2]}),
        ({"image": [[[0, 0], [2, 2]]]}, {"image[mean]": [1], "image[std]": [1]}),
        ({"odd": [[1], [1, 2]]}, {}),
        ({"rows": []}, {}),
    ],
)
def test_arguments_are_laid_out_as_columns(arguments, columns):
    found = columns_of_arguments(arguments)

    assert {name: list(values) for name, values in found.items()} == columns


def test_answers_are_named_by_route_and_field():
    assert columns_of_answer("predict", [{"kind": "a", "chance": 0.5}]) == {
        "predict.kind": ["a"],
        "predict.chance": [0.5],
    }
    assert list(columns_of_answer("predict_proba", [[0.2, 0.8]])) == ["predict_proba[0]", "predict_proba[1]"]
    assert columns_of_answer("predict", 3.5) == {"predict": [3.5]}
