"""The evaluation gate: what a run must reach before anything is stored."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from nbprod.config import Requirement
from nbprod.errors import GateError

LOWER_IS_BETTER = ("<", "<=")


@dataclass(frozen=True)
class Check:
    """One thing that was asked of a metric, and whether it holds."""

    metric: str
    value: float
    wanted: str
    passed: bool


def check(
    metrics: Mapping[str, float],
    require: Mapping[str, Requirement],
    champion: Mapping[str, float] | None = None,
    directions: Mapping[str, str] | None = None,
    champion_name: str = "the champion",
) -> list[Check]:
    """Return every check, all passed: the requirements, and no worse than the champion.

    The champion is compared on the metrics that are required or optimised (`directions`: `maximize` or `minimize`); a
    requirement's own comparison says which way is better where no direction does.

    Raises:
        GateError: A check failed, or a metric is unknown.
    """
    checks = []
    for name, requirement in require.items():
        value = _value(metrics, name)
        checks.append(Check(name, value, str(requirement), requirement.holds(value)))
    for name, direction in _directions(require, directions or {}).items():
        if champion is None or name not in champion:
            continue
        value, best = _value(metrics, name), champion[name]
        no_worse = value <= best if direction == "minimize" else value >= best
        sign = "<=" if direction == "minimize" else ">="
        checks.append(Check(name, value, f"{sign} {best!r} of {champion_name}", no_worse))
    failed = [item for item in checks if not item.passed]
    if failed:
        reasons = "; ".join(f"{item.metric} is {item.value!r}, wanted {item.wanted}" for item in failed)
        raise GateError(
            f"the run is not good enough to be promoted: {reasons}",
            fix="Nothing was stored. Promote another run (`--run ID`), or change `promote.require` in pipelines.yaml.",
        )
    return checks


def _value(metrics: Mapping[str, float], name: str) -> float:
    if name not in metrics:
        close = difflib.get_close_matches(name, metrics, n=1)
        known = ", ".join(metrics) or "none; tag the cell that assigns them `metrics`"
        raise GateError(
            f"the gate asks for metric {name!r}, which the run does not have",
            fix=f"Did you mean {close[0]!r}?" if close else f"The run's metrics: {known}.",
        )
    return float(metrics[name])


def _directions(require: Mapping[str, Requirement], directions: Mapping[str, str]) -> dict[str, str]:
    """The metrics on which a champion is compared, with the direction that is better; `==` has none."""
    found = {
        name: "minimize" if requirement.comparison in LOWER_IS_BETTER else "maximize"
        for name, requirement in require.items()
        if requirement.comparison != "=="
    }
    return {**found, **directions}
