"""A function whose answers depend on chance, or on what it was asked before, is not what the notebook has shown."""

# ruff: noqa: NPY002 - the global generator is what it is about
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nbprod.promotion.problem import Problem
from nbprod.promotion.served import Served
from nbprod.promotion.steadiness import stirred

GENERATOR = np.random.default_rng(0)
COUNT = {"asked": 0}


def remembers() -> Callable[[float], float]:
    seen: list[float] = []

    def predict(x: float) -> float:
        seen.append(x)
        return sum(seen) / len(seen)

    return predict


def by_default() -> Callable[..., float]:
    def predict(x: float, seen: list[float] = []) -> float:  # noqa: B006 - that is what it is about
        seen.append(x)
        return sum(seen) / len(seen)

    return predict


def counts(x: float) -> float:
    COUNT["asked"] += 1
    return x + COUNT["asked"]


def seldom(x: float) -> float:
    return x + (np.random.rand() < 1e-9)


def shaken(x: float) -> float:
    return x if random.random() < 2 else 0.0


def seeded(x: float) -> float:
    np.random.seed(0)
    return x + float(np.random.rand()) + float(np.random.default_rng(3).normal())


def cached(x: float, cache: dict[float, float] = {}) -> float:  # noqa: B006
    return cache.setdefault(x, x * 2)


def ask(function: Any) -> None:
    served = Served("predict", "function", function)
    served.ask({"x": 1.5}, None)
    served.expect_steady()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x + np.random.normal(), "asked the same again: at the answer: .* at first, .* then"),
        (lambda x: x + GENERATOR.normal(), "asked the same again"),
        (counts, "asked the same again: at the answer"),
        (seldom, r"draws random numbers \(numpy.random\) when it is asked"),
        (shaken, r"draws random numbers \(random\)"),
        (remembers(), "asked the same again after other requests: at the answer: 1.5 at first"),
        (by_default(), "asked the same again after other requests"),
    ],
    ids=["noise", "generator", "counts", "seldom", "shaken", "remembers", "default"],
)
def test_what_depends_on_chance_or_on_other_requests_is_refused(function: Any, message: str) -> None:
    with pytest.raises(Problem, match=message) as caught:
        ask(function)

    assert "default_rng(0)" in str(caught.value.fix)


@pytest.mark.parametrize("function", [seeded, cached], ids=["seeded", "cached"])
def test_a_seed_and_a_cache_inside_the_function_change_no_answer(function: Any) -> None:
    ask(function)


def test_other_arguments_are_of_the_same_kinds() -> None:
    other = stirred({"a": 1, "b": 0.5, "c": True, "d": "x", "e": [1, "y"], "f": {"k": 2}, "g": None})

    assert [type(value) for value in other.values()] == [int, float, bool, str, list, dict, type(None)]
    assert other != {"a": 1, "b": 0.5, "c": True, "d": "x", "e": [1, "y"], "f": {"k": 2}, "g": None}
