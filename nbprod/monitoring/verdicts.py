"""Whether a challenger may take over, and whether a new champion may stay: judged by errors, latency and answers in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbprod.monitoring.lines import Line
from nbprod.monitoring.traffic import Traffic

CHANCE = 1e-3
"""How often errors like these may come by chance."""
FEWEST_ERRORS = 3
KNOWN, USUAL = 100, 0.01
"""Of fewer requests than the first, errors before are not known: then the second is taken for their share."""
ENOUGH = 30
"""Answers of which a median is taken."""
SLACK = 1.0
"""Milliseconds by which a latency may always differ."""


@dataclass(frozen=True)
class Shadowed:
    """What a challenger has answered beside the champion."""

    requests: int
    errors: int
    agreeing: float | None
    p50: float | None


def shadowed(lines: Sequence[Line], version: int) -> Shadowed:
    """Summarise the shadow lines of a version."""
    own = [line for line in lines if line.get("version") == version]
    errors = sum(1 for line in own if not 0 < int(line.get("status", 200)) < 500)  # 0: it could not be reached
    told = [bool(line["agrees"]) for line in own if "agrees" in line]
    taken = [
        float(line["ms"])
        for line in own
        if isinstance(line.get("ms"), (int, float)) and int(line.get("status", 200)) == 200
    ]
    return Shadowed(
        len(own),
        errors,
        sum(told) / len(told) if told else None,
        float(np.median(taken)) if len(taken) >= ENOUGH else None,
    )


def more_errors(errors: int, requests: int, before: Traffic) -> bool:
    """Whether so many errors are more than chance explains, given how many there were before."""
    from scipy.special import betainc

    if errors < FEWEST_ERRORS:
        return False
    if before.requests < KNOWN:
        return float(betainc(errors, requests - errors + 1, USUAL)) < CHANCE
    together = errors + before.errors
    share = requests / (requests + before.requests)
    return float(betainc(errors, together - errors + 1, share)) < CHANCE


def slower(now: float | None, before: float | None, factor: float) -> bool:
    """Whether a median latency is so many times the one before."""
    return now is not None and before is not None and now > factor * before and now > before + SLACK


def problem_of(now: Traffic, before: Traffic, factor: float) -> str | None:
    """What is worse than before: errors or latency; None if nothing is."""
    if more_errors(now.errors, now.requests, before):
        return f"{now.errors} of {now.requests} requests failed ({before.errors} of {before.requests} before)"
    answered = now.requests - now.errors - now.refused
    if answered >= ENOUGH and slower(now.p50, before.p50, factor):
        return f"the median latency is {now.p50:.3g} ms ({before.p50:.3g} ms before)"
    return None


def problem_of_shadow(found: Shadowed, before: Traffic, factor: float, agree: float) -> str | None:
    """Why a challenger may not take over; None if it may."""
    if more_errors(found.errors, found.requests, before):
        return f"{found.errors} of {found.requests} shadowed requests failed ({before.errors} of {before.requests} of the champion)"
    if slower(found.p50, before.p50, factor):
        return f"the median latency is {found.p50:.3g} ms ({before.p50:.3g} ms of the champion)"
    if found.agreeing is not None and found.agreeing < agree:
        return f"{found.agreeing:.1%} of the answers are the champion's, {agree:.1%} are asked for (watch.agree)"
    return None
