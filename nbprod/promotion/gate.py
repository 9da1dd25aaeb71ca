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
    value: float | None
    """None for a metric that the run does not have."""
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
    found = checks(metrics, require, champion, directions, champion_name)
    for item in found:
        if item.metric not in metrics:
            raise _unknown(metrics, item.metric)
    failed = [item for item in found if not item.passed]
    if failed:
        reasons = "; ".join(f"{item.metric} is {item.value!r}, wanted {item.wanted}" for item in failed)
        raise GateError(
            f"the run is not good enough to be promoted: {reasons}",
            fix="Nothing was stored. Promote another run (`--run ID`), or change `promote.require` in pipelines.yaml.",
        )
    return found


def checks(
    metrics: Mapping[str, float],
    require: Mapping[str, Requirement],
    champion: Mapping[str, float] | None = None,
    directions: Mapping[str, str] | None = None,
    champion_name: str = "the champion",
) -> list[Check]:
    """Return every check of `check`, passed or not."""
    found = []
    for name, requirement in require.items():
        value = metrics.get(name)
        found.append(Check(name, value, str(requirement), value is not None and requirement.holds(float(value))))
    for name, direction in _directions(require, directions or {}).items():
        if champion is None or name not in champion:
            continue
        value, best = metrics.get(name), champion[name]
        no_worse = value is not None and (value <= best if direction == "minimize" else value >= best)
        sign = "<=" if direction == "minimize" else ">="
        found.append(Check(name, value, f"{sign} {best!r} of {champion_name}", no_worse))
    return found


def _unknown(metrics: Mapping[str, float], name: str) -> GateError:
    close = difflib.get_close_matches(name, metrics, n=1)
    known = ", ".join(metrics) or "none; tag the cell that assigns them `metrics`"
    return GateError(
        f"the gate asks for metric {name!r}, which the run does not have",
        fix=f"Did you mean {close[0]!r}?" if close else f"The run's metrics: {known}.",
    )


def _directions(require: Mapping[str, Requirement], directions: Mapping[str, str]) -> dict[str, str]:
    """The metrics on which a champion is compared, with the direction that is better; `==` has none."""
    found = {
        name: "minimize" if requirement.comparison in LOWER_IS_BETTER else "maximize"
        for name, requirement in require.items()
        if requirement.comparison != "=="
    }
    return {**found, **directions}
