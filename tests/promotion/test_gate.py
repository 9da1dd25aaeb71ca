from __future__ import annotations

import pytest

from nbprod.config import PromoteConfig, Requirement
from nbprod.errors import GateError
from nbprod.promotion import gate

AT_LEAST = {"accuracy": Requirement(">= 0.9")}


def check(
    metrics: dict[str, float],
    require: dict[str, Requirement],
    champion: dict[str, float] | None = None,
    directions: dict[str, str] | None = None,
) -> list[gate.Check]:
    rivals = [] if champion is None else [gate.Rival("wine/v1", champion, metrics)]
    found = [*gate.required(metrics, require), *gate.no_worse(require, directions or {}, rivals)]
    gate.judge(found, metrics)
    return found


def test_a_requirement_that_holds_passes() -> None:
    assert [(item.metric, item.passed) for item in check({"accuracy": 0.9}, AT_LEAST)] == [("accuracy", True)]


def test_a_requirement_not_met_says_value_and_bound_and_has_its_own_exit_code() -> None:
    with pytest.raises(GateError, match=r"accuracy is 0.89, wanted >= 0.9.*\n.*Nothing was stored") as caught:
        check({"accuracy": 0.89}, AT_LEAST)

    assert caught.value.exit_code == 3


def test_a_metric_that_is_no_number_never_passes() -> None:
    with pytest.raises(GateError, match="accuracy is nan"):
        check({"accuracy": float("nan")}, AT_LEAST)


def test_an_unknown_metric_is_named_with_the_nearest() -> None:
    with pytest.raises(GateError, match=r"'acuracy'.*\n.*Did you mean 'accuracy'"):
        check({"accuracy": 1.0}, {"acuracy": Requirement(">= 0.9")})
    with pytest.raises(
        GateError, match=r"'loss', which the run does not have\n.*The run's metrics: none; tag the cell"
    ):
        check({}, {"loss": Requirement("<= 1")})


def test_worse_than_the_champion_is_refused_and_equal_is_not() -> None:
    check({"accuracy": 0.95}, AT_LEAST, {"accuracy": 0.95})

    with pytest.raises(GateError, match=r"wanted >= 0.95 of wine/v1"):
        check({"accuracy": 0.94}, AT_LEAST, {"accuracy": 0.95})


@pytest.mark.parametrize(
    ("require", "directions"),
    [({"loss": Requirement("<= 1")}, {}), ({}, {"loss": "minimize"})],
)
def test_the_better_direction_comes_from_the_comparison_or_the_sweep(
    require: dict[str, Requirement], directions: dict[str, str]
) -> None:
    check({"loss": 0.2}, require, {"loss": 0.3}, directions)

    with pytest.raises(GateError, match=r"wanted <= 0\.3"):
        check({"loss": 0.4}, require, {"loss": 0.3}, directions)


def test_a_champion_without_the_metric_is_no_obstacle() -> None:
    assert len(check({"accuracy": 0.95}, AT_LEAST, {"f1": 0.99})) == 1


def test_each_metric_is_compared_on_the_best_ground_that_has_it() -> None:
    same = gate.Rival("v1", {"accuracy": 0.8}, {"accuracy": 0.9}, "both on the same rows")
    recorded = gate.Rival("v1", {"accuracy": 0.99, "loss": 0.1}, {"accuracy": 0.9, "loss": 0.2}, "as recorded")

    accuracy, loss = gate.no_worse({}, {"accuracy": "maximize", "loss": "minimize"}, [same, recorded])

    assert (accuracy.passed, accuracy.basis, accuracy.wanted) == (True, "both on the same rows", ">= 0.8 of v1")
    assert (loss.passed, loss.basis) == (False, "as recorded")


def test_limits_of_latency_and_size_are_checked_where_they_are_known() -> None:
    found = gate.limited(12.0, 10.0, 1.0, 5.0)

    assert [(item.metric, item.passed) for item in found] == [("latency_ms", False), ("size_mb", True)]
    assert gate.limited(None, 10.0, 1.0, None) == []
    with pytest.raises(GateError, match=r"latency_ms is 12.0, wanted <= 10; .*|latency_ms is 12.0, wanted <= 10"):
        gate.judge(found, {})


def test_what_pipelines_yaml_says_of_promotion_is_checked_when_it_is_read() -> None:
    said = PromoteConfig.model_validate({"latency_ms": 50, "size_mb": 2.5, "approval": True, "holdout": {"rows": "X"}})

    assert (said.latency_ms, said.size_mb, said.approval, said.holdout.rows) == (50, 2.5, True, "X")
    for wrong in ({"latency_ms": 0}, {"approval": "yes"}, {"holdout": {"row": "X"}}):
        with pytest.raises(ValueError, match="validation error"):
            PromoteConfig.model_validate(wrong)
