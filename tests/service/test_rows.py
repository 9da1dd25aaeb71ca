"""Validated rows become the table that the notebook's function takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from bentoml.exceptions import InvalidArgument
from pydantic import BaseModel, ConfigDict, Field

from nbprod.promotion.support import as_table


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    a: float | None = None
    i: int | None = None
    s: str | None = None
    c: str | None = None
    b: bool | None = None
    column_1: float = Field(default=0.0, alias="1")


def rows(*some: dict[str, Any]) -> list[Row]:
    return [Row.model_validate(one) for one in some]


CATEGORY = {"categories": ["x", "y"], "ordered": False}


@pytest.mark.parametrize(
    ("given", "types", "expected"),
    [
        ([{"a": 1.5, "i": 2}, {"a": 3, "i": 4}], {"a": "float64", "i": "float64"}, {"a": [1.5, 3.0], "i": [2.0, 4.0]}),
        ([{"a": None, "1": 2.0}], {"a": "float64", 1: "float64"}, {"a": [np.nan], 1: [2.0]}),
        ([{"a": 1.5}], {"a": "float64", "i": "float64"}, {"a": [1.5]}),
        ([{"a": 1.5}, {"i": 2}], {"a": "float64", "i": "float64"}, {"a": [1.5, np.nan], "i": [np.nan, 2.0]}),
        ([{"i": 2**62 + 1}], {"i": "int64"}, {"i": [2**62 + 1]}),
        ([{"i": 1, "a": 2}], {"a": "float32", "i": "int64"}, {"a": np.array([2], "float32"), "i": [1]}),
        (
            [{"s": "q", "c": "x", "b": True}, {"s": None, "c": None, "b": False}],
            {"s": "str", "c": "category", "b": "bool"},
            {
                "s": pd.Series(["q", None], dtype="str"),
                "c": pd.Categorical(["x", None], ["x", "y"]),
                "b": [True, False],
            },
        ),
    ],
)
def test_columns_and_types_are_those_of_the_training(
    given: list[dict[str, Any]], types: dict[Any, Any], expected: dict[Any, Any]
) -> None:
    types = {name: CATEGORY if kind == "category" else kind for name, kind in types.items()}

    table = as_table(rows(*given), types)

    pd.testing.assert_frame_equal(table, pd.DataFrame(expected), check_exact=True)


@pytest.mark.parametrize(
    ("given", "types", "message"),
    [
        ([{"i": 300}], {"i": "int8"}, "i: .*300"),
        ([{"a": 1.0, "i": 1}, {"a": 1.0}], {"a": "float64", "i": "int64"}, "i: row 1 has none, and other rows do"),
        ([{"a": 1.0}, {"a": 1.0, "b": True}], {"a": "float64", "b": "bool"}, "b: row 0 has none"),
    ],
)
def test_what_a_type_cannot_hold_is_refused_and_not_made_another_value(
    given: list[dict[str, Any]], types: dict[Any, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        as_table(rows(*given), types)


def test_objects_stay_what_they_are_and_null_is_what_missing_was_in_the_notebook() -> None:
    missing = {"s": {"dtype": "object", "missing": "nan"}, "i": "object", "a": "Int64"}

    table = as_table(rows({"s": "x", "i": 1, "a": 1}, {"s": None, "i": None, "a": None}), missing)

    assert [repr(value) for value in table["s"]] == ["'x'", "nan"]
    assert [repr(value) for value in table["i"]] == ["1", "None"]
    assert [str(value) for value in table["a"]] == ["1", "<NA>"]


def test_whole_numbers_beside_missing_ones_lose_no_digit() -> None:
    table = as_table(rows({"i": 2**62 + 1}, {"i": None}), {"i": "Int64"})

    assert table["i"][0] == 2**62 + 1


def test_a_table_may_be_changed_without_changing_the_next_one() -> None:
    first = as_table(rows({"a": 1.0}), {"a": "float64"})
    first.columns.name = "changed"
    first["more"] = 1

    assert list(as_table(rows({"a": 1.0}), {"a": "float64"}).columns) == ["a"]
    assert as_table(rows({"a": 1.0}), {"a": "float64"}).columns.name is None
