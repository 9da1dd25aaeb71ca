"""`nbprod sweep`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from nbprod.cli.common import (
    assignments,
    command,
    parameter_option,
    pipeline_argument,
    print_json,
)

if TYPE_CHECKING:
    from nbprod.notebook.pipeline import Pipeline
    from nbprod.project import Entry
    from nbprod.sweep import Space, SweepPlan

EPILOG = """\b
Spaces:
  -p max_depth=2,4,8                 one of these
  -p learning_rate=0.001..0.3:log    a number between the two, by its exponent
  -p units=16..64:step=16            16, 32, 48 or 64
  -p seed=1                          a single value: every trial has it
What is searched is sweep.space of pipelines.yaml, unless the command line gives a space.
"""


@command(
    pipeline_argument,
    parameter_option,
    click.option("--search", type=click.Choice(["grid", "random", "tpe"]), help="How values are proposed."),
    click.option("--trials", type=click.IntRange(min=1), help="How many trials (20; for a grid, all of it)."),
    click.option("--parallel", type=click.IntRange(min=1), help="Trials that run at the same time."),
    click.option("--optimize", metavar="METRIC[:DIRECTION]", help="The metric that decides; maximize or minimize."),
    click.option("--seed", type=click.IntRange(min=0), help="Seeds the search."),
    click.option(
        "--resume",
        is_flag=False,
        flag_value="",
        metavar="[SWEEP]",
        help="Go on with a stopped sweep, the newest without an id.",
    ),
    click.option(
        "--retry-failed", is_flag=True, help="Repeat the failed trials of the newest sweep, or that of --resume."
    ),
    click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that a task may take."),
    click.option("--retries", type=click.IntRange(min=0), help="How often a failed task is started again."),
    epilog=EPILOG,
)
def sweep(
    pipeline: str | None,
    parameters: tuple[str, ...],
    search: str | None,
    trials: int | None,
    parallel: int | None,
    optimize: str | None,
    seed: int | None,
    resume: str | None,
    retry_failed: bool,
    timeout: float | None,
    retries: int | None,
    as_json: bool,
) -> int:
    """Search over parameter values. Each trial is a run; tasks that the parameters do not reach are shared.

    Ctrl-C stops it; `--resume` goes on. The exit code is 1 if no trial succeeded.
    """
    from nbprod.cli.trials import Trials, conclude
    from nbprod.notebook.pipeline import read_pipeline
    from nbprod.notebook.refusal import refuse
    from nbprod.project import Project
    from nbprod.sweep import Sweeps, resume_sweep, run_sweep

    project = Project.find()
    entry = project.pipeline(pipeline)
    read = read_pipeline(str(entry.notebook))
    refuse(read)
    options = entry.run_options
    project.make_state()
    if timeout is not None:
        options["timeout"] = timeout
    if retries is not None:
        options["retries"] = retries
    if resume is not None or retry_failed:
        if parameters or search or optimize or seed is not None:
            raise click.UsageError("a sweep that goes on keeps its space, search, metric and seed")
        old = Sweeps(project).get(resume or None, entry.name)
        plan = old.plan if parallel is None else replace(old.plan, parallel=parallel)
        old = replace(old, plan=plan)
        with Trials(plan, as_json=as_json) as show:
            done = resume_sweep(
                read, project, old, name=entry.name, retry_failed=retry_failed, trials=trials, on_trial=show, **options
            )
    else:
        plan = make_plan(
            entry,
            read,
            assignments(parameters),
            search=search,
            trials=trials,
            parallel=parallel,
            optimize=optimize,
            seed=seed,
        )
        with Trials(plan, as_json=as_json) as show:
            done = run_sweep(read, project, plan, name=entry.name, on_trial=show, **options)
    if as_json:
        print_json({"event": "sweep-finished", **done.to_json()}, indent=None)
    else:
        conclude(done, entry.name)
    return int(done.best is None)


def make_plan(
    entry: Entry,
    pipeline: Pipeline,
    given: Mapping[str, str],
    *,
    search: str | None = None,
    trials: int | None = None,
    parallel: int | None = None,
    optimize: str | None = None,
    seed: int | None = None,
) -> SweepPlan:
    """Return the plan of a new sweep: what the command line gives, else what pipelines.yaml says, else what fits."""
    from nbprod.notebook.parameters import check_parameters, parse_value
    from nbprod.sweep import Choices, SweepPlan, choose_metric, parse_space, space_from

    config = entry.config.sweep
    check_parameters(
        pipeline.parameters, {**dict.fromkeys(given), **dict.fromkeys(config.space), **entry.config.parameters}
    )
    fixed = {name: value for name, value in entry.config.parameters.items() if name not in given}
    space: dict[str, Space] = {}
    for name, text in given.items():
        found = parse_space(text, pipeline.parameters[name])
        if found is None:
            fixed[name] = parse_value(pipeline.parameters[name], text)
        else:
            space[name] = found
    if not space:
        for name, value in config.space.items():
            if name not in given:
                plain = value if isinstance(value, list) else value.model_dump(exclude_none=True)
                space[name] = space_from(plain, pipeline.parameters[name])
    fixed = {name: value for name, value in fixed.items() if name not in space}
    search = search or config.search
    trials = trials or config.trials
    if search is None:
        size = 1
        for one in space.values():
            size *= len(one.values) if isinstance(one, Choices) else sys.maxsize
        # so few that proposing at random would only repeat some of them
        search = "grid" if size <= (trials or 20) else "tpe"
    metric = dict([_direction(optimize, pipeline)]) if optimize else config.optimize
    return SweepPlan(
        space,
        choose_metric(pipeline, metric),
        search,
        trials,
        fixed,
        parallel or config.parallel,
        config.seed if seed is None else seed,
    )


def _direction(text: str, pipeline: Pipeline) -> tuple[str, str]:
    from nbprod.sweep import choose_metric

    name, _, direction = text.partition(":")
    if not direction:
        choose_metric(pipeline, {name: "maximize"})  # tells an unknown metric before its name is looked at
        lower = choose_metric(replace(pipeline, metrics=(name,)), None)
        return name, lower[name]
    return name, direction
