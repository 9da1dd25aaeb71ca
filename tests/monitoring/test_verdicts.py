"""When a challenger may take over, and when a champion must go."""

from __future__ import annotations

import pytest

from nbprod.monitoring.traffic import Traffic, traffic
from nbprod.monitoring.verdicts import problem_of, problem_of_shadow, shadowed

BEFORE = Traffic(requests=1000, errors=1, p50=5.0)


def lines(count, ms=5.0, status=200, **more):
    return [{"ts": float(i), "version": 2, "ms": ms, "status": status, **more} for i in range(count)]


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        (lines(200), None),
        (lines(200) + lines(2, status=500), None),
        (lines(200) + lines(10, status=500), "10 of 210 requests failed (1 of 1000 before)"),
        (lines(200) + lines(50, status=400), None),
        (lines(200, ms=9.0), None),
        (lines(200, ms=11.0), "the median latency is 11 ms (5 ms before)"),
        (lines(10, ms=50.0), None),
        ([], None),
    ],
)
def test_errors_and_latency_are_held_against_those_before(now, problem):
    assert problem_of(traffic(now), BEFORE, 2) == problem


def test_a_service_without_traffic_before_has_no_latency_to_be_held_against():
    assert problem_of(traffic(lines(100, ms=100)), Traffic(), 2) is None
    assert problem_of(traffic(lines(10, status=500)), Traffic(), 2) is not None


def test_a_millisecond_is_never_too_slow():
    assert problem_of(traffic(lines(100, ms=0.9)), Traffic(requests=100, p50=0.2), 2) is None


@pytest.mark.parametrize(
    ("shadow", "agree", "problem"),
    [
        (lines(100, agrees=True), 0.9, None),
        (lines(100, agrees=False), 0, None),
        (
            lines(50, agrees=True) + lines(50, agrees=False),
            0.9,
            "50.0% of the answers are the champion's, 90.0% are asked for (watch.agree)",
        ),
        (lines(100, ms=30, agrees=True), 0, "the median latency is 30 ms (5 ms of the champion)"),
        (lines(100) + lines(20, status=500), 0, "20 of 120 shadowed requests failed (1 of 1000 of the champion)"),
        ([], 0.9, None),
    ],
)
def test_a_challenger_is_judged_by_its_shadow(shadow, agree, problem):
    assert problem_of_shadow(shadowed(shadow, 2), BEFORE, 2, agree) == problem


def test_only_the_challengers_own_lines_count():
    assert shadowed(lines(5), 3).requests == 0
