"""`nbprod explore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbprod.cli.common import command, pipeline_argument, print_json, short

if TYPE_CHECKING:
    from nbprod.execution.records import Run
    from nbprod.project import Project


@command(
    pipeline_argument,
    click.option("--run", help="The run, by its id or the beginning or end of it; the newest one without this."),
    click.option("--task", help="The task; the one that failed without this."),
)
def explore(pipeline: str | None, run: str | None, task: str | None, as_json: bool) -> None:
    """Make a notebook in whose kernel a task's inputs are loaded as they were in a run.

    It stands beside the pipeline's notebook; below the inputs are the task's own cells, not run, with the line that failed
    pointed out.
    """
    from nbprod.execution.explore import explore as make
    from nbprod.project import Project

    project = Project.find()
    found = _find_run(project, pipeline, run)
    chosen = task or _failed_task(found)
    path = make(project, found, chosen)
    if as_json:
        print_json({"event": "explored", "path": path, "run": found.id, "task": chosen}, indent=None)
    else:
        click.echo(f"{short(path)}: task {chosen!r} of run {found.id}, with its inputs")


def _find_run(project: Project, pipeline: str | None, run: str | None) -> Run:
    from nbprod.errors import NotFoundError
    from nbprod.execution.records import Records

    name = project.pipeline(pipeline).name if pipeline is not None or run is None else None
    records = Records.open(project) if project.has_records else None
    if run is None:
        newest = records.runs(name, limit=1) if records is not None else []
        if not newest:
            raise NotFoundError(f"there is no run of {name!r} yet", fix=f"nbprod run {name} makes one.")
        run = newest[0].id
    if records is None:
        raise NotFoundError(f"there is no run {run!r}", fix="There is none yet: nbprod run PIPELINE makes one.")
    found = records.run(run)
    if name is not None and found.pipeline != name:
        raise NotFoundError(
            f"run {found.id} is of the pipeline {found.pipeline!r}, not {name!r}",
            fix=f"nbprod runs {name} lists its runs.",
        )
    return found


def _failed_task(run: Run) -> str:
    from nbprod.errors import NotFoundError
    from nbprod.execution.events import Status

    failed = [task.task for task in run.tasks if task.status is Status.FAILED]
    if failed:
        return failed[0]
    names = ", ".join(task.task for task in run.tasks)
    raise NotFoundError(f"no task of run {run.id} failed: say which one, with --task", fix=f"Its tasks: {names}.")
