"""Parameter values reach the notebook as what they are."""

from __future__ import annotations

import enum
import math

import numpy as np
import pytest

from nbprod.errors import ParameterError
from nbprod.execution.literals import digest, literal, plain, same


@pytest.mark.parametrize(
    "value",
    [
        1,
        -2.5,
        1e-30,
        "é\"'\\n",
        b"\x00",
        True,
        None,
        1j,
        [1, [2.0]],
        (1,),
        (),
        {"a": {2, 1}},
        {1: "x"},
        set(),
        frozenset({3}),
    ],
)
def test_a_literal_evaluates_to_the_value_and_its_type(value: object) -> None:
    back = eval(literal(value))

    assert back == value
    assert type(back) is type(value)


def test_infinity_and_nan_are_written_as_calls() -> None:
    assert eval(literal([math.inf, -math.inf])) == [math.inf, -math.inf]
    assert math.isnan(eval(literal(math.nan)))


def test_numpy_values_become_numbers_and_lists() -> None:
    values = plain({"n": np.int64(3), "b": np.bool_(True), "f": [np.float32(0.5)], "a": np.arange(2)})

    assert literal(values) == "{'n': 3, 'b': True, 'f': [0.5], 'a': [0, 1]}"


def test_an_enum_of_strings_becomes_its_string() -> None:
    class Kind(enum.StrEnum):
        A = "a"

    assert literal(plain(Kind.A)) == "'a'"


def test_what_is_no_literal_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"'model' cannot be a builtins\.object"):
        plain(object(), "model")


def test_one_and_true_and_one_point_zero_differ() -> None:
    assert not same(1, True)
    assert not same(1, 1.0)
    assert same((1, 2), (1, 2))


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": True})
