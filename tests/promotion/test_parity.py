from __future__ import annotations

from typing import Any

import pytest

from nbprod.promotion.parity import difference


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.0, 1.000001),
        (1.0, 1),
        (0.0, 1e-9),
        ({"a": [1, None, "x"], "b": True}, {"b": True, "a": [1, None, "x"]}),
    ],
)
def test_numbers_with_a_fraction_may_differ_in_the_last_digits(expected: Any, got: Any) -> None:
    assert difference(expected, got) is None


@pytest.mark.parametrize(
    ("expected", "got", "where"),
    [
        (1.0, 1.0001, "the answer: 1.0 in the notebook, 1.0001"),
        (1, 1.0, "the answer: 1 in"),
        (1, True, "the answer"),
        ("a", "b", "the answer: 'a'"),
        (None, 0.0, "the answer: None"),
        (0.5, None, "the answer: 0.5"),
        ([1, 2], [1, 2, 3], "the answer"),
        ({"a": 1}, {"a": 1, "b": 2}, "the answer"),
        ([{"p": [0.5, 0.25]}], [{"p": [0.5, 0.26]}], r"\[0\].p\[1\]: 0.25"),
    ],
)
def test_everything_else_is_exact_and_the_place_is_named(expected: Any, got: Any, where: str) -> None:
    import re

    found = difference(expected, got)

    assert found is not None
    assert re.search(f"at {where}", found)
