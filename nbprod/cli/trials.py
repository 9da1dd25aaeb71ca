"""How a sweep is shown while it goes on, and when it has ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import click

from nbprod.cli.common import number, print_json, print_table, seconds

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from nbprod.sweep import Sweep, SweepPlan, Trial


class Trials:
    """A context manager that is called with each trial as it starts and ends: a live table on a terminal, lines in a pipe, JSON lines for a program."""

    def __init__(self, plan: SweepPlan, *, as_json: bool) -> None:
        self.plan = plan
        self.as_json = as_json
        self.trials: dict[int, Trial] = {}
        self.lock = threading.Lock()
        self.live: Live | None = None
        self.metric = next(iter(plan.optimize))

    def __enter__(self) -> Self:
        if not self.as_json and sys.stdout.isatty():
            from rich.live import Live

            self.live = Live(get_renderable=self.table, refresh_per_second=4, transient=True)
            self.live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live is not None:
            self.live.__exit__(*error)  # type: ignore[arg-type]

    def started(self, sweep: str) -> None:
        """Hear the sweep's id."""
        if self.as_json:
            print_json({"event": "sweep-started", "sweep": sweep, **self.plan.to_json()}, indent=None)

    def __call__(self, trial: Trial) -> None:
        with self.lock:
            self.trials[trial.number] = trial
        if self.as_json:
            print_json({"event": "trial", **vars(trial)}, indent=None)
        elif self.live is None and trial.status.is_finished():
            click.echo(
                f"trial {trial.number}: {trial.status}, "
                + ", ".join(filter(None, _cells(trial, self.plan, named=True)[2:]))
            )

    def table(self) -> Table:
        from rich.table import Table

        with self.lock:
            trials = sorted(self.trials.values(), key=lambda one: one.number)
        table = Table(
            box=None,
            pad_edge=False,
            title=f"{sum(t.status.is_finished() for t in trials)} of {self.plan.size} trials",
            title_justify="left",
        )
        for heading in _headings(self.plan):
            table.add_column(heading)
        for trial in trials[-15:]:
            table.add_row(*_cells(trial, self.plan))
        return table


def _headings(plan: SweepPlan) -> list[str]:
    return ["trial", "state", *plan.space, *plan.optimize, "tasks", "took"]


def _cells(trial: Trial, plan: SweepPlan, *, named: bool = False) -> Sequence[str]:
    def shown(name: str, values: Mapping[str, object]) -> str:
        if name not in values:
            return ""
        return f"{name} {number(values[name])}" if named else number(values[name])

    tasks = ", ".join(f"{count} {state}" for state, count in sorted(trial.tasks.items()))
    return [
        str(trial.number),
        str(trial.status),
        *(shown(name, trial.parameters) for name in plan.space),
        *(shown(name, trial.metrics) for name in plan.optimize),
        tasks,
        seconds(trial.seconds),
    ]


def conclude(done: Sweep, name: str) -> None:
    metric, direction = next(iter(done.plan.optimize.items()))
    sign = 1 if direction == "minimize" else -1
    ranked = sorted(done.trials, key=lambda one: sign * one.metrics[metric] if metric in one.metrics else float("inf"))
    rows = [[*_cells(trial, done.plan), trial.run] for trial in ranked]
    print_table([*_headings(done.plan), "run"], rows)
    for trial in done.trials:
        if trial.error:
            click.echo(f"trial {trial.number}: {trial.error.splitlines()[0]}")
    failed = sum(trial.status == "failed" for trial in done.trials)
    if failed:
        click.echo(f"{failed} failed; nbprod sweep {name} --retry-failed repeats them")
    best = done.best
    if best is not None:
        chosen = ", ".join(f"{key}={number(best.parameters[key])}" for key in done.plan.space)
        click.echo(f"best: trial {best.number}, {metric} {number(best.metrics[metric])} with {chosen} (run {best.run})")
    click.echo(f"sweep {done.id}: {done.status}, {len(done.trials)} trials")
