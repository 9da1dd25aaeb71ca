"""From a challenger to a champion and back, each step by another process, as it were: nothing but the state is kept."""

from __future__ import annotations

import json
import time

import pytest

from nbprod.monitoring.state import Phase, State
from nbprod.monitoring.watch import Watch
from nbprod.project import Project
from nbprod.promotion.registry import Registry

from .conftest import table

GUARD = "    watch: {guard: 0.5, cooldown: 1000}\n"


@pytest.fixture
def step(scene):
    """Take one step as a process that has just been started; returns the names of its events."""

    def take(config=GUARD, times=1):
        (scene.root / "pipelines.yaml").write_text(f"pipelines:\n  wine:\n    notebook: wine.ipynb\n{config}")
        project = Project(scene.root)
        events = []
        watch = Watch(project, project.pipeline("wine"), "wine", events.append)
        for _ in range(times):
            watch.step()
        take.last = events
        return [event["event"] for event in events]

    return take


@pytest.fixture
def challenger(scene):
    """Version 1 is the champion; version 2 has passed the gate and is about to take over."""
    scene.promote()
    scene.ask(table(300))
    scene.promote()
    registry = Registry(scene.project)
    registry.rollback("wine", 1)
    State(
        phase=Phase.TAKEOVER,
        challenger=2,
        champion=1,
        started=time.time(),
        attempted=time.time(),
        reason={"kind": "labels", "detail": "200 new labelled rows"},
        baseline={"requests": 300, "errors": 0, "p50": 2.0},
    ).write(scene.log.parent)
    return registry


def log(scene, count, status=200, ms=2.0, version=2):
    with (scene.log / "predictions-2.jsonl").open("a") as out:
        for i in range(count):
            line = {
                "ts": time.time(),
                "id": f"x{i}",
                "version": version,
                "route": "predict",
                "status": status,
                "ms": ms,
            }
            out.write(json.dumps(line) + "\n")


def phase(scene):
    return State.read(scene.log.parent).phase


def test_a_good_one_stays(scene, challenger, step):
    assert step() == ["swapped"]
    assert challenger.champion("wine").version == 2
    assert phase(scene) is Phase.GUARD
    log(scene, 100)
    time.sleep(0.6)
    assert step() == ["kept"]
    assert step.last[0]["requests"] == 100
    assert challenger.champion("wine").version == 2
    assert phase(scene) is Phase.IDLE


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ({"status": 500}, "60 of 60 requests failed (0 of 300 before)"),
        ({"ms": 9.0}, "the median latency is 9 ms (2 ms before)"),
    ],
)
def test_a_bad_one_goes_and_the_champion_of_before_comes_back(scene, challenger, step, lines, why):
    step()
    log(scene, 60, **lines)

    assert step(times=2) == ["rolled-back"]

    assert step.last[0]["why"] == why
    assert challenger.champion("wine").version == 1
    event = challenger.get("wine", 1).events[-1]
    assert (event.who, event.why) == ("nbprod watch", why)


def test_what_was_bad_at_one_look_only_stays(scene, challenger, step):
    (scene.root / "pipelines.yaml").write_text(f"pipelines:\n  wine:\n    notebook: wine.ipynb\n{GUARD}")
    project = Project(scene.root)
    events = []
    watch = Watch(project, project.pipeline("wine"), "wine", events.append)
    watch.step()
    log(scene, 60, ms=9.0)
    watch.step()
    log(scene, 200, ms=2.0)
    time.sleep(0.6)
    watch.step()

    assert [event["event"] for event in events] == ["swapped", "kept"]


def test_requests_of_the_one_before_do_not_count_against_it(scene, challenger, step):
    step()
    log(scene, 60, status=500, version=1)
    time.sleep(0.6)

    assert step(times=2) == ["kept"]


def test_a_takeover_that_was_cut_off_after_the_registry_changed_goes_on(scene, challenger, step):
    challenger.crown(challenger.get("wine", 2))

    assert step() == ["swapped"]
    assert phase(scene) is Phase.GUARD


def test_a_champion_that_somebody_else_changed_is_left_alone(scene, challenger, step):
    step()
    challenger.rollback("wine", 1)
    log(scene, 60, status=500)

    assert step(times=2) == []
    assert challenger.champion("wine").version == 1
    assert phase(scene) is Phase.IDLE


def test_a_shadow_that_answered_badly_does_not_take_over(scene, challenger, step):
    state = State.read(scene.log.parent)
    state.phase = Phase.SHADOW
    state.write(scene.log.parent)
    with (scene.log / "shadow-1.jsonl").open("w") as out:
        for i in range(50):
            out.write(
                json.dumps({"ts": 1, "id": f"s{i}", "version": 2, "ms": 2.0, "status": 500, "agrees": False}) + "\n"
            )
    challenger.point("wine", "challenger", 2)

    assert step() == ["shadowed", "rejected"]

    assert "50 of 50 shadowed requests failed" in step.last[1]["why"]
    assert challenger.champion("wine").version == 1
    assert challenger.get("wine", 2).aliases == ("previous",)


def test_a_good_shadow_takes_over(scene, challenger, step):
    state = State.read(scene.log.parent)
    state.phase = Phase.SHADOW
    state.write(scene.log.parent)
    with (scene.log / "shadow-1.jsonl").open("w") as out:
        for i in range(50):
            out.write(
                json.dumps({"ts": 1, "id": f"s{i}", "version": 2, "ms": 2.0, "status": 200, "agrees": True}) + "\n"
            )

    assert step(times=2) == ["shadowed", "swapped"]


def test_with_approval_it_waits_for_somebody(scene, challenger, step):
    assert step("    promote: {approval: true}\n    watch: {cooldown: 1000}\n") == ["waiting"]
    assert challenger.champion("wine").version == 1


def test_a_rollback_that_was_cut_off_after_the_registry_changed_is_ended(scene, challenger, step):
    step()
    state = State.read(scene.log.parent)
    state.phase, state.reason = Phase.ROLLBACK, {"kind": "data", "rollback": "too slow"}
    state.write(scene.log.parent)
    challenger.rollback("wine", 1)

    assert step() == ["rolled-back"]

    assert (step.last[0]["version"], step.last[0]["bad"], step.last[0]["why"]) == (1, 2, "too slow")
    assert State.read(scene.log.parent).bad == [2]


def test_a_challenger_that_cannot_be_reached_does_not_take_over(scene, challenger, step):
    state = State.read(scene.log.parent)
    state.phase = Phase.SHADOW
    state.write(scene.log.parent)
    with (scene.log / "shadow-1.jsonl").open("w") as out:
        for i in range(50):
            out.write(
                json.dumps({"ts": 1, "id": f"s{i}", "version": 2, "status": 0, "error": "x", "agrees": False}) + "\n"
            )

    assert step() == ["shadowed", "rejected"]
