"""Runs: starting, listing, comparing, deleting them; what each has left."""

from __future__ import annotations

from typing import Any

from nbprod.errors import NotFoundError
from nbprod.server import commands, runs
from nbprod.server.checks import check_run
from nbprod.server.endpoints.jobs import job_of
from nbprod.server.models import Comparison, ExploreOptions, Job, RunDetail, RunOptions, RunPage
from nbprod.server.place import Server
from nbprod.server.problems import BadRequestError
from nbprod.server.queries import At, CompareQuery, NotebookQuery, RunsQuery


def start_run(server: Server, body: RunOptions) -> Job:
    """Run a pipeline."""
    place = server.existing(body.path)
    check_run(place, body)
    arguments = ["run", *commands.run_arguments(place, body), *commands.pool_arguments(body)]
    return job_of(server, server.jobs.start(place, "run", arguments))


def list_runs(server: Server, query: RunsQuery) -> RunPage:
    """List the runs of a pipeline."""
    place = server.place(query.path)
    return runs.page_of(place, query, runs.jobs_by_run(server.jobs.of(place)))


def show_run(server: Server, run: str, query: At) -> RunDetail:
    """Give a run with its tasks, what it kept and which files it read and wrote."""
    place = server.place(query.path)
    return runs.detail_of(place, run, runs.jobs_by_run(server.jobs.of(place)))


def compare_runs(server: Server, query: CompareQuery) -> Comparison:
    """Put runs side by side: parameters, metrics, states of tasks, code that differs."""
    ids = list(dict.fromkeys(part.strip() for part in query.ids.split(",") if part.strip()))
    if len(ids) < 2:
        raise BadRequestError("a comparison needs two runs or more", fix="Give their ids, separated by commas.")
    return runs.comparison_of(server.place(query.path), ids)


def delete_run(server: Server, run: str, query: At) -> None:
    """Delete a run and what only it needed."""
    from nbprod.execution.garbage import delete_run as delete

    place = server.place(query.path)
    delete(place.project, runs.known(place, run).id)


def show_notebook(server: Server, run: str, query: NotebookQuery) -> dict[str, Any]:
    """Give the executed notebook of a run, or of one of its tasks, as nbformat JSON."""
    from nbprod.execution.kept import run_notebook, task_notebook

    place = server.place(query.path)
    found = runs.known(place, run)
    if query.task is None:
        return dict(run_notebook(place.project, found))
    return dict(task_notebook(place.project, found, query.task))


def make_report(server: Server, run: str, query: At) -> Job:
    """Make the report of a run, an HTML page."""
    place = server.existing(query.path)
    found = runs.known(place, run).id
    return job_of(server, server.jobs.start(place, "report", ["show", found, "--report"], run=found))


def show_report(server: Server, run: str, query: At) -> str:
    """Give the report of a run, once it is made."""
    from nbprod.execution.report import kept_report

    place = server.place(query.path)
    found = kept_report(place.project, runs.known(place, run).id)
    if found is None:
        raise NotFoundError(f"the report of run {run} is not made yet", fix="POST to the same address makes it.")
    return found.read_text("utf-8")


def explore(server: Server, body: ExploreOptions) -> Job:
    """Make a notebook in which the inputs of a task are loaded, to look into it; the job's result has its `path`."""
    place = server.existing(body.path)
    run = runs.known(place, body.run).id
    arguments = ["explore", *commands.explore_arguments(place, body)]
    return job_of(server, server.jobs.start(place, "explore", arguments, run=run))
