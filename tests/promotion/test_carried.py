"""A request carries values only: whether the function answers them as it does the notebook's own table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer

from nbprod.promotion.asking import asker
from nbprod.promotion.carried import check, fitting, requested
from nbprod.promotion.problem import Problem
from nbprod.promotion.served import Served
from nbprod.promotion.signature import infer_input
from nbprod.promotion.study import _typed_alike

MISSING = pd.Series(["x", np.nan, "y", "x"] * 9, dtype=object)
IMPUTER = SimpleImputer(strategy="most_frequent").fit(pd.DataFrame({"c": MISSING}))
TIMES = pd.to_datetime(["2026-01-01T10:00:00.5", "2026-07-01T10:00:00"], format="ISO8601")


def asked(function: Callable[[Any], Any], rows: Any, value: Any = None) -> list[dict[str, Any]]:
    """Ask a function for rows, of which `value` is the example, and for the same as they come in a request."""
    value = rows if value is None else value
    served = Served("predict", "function", function)
    ask = asker(served, {"rows": value})
    assert ask is not None
    item = infer_input("rows", value, type, ..., rows)
    if isinstance(rows, pd.DataFrame) and ask.kind == "frame":
        rows = _typed_alike(rows, value)
    return check(ask, "predict", fitting(rows, item), item)


def hours(rows: pd.DataFrame) -> list[int]:
    found: list[int] = rows["c"].dt.hour.tolist()
    return found


@pytest.mark.parametrize(
    ("function", "column"),
    [
        (lambda rows: IMPUTER.transform(rows)[:, 0], MISSING),
        (lambda rows: [f"{value}" for value in rows["c"]], pd.Series([1, None, 2, 3], dtype=object)),
        (lambda rows: [repr(value) for value in rows["c"]], pd.array([1, None, 3], dtype="Int64")),
        (lambda rows: [repr(value) for value in rows["c"]], pd.array(["x", None], dtype="string")),
        (lambda rows: [repr(value) for value in rows["c"]], pd.array([True, None], dtype="boolean")),
        (lambda rows: [repr(value) for value in rows["c"]], np.array([0.1, 0.3], "float32")),
        (hours, TIMES),
        (hours, TIMES.tz_localize("Europe/Berlin")),
        (lambda rows: rows["c"].cat.codes, pd.Categorical(["b", "a"], categories=["b", "a", "c"])),
        (lambda rows: rows["c"].isna(), pd.Categorical([None, None])),
    ],
    ids=["nan", "objects", "Int64", "string", "boolean", "float32", "naive", "aware", "category", "empty"],
)
def test_types_and_what_is_missing_are_made_again(function: Any, column: Any) -> None:
    (call,) = asked(function, pd.DataFrame({"c": column}))

    assert len(call["arguments"]["rows"]) == len(column)


def test_categories_are_those_of_the_example_whatever_order_other_tables_have() -> None:
    value = pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a"])})
    more = pd.DataFrame({"c": pd.Categorical(["a", "b", "a"], categories=["a", "b"])})

    (call,) = asked(lambda rows: rows["c"].cat.codes, more, value)

    assert call["answer"] == [1, 0, 1]


@pytest.mark.parametrize(
    ("function", "column", "message"),
    [
        (lambda rows: rows.index.tolist(), [1.0, 2.0], r"uses the index of its table.*at \[0\]: 7 in the notebook, 0"),
        (lambda rows: rows["c"].loc[7], [1.0, 2.0], "fails where its rows come in a request: KeyError: 7"),
        (
            lambda rows: rows["c"].astype("int64").tolist(),
            pd.to_datetime(["2026-01-01T10:00:00.123456789", "2026-01-01T10:00:00.5"], format="ISO8601"),
            "answers otherwise where its rows come in a request",
        ),
        (
            lambda rows: [repr(v) for v in rows["c"]],
            pd.Series([(1, 2), (3, 4)]),
            r"at \[0\]: '\(1, 2\)' in the notebook",
        ),
    ],
    ids=["index", "label", "nanoseconds", "tuples"],
)
def test_what_a_request_cannot_carry_is_found_out(function: Any, column: Any, message: str) -> None:
    with pytest.raises(Problem, match=message):
        asked(function, pd.DataFrame({"c": list(column) if isinstance(column, pd.Series) else column}, index=[7, 8]))


def test_one_row_at_a_time_keeps_its_type_and_nan() -> None:
    table = pd.DataFrame({"age": [1.0, np.nan, 3.0], "n": ["a", "b", "c"]})
    record, series = table.to_dict("records")[0], table.iloc[0]

    calls = asked(lambda rows: str(rows["age"] or 0), table, record)
    assert [call["answer"] for call in calls] == ["1.0", "nan", "3.0"]
    assert [call["arguments"]["rows"]["age"] for call in calls] == [1.0, None, 3.0]
    numbers = table[["age"]].astype("float32")
    assert asked(lambda rows: str(rows.dtype), numbers, numbers.iloc[0])[0]["answer"] == "float32"
    item = infer_input("rows", series, type, ..., table)
    assert requested(series, item).dtype == "object"


def test_what_is_infinite_or_of_another_kind_is_not_sent() -> None:
    table = pd.DataFrame({"a": [1.0, np.inf, np.nan]})
    assert fitting(table, infer_input("rows", table, type, ..., None))["a"].tolist()[0] == 1.0
    assert len(fitting(table, infer_input("rows", table, type, ..., None))) == 2
    array = np.array([[1.0], [np.nan]])
    assert len(fitting(array, infer_input("rows", array[:1], type, ..., None))) == 1
    records = [{"a": 1}, {"a": "x"}, {"b": 1}, {"a": 2}]
    assert fitting(records, infer_input("rows", records[:1], type, ..., None)) == [{"a": 1}, {"a": 2}]
