"""The gate: what a run must reach before it becomes a model version."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbprod.config import Requirement
from nbprod.errors import GateError

LOWER_IS_BETTER = ("<", "<=")
LATENCY, SIZE = "latency_ms", "size_mb"


@dataclass(frozen=True)
class Check:
    """One thing that was asked of a metric (or of the latency or the size), and whether it holds."""

    metric: str
    value: float | None
    """None for a metric that the run does not have."""
    wanted: str
    passed: bool
    basis: str = ""
    """What the value was computed from, where it matters."""


@dataclass(frozen=True)
class Rival:
    """The champion as the gate compares with it: its `metrics` and the run's own (`mine`), both computed from the same `basis`."""

    name: str
    metrics: Mapping[str, float]
    mine: Mapping[str, float]
    basis: str = ""


def required(metrics: Mapping[str, float], require: Mapping[str, Requirement]) -> list[Check]:
    """Return a check for each metric that is required."""
    found = []
    for name, requirement in require.items():
        value = metrics.get(name)
        found.append(Check(name, value, str(requirement), value is not None and requirement.holds(float(value))))
    return found


def no_worse(require: Mapping[str, Requirement], directions: Mapping[str, str], rivals: Sequence[Rival]) -> list[Check]:
    """Return a check against the champion for each metric that is required or optimised (`directions`: `maximize` or `minimize`).

    `rivals` are the champion on several grounds, the best first: a metric is compared on the first that has it. A requirement's
    own comparison says which way is better where no direction does.
    """
    found = []
    for name, direction in _directions(require, directions).items():
        rival = next((one for one in rivals if name in one.metrics and name in one.mine), None)
        rival = rival or next((one for one in rivals if name in one.metrics), None)
        if rival is None:
            continue
        value, best = rival.mine.get(name), rival.metrics[name]
        passed = value is not None and (value <= best if direction == "minimize" else value >= best)
        sign = "<=" if direction == "minimize" else ">="
        found.append(Check(name, value, f"{sign} {best!r} of {rival.name}", passed, rival.basis))
    return found


def limited(
    latency_ms: float | None, most_ms: float | None, size_mb: float | None, most_mb: float | None
) -> list[Check]:
    """Return a check for each limit that there is (`most_ms`, `most_mb`); what is not known yet is left out."""
    found = []
    for name, value, most in ((LATENCY, latency_ms, most_ms), (SIZE, size_mb, most_mb)):
        if most is not None and value is not None:
            found.append(Check(name, round(value, 4), f"<= {most:g}", value <= most))
    return found


def judge(checks: Iterable[Check], metrics: Mapping[str, float], *, stored: str = "Nothing was stored.") -> None:
    """Raise `GateError` if a check failed, or asks for a metric that the run does not have."""
    checks = list(checks)
    for item in checks:
        if item.metric not in metrics and item.metric not in (LATENCY, SIZE):
            raise _unknown(metrics, item.metric)
    failed = [item for item in checks if not item.passed]
    if failed:
        reasons = "; ".join(
            f"{item.metric} is {item.value!r}, wanted {item.wanted}" + (f" ({item.basis})" if item.basis else "")
            for item in failed
        )
        raise GateError(
            f"the run is not good enough to be promoted: {reasons}",
            fix=f"{stored} Promote another run (`--run ID`), change `promote` in pipelines.yaml, or `--force --because TEXT`.",
        )


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
