"""`nbprod runs`, `nbprod show` and `nbprod gc`: what is kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nbprod.cli.common import command, number, print_json, print_table, seconds, short, size

if TYPE_CHECKING:
    from nbprod.execution.records import Run


@command(
    click.argument("pipeline", required=False),
    click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many."),
    click.option("--sweep", help="The trials of this sweep only."),
    click.option("--status", help="Runs in this state only: running, done, failed, cancelled, lost."),
)
def runs(pipeline: str | None, limit: int, sweep: str | None, status: str | None, as_json: bool) -> None:
    """List runs, newest first."""
    from nbprod.execution.events import Status
    from nbprod.execution.records import Records
    from nbprod.project import Project

    if status is not None and status not in set(Status):
        raise click.BadParameter(f"{status!r} is none of {', '.join(Status)}", param_hint="--status")
    project = Project.find()
    name = project.pipeline(pipeline).name if pipeline else None
    wanted = Status(status) if status else None
    found = Records.open(project).runs(name, sweep=sweep, status=wanted, limit=limit) if project.has_records else []
    if as_json:
        print_json([one.to_json() for one in found])
    elif not found:
        click.echo("no runs yet")
    else:
        rows = [
            [
                one.id,
                one.pipeline,
                one.status,
                _ago(one),
                seconds(one.seconds),
                _values(one.parameters),
                _values(one.metrics),
            ]
            for one in found
        ]
        print_table(["run", "pipeline", "state", "started", "took", "parameters", "metrics"], rows)


@command(
    click.argument("run", required=False),
    click.option(
        "--report", "make_report", is_flag=True, help="Make its report, an HTML page, if it is not there yet."
    ),
)
def show(run: str | None, make_report: bool, as_json: bool) -> None:
    """Show a run: its tasks, parameters, metrics and files. RUN is an id, or the beginning or end of one; the newest
    run without it. NAME/vN, NAME@ALIAS or NAME (its champion) shows a model version.
    """
    from nbprod.cli.versions import is_version, show_version
    from nbprod.errors import NotFoundError
    from nbprod.execution.records import Records
    from nbprod.project import Project

    project = Project.find()
    if run is not None and is_version(run, project):
        return show_version(project, run, as_json=as_json)
    if not project.has_records or (run is None and not Records.open(project).runs(limit=1)):
        raise NotFoundError("there is no run yet", fix="nbprod run PIPELINE makes one.")
    records = Records.open(project)
    run = run or records.runs(limit=1)[0].id
    found = records.run(run)
    files = records.files(found.id)
    report = project.state / "runs" / found.id / "report.html"
    if make_report:
        from nbprod.execution.report import report_html

        report = report_html(project, found.id)
    if as_json:
        print_json({**found.to_json(), "files": files, "report": report if report.exists() else None})
        return None
    took = f" in {seconds(found.seconds)}" if found.seconds is not None else ""
    click.echo(f"run {found.id} of {found.pipeline}: {found.status}{took}, started {_ago(found)}")
    if found.sweep:
        click.echo(f"trial {found.trial} of sweep {found.sweep}")
    for title, values in (("parameters", found.parameters), ("metrics", found.metrics)):
        if values:
            click.echo(f"{title}: {_values(values)}")
    print_table(
        ["task", "state", "took", "why"],
        [[task.task, task.status, seconds(task.seconds), task.reason] for task in found.tasks],
    )
    for way, paths in files.items():
        for path in sorted(paths):
            click.echo(f"{way}: {path}")
    for task in found.tasks:
        if task.error:
            click.echo(f"{click.style('error', fg='red')}: {_message(task.error)}")
            if task.notebook:
                click.echo(f"  executed notebook: {task.notebook}")
    if report.exists():
        click.echo(f"report: {short(report)}")
    return None


def _message(error: object) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or error.get("what") or error)
    return str(error)


def _values(values: object) -> str:
    assert hasattr(values, "items")
    return ", ".join(f"{name}={number(value)}" for name, value in values.items())


def _ago(run: Run) -> str:
    age = time.time() - run.created
    if age < 90:
        return f"{age:.0f} s ago"
    if age < 5400:
        return f"{age / 60:.0f} min ago"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))


@command(
    click.option(
        "--keep",
        type=click.IntRange(min=0),
        default=20,
        show_default=True,
        help="Runs to keep of each pipeline (a sweep is one).",
    ),
    click.option("--dry-run", is_flag=True, help="Say what would be deleted."),
)
def gc(keep: int, dry_run: bool, as_json: bool) -> None:
    """Delete old runs, and what only they needed. Runs that became model versions stay."""
    from nbprod.execution.garbage import Freed, collect
    from nbprod.project import Project

    project = Project.find()
    freed = collect(project, keep=keep, dry=dry_run) if project.has_records else Freed((), 0, 0, 0)
    if as_json:
        print_json({"dry_run": dry_run, **vars(freed)})
        return
    would = "would be deleted" if dry_run else "deleted"
    click.echo(f"{len(freed.runs)} runs and {freed.artifacts} artifacts {would}, {size(freed.bytes)}")
