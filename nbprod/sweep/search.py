"""Optuna's side of a sweep: it proposes parameter values and keeps what they gave in its own storage.

The storage is a journal file per sweep, which several processes may write and which costs a tenth of its SQL storage.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbprod.execution import libraries
from nbprod.sweep.plan import SweepPlan

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


ENOUGH = 4
"""Trials below which nothing is said about which parameter matters."""


class Search:
    """Optuna's side of a sweep: proposes parameter values and is told what they gave."""

    def __init__(self, path: Path, sweep: str, plan: SweepPlan) -> None:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
        from optuna.study import StudyDirection

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._lock = threading.Lock()
        self.plan = plan
        path.parent.mkdir(parents=True, exist_ok=True)
        self._study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name=sweep,
            directions=[StudyDirection[direction.upper()] for direction in plan.optimize.values()],
            load_if_exists=True,
        )
        self._study.sampler = self._sampler(len(self._study.trials))
        self._distributions = {name: space.distribution() for name, space in plan.space.items()}

    def _sampler(self, tried: int) -> BaseSampler:
        from optuna.samplers import GridSampler, RandomSampler, TPESampler

        # A resumed search must not propose the same numbers again: the seed moves on with what was tried.
        seed = None if self.plan.seed is None else self.plan.seed + tried
        if self.plan.search == "grid":
            grid = {name: space.grid(name) for name, space in self.plan.space.items()}
            sampler = GridSampler(grid, seed=self.plan.seed or 0)
            # after its last point it would stop an optimisation, and there is none: we ask and tell
            sampler.after_trial = lambda *_: None  # type: ignore[method-assign]
            return sampler
        if self.plan.search == "random":
            return RandomSampler(seed=seed)
        return TPESampler(seed=seed)

    def repeat(self, parameters: Mapping[str, Any]) -> None:
        """Have these values proposed next."""
        self._study.enqueue_trial({name: space.proposal(parameters[name]) for name, space in self.plan.space.items()})

    def close_unfinished(self) -> None:
        """Mark the trials that a killed process left open as failed in Optuna's storage."""
        import optuna

        for trial in self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """Return the number of the next trial and its parameter values."""
        with self._lock:
            trial = self._study.ask(self._distributions)
        values = {name: self.plan.space[name].value(proposed) for name, proposed in trial.params.items()}
        return trial.number, {**self.plan.fixed, **values}

    def tell(self, number: int, metrics: Mapping[str, float] | None) -> None:
        """Report a trial's metrics, or that it failed."""
        import optuna

        values = [] if metrics is None else [metrics.get(name, math.nan) for name in self.plan.optimize]
        with self._lock:
            if values and all(math.isfinite(value) for value in values):
                self._study.tell(number, [float(value) for value in values])
            else:
                self._study.tell(number, state=optuna.trial.TrialState.FAIL)

    def importance(self) -> dict[str, float]:
        """Return each parameter's share of the variation of the first metric; empty while there are too few trials to tell."""
        import optuna

        with self._lock:
            done = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        values = [trial.values[0] for trial in done]
        if len(done) < ENOUGH or len(set(values)) < 2:
            return {}
        single = optuna.create_study(direction=self._study.directions[0])
        single.add_trials([_with_first_value(trial) for trial in done])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how it is computed is marked experimental
            shares: dict[str, float] = libraries.importance().get_param_importances(single)
        total = sum(shares.values())
        return {name: share / total for name, share in shares.items()} if total > 0 and math.isfinite(total) else {}


def _with_first_value(trial: FrozenTrial) -> FrozenTrial:
    import optuna

    return optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=trial.values[0])
