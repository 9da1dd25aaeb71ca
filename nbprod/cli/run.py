"""`nbprod plan` and `nbprod run`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nbprod.cli.common import (
    assignments,
    command,
    parameter_option,
    pipeline_argument,
    plain,
    print_json,
    print_table,
    short,
    values_option,
)

if TYPE_CHECKING:
    from nbprod.errors import NbprodError
    from nbprod.execution.run import RunResult
    from nbprod.notebook.pipeline import Pipeline
    from nbprod.project import Entry, Project

_WHAT = (
    pipeline_argument,
    parameter_option,
    values_option,
    click.option("--only", multiple=True, metavar="TASK", help="Just this task, and what it needs."),
    click.option(
        "--from", "start_from", multiple=True, metavar="TASK", help="Compute this task and all after it anew."
    ),
    click.option("--force", is_flag=True, help="Compute everything anew (with --only, just those tasks)."),
)
"""What is to run: the same for `plan` and `run`."""


@dataclass(frozen=True)
class _Asked:
    """The pipeline that was asked for, and values for its parameters."""

    project: Project
    entry: Entry
    pipeline: Pipeline
    parameters: dict[str, Any]


def _asked(pipeline: str | None, parameters: tuple[str, ...], values: dict[str, Any]) -> _Asked:
    from nbprod.notebook.pipeline import read_pipeline
    from nbprod.project import Project

    project = Project.find()
    entry = project.pipeline(pipeline)
    read = read_pipeline(str(entry.notebook))
    return _Asked(project, entry, read, parameter_values(entry, read, parameters, values))


@command(*_WHAT, click.option("-v", "--verbose", is_flag=True, help="Say too where the kernels would come from."))
def plan(
    pipeline: str | None,
    parameters: tuple[str, ...],
    values: dict[str, Any],
    verbose: bool,
    as_json: bool,
    **what: Any,
) -> None:
    """Say for every task whether it would run, and why. Nothing runs."""
    from nbprod.execution.run import plan_pipeline

    asked = _asked(pipeline, parameters, values)
    plans = plan_pipeline(
        asked.pipeline,
        asked.project,
        name=asked.entry.name,
        parameters=asked.parameters,
        inputs=asked.entry.run_options.get("inputs", ()),
        **what,
    )
    if as_json:
        print_json(plans)
        return
    words = {"run": "runs", "cached": "cached", "unknown": "perhaps"}
    print_table(["task", "", "why"], [[one.name, words.get(one.action, one.action), one.reason] for one in plans])
    if verbose:
        from nbprod.execution.kernels import find_kernel
        from nbprod.execution.preload import explain

        for line in explain(asked.pipeline, find_kernel(asked.pipeline.notebook.kernel_name)):
            click.echo(line)


@command(
    *_WHAT,
    click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that each task may take."),
    click.option(
        "--cell-timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that each cell may take."
    ),
    click.option("--retries", type=click.IntRange(min=0), default=0, help="How often a failed task is started again."),
    click.option("--workers", type=click.IntRange(min=1), help="Tasks that run at the same time."),
)
def run(
    pipeline: str | None,
    parameters: tuple[str, ...],
    values: dict[str, Any],
    workers: int | None,
    as_json: bool,
    **how: Any,
) -> int:
    """Run a pipeline. Tasks with nothing changed are not repeated; `nbprod plan` says which.

    Ctrl-C ends the kernels and leaves the run marked cancelled; the next run goes on from what had ended. With --json,
    every event is a JSON object on a line.
    """
    from nbprod.cli.progress import progress
    from nbprod.execution.run import run_pipeline

    asked = _asked(pipeline, parameters, values)
    options = asked.entry.run_options | how
    if workers is not None:
        options["workers"] = workers
    asked.project.make_state()
    if not as_json:
        _warn(asked.pipeline, asked.entry)
    with progress(as_json=as_json) as show:
        result = run_pipeline(
            asked.pipeline,
            asked.project,
            name=asked.entry.name,
            parameters=asked.parameters,
            on_event=show,
            **options,
        )
    return _conclude(result, as_json=as_json)


def _warn(pipeline: Pipeline, entry: Entry) -> None:
    """Say that there are problems which do not keep the pipeline from running; `nbprod check` tells them."""
    count = sum(one.severity != "info" for one in pipeline.diagnostics)
    if count:
        click.echo(f"{count} problem{'s' * (count != 1)}: nbprod check {entry.name} tells more", err=True)


def parameter_values(
    entry: Entry, pipeline: Pipeline, given: tuple[str, ...], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values for a run: texts and JSON values of the command line over those of pipelines.yaml, each of its parameter's type."""
    from nbprod.notebook.parameters import check_parameters, check_value, parse_value

    texts = assignments(given)
    configured = entry.parameters
    check_parameters(pipeline.parameters, {**dict.fromkeys(texts), **configured, **values})
    return {
        **{name: check_value(pipeline.parameters[name], value) for name, value in {**configured, **values}.items()},
        **{name: parse_value(pipeline.parameters[name], text) for name, text in texts.items()},
    }


def _conclude(result: RunResult, *, as_json: bool) -> int:
    failed = [task for task in result.tasks if task.error is not None]
    if as_json:
        errors = [{**_error(task.error), "task": task.name, "notebook": task.notebook} for task in failed if task.error]
        print_json({"event": "result", **_facts(result), "errors": errors}, indent=None)
    else:
        for task in failed:
            click.echo(f"{click.style('error', fg='red')}: {task.error}", err=True)
        sys.stderr.flush()
        click.echo(f"nbprod show {result.id} shows it; its notebook: {short(result.notebook)}")
    return 0 if result.status.is_good() else (result.error.exit_code if result.error else 1)


def _error(error: NbprodError) -> dict[str, Any]:
    where = vars(error.where)
    return {"message": str(error), "what": error.what, "fix": error.fix, **where}


def _facts(result: RunResult) -> dict[str, Any]:
    return {
        "run": result.id,
        "status": result.status,
        "metrics": plain(result.metrics),
        "seconds": result.seconds,
        "notebook": result.notebook,
    }
