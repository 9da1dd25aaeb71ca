"""Sweeps as the panel gets them, from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.errors import NotFoundError
from nbprod.server.models import Sweep, SweepInfo, Trial
from nbprod.server.place import Place
from nbprod.server.values import json_value, numbers

if TYPE_CHECKING:
    from nbprod.sweep import trials as core


def list_of(place: Place) -> list[SweepInfo]:
    """Return the sweeps of a pipeline, newest first."""
    from nbprod.sweep.trials import Sweeps

    if not place.project.has_records:
        return []
    return [_info(one) for one in Sweeps(place.project).all(place.entry.name)]


def sweep_of(place: Place, sweep: str) -> Sweep:
    """Return a sweep with its trials. Raises `NotFoundError`."""
    from nbprod.sweep.importance import kept_importance
    from nbprod.sweep.trials import Sweeps

    found = Sweeps(place.project).get(sweep) if place.project.has_records else None
    if found is None or found.id != sweep:
        raise NotFoundError(f"there is no sweep {sweep!r}", fix="List the sweeps again.")
    plan = found.plan.to_json()
    metric, direction = next(iter(found.plan.optimize.items()))
    best = found.best
    return Sweep.model_validate(
        {
            "id": found.id,
            "pipeline": found.pipeline,
            "status": found.status.value,
            "metric": metric,
            "direction": direction,
            "search": plan["search"],
            "size": found.plan.size,
            "parallel": plan["parallel"],
            "space": json_value(plan["space"]),
            "created": found.created,
            "finished": found.finished,
            "best": None if best is None else best.number,
            "trials": [_trial(one) for one in found.trials],
            "importance": kept_importance(place.project, found.id),
        }
    )


def _info(sweep: core.Sweep) -> SweepInfo:
    metric = next(iter(sweep.plan.optimize))
    best = sweep.best
    return SweepInfo(
        id=sweep.id,
        pipeline=sweep.pipeline,
        status=sweep.status.value,
        created=sweep.created,
        # those that were stopped or lost are made up for when it goes on
        trials=sum(one.status in ("done", "cached", "failed") for one in sweep.trials),
        size=sweep.plan.size,
        best=None if best is None else best.metrics[metric],
        metric=metric,
    )


def _trial(trial: core.Trial) -> Trial:
    return Trial(
        number=trial.number,
        status=trial.status.value,
        parameters=json_value(trial.parameters),
        run=trial.run,
        metrics=numbers(trial.metrics),
        tasks=dict(trial.tasks),
        error=trial.error,
        seconds=trial.seconds,
    )
