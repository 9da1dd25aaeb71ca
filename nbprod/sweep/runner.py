"""Runs a sweep: each trial is a run of the pipeline that shares unchanged tasks with the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbprod.errors import Cancelled, ConfigError, NbprodError
from nbprod.execution.cancel import Cancel
from nbprod.execution.events import Listener, Status, ignore
from nbprod.execution.interrupt import terminated
from nbprod.notebook.parameters import check_parameters
from nbprod.notebook.pipeline import Pipeline
from nbprod.sweep.importance import keep_importance
from nbprod.sweep.plan import SweepPlan
from nbprod.sweep.trials import Sweep, Sweeps, Trial

if TYPE_CHECKING:
    from nbprod.execution.run import RunResult
    from nbprod.execution.starting import Pool
    from nbprod.project import Project

OnTrial = Callable[[Trial], None]
WEIGH_SECONDS = 2.0
"""So often it is said anew, while trials end, which parameter matters."""


def run_sweep(
    pipeline: Pipeline,
    project: Project,
    plan: SweepPlan,
    *,
    name: str,
    on_start: Callable[[str], None] = lambda _: None,
    on_trial: OnTrial = lambda _: None,
    on_event: Listener = ignore,
    **options: Any,
) -> Sweep:
    """Run a new sweep to its end and return it; a failed trial does not stop it.

    `on_start` hears the sweep's id, `on_trial` of each trial when it starts and when it ends, `on_event` of what happens in its run; both are
    called from the trials' threads. `options` go to `run_pipeline`. Ctrl-C ends the kernels, leaves the sweep
    cancelled, and raises `Cancelled`; `resume_sweep` goes on with it.

    Example:
        >>> plan = SweepPlan({"max_depth": Choices((2, 4, 8))}, {"accuracy": "maximize"})  # doctest: +SKIP
        >>> run_sweep(read_pipeline("wine.ipynb"), Project.find(), plan, name="wine").best  # doctest: +SKIP
    """
    _check_parameters(pipeline, plan)
    sweep = Sweeps(project).start(name, plan)
    on_start(sweep)
    return _Runner(pipeline, project, sweep, plan, name, on_trial, on_event, options).run([], plan.size)


def resume_sweep(
    pipeline: Pipeline,
    project: Project,
    sweep: Sweep,
    *,
    name: str,
    retry_failed: bool = False,
    trials: int | None = None,
    on_start: Callable[[str], None] = lambda _: None,
    on_trial: OnTrial = lambda _: None,
    on_event: Listener = ignore,
    **options: Any,
) -> Sweep:
    """Go on with a sweep that was stopped or killed, or repeat its failed trials; finished trials stay.

    Trials that were under way are run again. `trials` raises the number of trials it shall have in all.
    """
    if sweep.status is Status.RUNNING:
        raise ConfigError(f"sweep {sweep.id} is still running", fix="wait for it, or stop it first")
    plan = replace(sweep.plan, trials=trials) if trials else sweep.plan
    _check_parameters(pipeline, plan)
    store = Sweeps(project)
    store.take_over(sweep.id, plan)
    on_start(sweep.id)
    good = [trial for trial in sweep.trials if trial.status.is_good()]
    failed = [trial for trial in sweep.trials if trial.status is Status.FAILED]
    cut_off = [trial for trial in sweep.trials if trial not in good and trial not in failed]
    for trial in cut_off:
        store.save(sweep.id, replace(trial, status=Status.LOST))
    tried = [trial.parameters for trial in good]
    repeats = [trial.parameters for trial in cut_off]
    if retry_failed:
        # A retry that failed again is one parameter set, not two.
        for trial in failed:
            if trial.parameters not in repeats and trial.parameters not in tried:
                repeats.append(trial.parameters)
    repeats = [parameters for i, parameters in enumerate(repeats) if parameters not in repeats[:i]]
    distinct_failed = [
        t for i, t in enumerate(failed) if t.parameters not in [f.parameters for f in failed[:i]] + tried
    ]
    left = plan.size - len(good) - (0 if retry_failed else len(distinct_failed))
    runner = _Runner(pipeline, project, sweep.id, plan, name, on_trial, on_event, options)
    return runner.run(repeats, max(left, len(repeats)))


def _check_parameters(pipeline: Pipeline, plan: SweepPlan) -> None:
    example = {name: space.example for name, space in plan.space.items()}
    check_parameters(pipeline.parameters, {**plan.fixed, **example})


class _Runner:
    def __init__(
        self,
        pipeline: Pipeline,
        project: Project,
        sweep: str,
        plan: SweepPlan,
        name: str,
        on_trial: OnTrial,
        on_event: Listener,
        options: Mapping[str, Any],
    ) -> None:
        from nbprod.sweep.search import Search

        self.pipeline, self.project, self.sweep, self.plan, self.name = pipeline, project, sweep, plan, name
        self.on_trial, self.on_event, self.options = on_trial, on_event, options
        self.store = Sweeps(project)
        self.search = Search(project.state / "sweeps" / f"{sweep}.journal", sweep, plan)
        self.cancel = Cancel()
        self.weighed = time.monotonic()

    def run(self, repeats: list[Mapping[str, Any]], count: int) -> Sweep:
        """Run `count` trials, those of `repeats` first."""
        from nbprod.execution.run import pool_of

        self.search.close_unfinished()
        for parameters in repeats:
            self.search.repeat(parameters)
        running: set[Future[None]] = set()
        status = Status.DONE
        try:
            with (
                terminated(),
                closing(pool_of(self.pipeline, self.plan.parallel)) as kernels,
                ThreadPoolExecutor(self.plan.parallel, thread_name_prefix="trial") as pool,
            ):
                try:
                    while count or running:
                        while count and len(running) < self.plan.parallel:
                            running.add(pool.submit(self._trial, kernels))
                            count -= 1
                        kernels.expect(count, "trials to come", begin=False)
                        done, running = wait(running, return_when=FIRST_COMPLETED)
                        for future in done:
                            future.result()
                    self._weigh()
                except BaseException:
                    self.cancel.set()
                    raise
        except KeyboardInterrupt:
            status = Status.CANCELLED
            raise Cancelled(
                f"sweep {self.sweep} was stopped", fix=f"nbprod sweep {self.name} --resume {self.sweep} goes on with it"
            ) from None
        except BaseException:
            status = Status.FAILED
            raise
        finally:
            self.store.finish(self.sweep, status)
        return self.store.get(self.sweep)

    def _trial(self, kernels: Pool) -> None:
        from nbprod.execution.run import run_pipeline

        number, values = self.search.ask()
        trial = Trial(number, Status.RUNNING, values, started=time.time())
        self._save(trial)
        try:
            result = run_pipeline(
                self.pipeline,
                self.project,
                name=self.name,
                parameters=values,
                sweep=self.sweep,
                trial=number,
                cancel=self.cancel,
                pool=kernels,
                on_event=self.on_event,
                **self.options,
            )
        except Cancelled:
            self.search.tell(number, None)
            self._save(replace(trial, status=Status.CANCELLED))
            raise
        except NbprodError as error:
            # What stops every trial (a notebook that cannot run at all) is not a trial's failure.
            self.search.tell(number, None)
            self._save(replace(trial, status=Status.FAILED, error=str(error)))
            raise
        good = result.status.is_good()
        self.search.tell(number, result.metrics if good else None)
        self._save(_ended(trial, result))
        if time.monotonic() - self.weighed > WEIGH_SECONDS:
            self._weigh()

    def _weigh(self) -> None:
        """Write down how much each parameter matters, as far as the trials until now tell."""
        self.weighed = time.monotonic()
        shares = self.search.importance()
        if shares:
            keep_importance(self.project, self.sweep, shares)

    def _save(self, trial: Trial) -> None:
        self.store.save(self.sweep, trial)
        self.on_trial(trial)


def _ended(trial: Trial, result: RunResult) -> Trial:
    return replace(
        trial,
        status=result.status,
        run=result.id,
        metrics=dict(result.metrics),
        tasks=dict(Counter(str(task.status) for task in result.tasks)),
        error=None if result.error is None else str(result.error),
        seconds=time.time() - (trial.started or 0),
    )
