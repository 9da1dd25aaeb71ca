"""`nbprod sweep`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from nbprod.cli.common import (
    assignments,
    command,
    json_object,
    parameter_option,
    pipeline_argument,
    print_json,
    values_option,
)

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
    values_option,
    click.option(
        "--space", callback=json_object, metavar="JSON", help="The space as JSON, as in pipelines.yaml, for programs."
    ),
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
    values: dict[str, Any],
    space: dict[str, Any],
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
    from nbprod.sweep.making import make_plan

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
        if parameters or values or space or search or optimize or seed is not None:
            raise click.UsageError("a sweep that goes on keeps its space, search, metric and seed")
        old = Sweeps(project).get(resume or None, entry.name)
        plan = old.plan if parallel is None else replace(old.plan, parallel=parallel)
        old = replace(old, plan=plan)
        with Trials(plan, as_json=as_json) as show:
            done = resume_sweep(
                read,
                project,
                old,
                name=entry.name,
                retry_failed=retry_failed,
                trials=trials,
                on_start=show.started,
                on_trial=show,
                **options,
            )
    else:
        plan = make_plan(
            entry,
            read,
            assignments(parameters),
            space=space,
            fixed=values,
            search=search,
            trials=trials,
            parallel=parallel,
            optimize=optimize,
            seed=seed,
        )
        with Trials(plan, as_json=as_json) as show:
            done = run_sweep(read, project, plan, name=entry.name, on_start=show.started, on_trial=show, **options)
    if as_json:
        print_json({"event": "sweep-finished", **done.to_json()}, indent=None)
    else:
        conclude(done, entry.name)
    return int(done.best is None)
