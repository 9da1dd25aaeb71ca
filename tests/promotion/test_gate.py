from __future__ import annotations

import pytest

from nbprod.config import Requirement
from nbprod.errors import GateError
from nbprod.promotion import gate

AT_LEAST = {"accuracy": Requirement(">= 0.9")}


def test_a_requirement_that_holds_passes() -> None:
    checks = gate.check({"accuracy": 0.9}, AT_LEAST)

    assert [(item.metric, item.passed) for item in checks] == [("accuracy", True)]


def test_a_requirement_not_met_says_value_and_bound_and_has_its_own_exit_code() -> None:
    with pytest.raises(GateError, match=r"accuracy is 0.89, wanted >= 0.9.*\n.*Nothing was stored") as caught:
        gate.check({"accuracy": 0.89}, AT_LEAST)

    assert caught.value.exit_code == 3


def test_a_metric_that_is_no_number_never_passes() -> None:
    with pytest.raises(GateError, match="accuracy is nan"):
        gate.check({"accuracy": float("nan")}, AT_LEAST)


def test_an_unknown_metric_is_named_with_the_nearest() -> None:
    with pytest.raises(GateError, match=r"'acuracy'.*\n.*Did you mean 'accuracy'"):
        gate.check({"accuracy": 1.0}, {"acuracy": Requirement(">= 0.9")})


def test_worse_than_the_champion_is_refused_and_equal_is_not() -> None:
    gate.check({"accuracy": 0.95}, AT_LEAST, {"accuracy": 0.95})

    with pytest.raises(GateError, match=r"wanted >= 0.95 of wine/v1"):
        gate.check({"accuracy": 0.94}, AT_LEAST, {"accuracy": 0.95}, champion_name="wine/v1")


@pytest.mark.parametrize(
    ("require", "directions"),
    [({"loss": Requirement("<= 1")}, {}), ({}, {"loss": "minimize"})],
)
def test_the_better_direction_comes_from_the_comparison_or_the_sweep(
    require: dict[str, Requirement], directions: dict[str, str]
) -> None:
    gate.check({"loss": 0.2}, require, {"loss": 0.3}, directions)

    with pytest.raises(GateError, match=r"wanted <= 0\.3"):
        gate.check({"loss": 0.4}, require, {"loss": 0.3}, directions)


def test_a_champion_without_the_metric_is_no_obstacle() -> None:
    assert len(gate.check({"accuracy": 0.95}, AT_LEAST, {"f1": 0.99})) == 1
