"""Optuna's side of a sweep, with its real storage."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.errors import ConfigError
from nbprod.sweep import Choices, Range, SweepPlan
from nbprod.sweep.search import Search

LIST_SPACE = {"layers": Choices(([8], [16, 8])), "depth": Range(1, 3)}


def test_a_grid_proposes_every_combination_once(tmp_path: Path) -> None:
    plan = SweepPlan(LIST_SPACE, {"score": "maximize"}, search="grid")
    search = Search(tmp_path / "s.journal", "s", plan)
    seen = []
    for _ in range(plan.size):
        number, values = search.ask()
        seen.append((tuple(values["layers"]), values["depth"]))
        search.tell(number, {"score": 0.5})

    assert sorted(seen) == [((8,), 1), ((8,), 2), ((8,), 3), ((16, 8), 1), ((16, 8), 2), ((16, 8), 3)]


def test_tpe_moves_towards_what_was_good(tmp_path: Path) -> None:
    plan = SweepPlan({"x": Range(0.0, 1.0)}, {"loss": "minimize"}, trials=40, seed=1)
    search = Search(tmp_path / "s.journal", "s", plan)
    tried = []
    for _ in range(40):
        number, values = search.ask()
        tried.append(values["x"])
        search.tell(number, {"loss": (values["x"] - 0.3) ** 2})

    late = tried[-15:]
    assert sum(abs(x - 0.3) for x in late) / 15 < sum(abs(x - 0.3) for x in tried[:10]) / 10


def test_a_search_goes_on_in_another_process_where_it_stopped(tmp_path: Path) -> None:
    plan = SweepPlan(LIST_SPACE, {"score": "maximize"}, search="grid")
    first = Search(tmp_path / "s.journal", "s", plan)
    number, values = first.ask()
    first.tell(number, {"score": 1.0})
    _, cut_off = first.ask()

    second = Search(tmp_path / "s.journal", "s", plan)
    second.close_unfinished()
    second.repeat(cut_off)
    proposals = [second.ask()[1] for _ in range(plan.size - 1)]

    assert proposals[0] == cut_off
    assert values not in proposals
    assert len({str(p) for p in proposals}) == plan.size - 1


def test_a_metric_that_is_not_finite_counts_as_failed(tmp_path: Path) -> None:
    search = Search(tmp_path / "s.journal", "s", SweepPlan({"x": Range(0.0, 1.0)}, {"loss": "minimize"}))
    number, _ = search.ask()

    search.tell(number, {"loss": float("nan")})

    assert search.ask()[0] == number + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [({"space": {}}, "nothing to search"), ({"search": "tpee"}, "did you mean 'tpe'"), ({"trials": 0}, "0 trials")],
)
def test_a_plan_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    values = {"space": LIST_SPACE, "optimize": {"score": "maximize"}, **change}

    with pytest.raises(ConfigError) as caught:
        SweepPlan(**values)  # type: ignore[arg-type]

    assert message in str(caught.value)


def test_a_plan_is_kept_as_json() -> None:
    plan = SweepPlan({**LIST_SPACE, "lr": Range(0.001, 0.3, log=True)}, {"score": "maximize"}, fixed={"n": 3}, trials=4)

    assert SweepPlan.from_json(plan.to_json()) == plan


def test_the_parameter_that_decides_has_the_greatest_share(tmp_path: Path) -> None:
    space = {"x": Range(0.0, 1.0), "idle": Choices((1, 2, 3))}
    search = Search(tmp_path / "s.journal", "s", SweepPlan(space, {"loss": "minimize"}, search="random", seed=1))
    assert search.importance() == {}, "nothing is known yet"
    for _ in range(30):
        number, values = search.ask()
        search.tell(number, {"loss": values["x"] ** 2})

    shares = search.importance()
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["x"] > 0.8


def test_a_metric_that_is_always_the_same_says_nothing_of_parameters(tmp_path: Path) -> None:
    search = Search(tmp_path / "s.journal", "s", SweepPlan({"x": Range(0.0, 1.0)}, {"a": "minimize", "b": "maximize"}))
    for _ in range(6):
        number, _ = search.ask()
        search.tell(number, {"a": 1.0, "b": 2.0})

    assert search.importance() == {}
