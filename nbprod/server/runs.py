"""Runs as the panel gets them, from the records."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import NotFoundError
from nbprod.server.models import ArtifactInfo, CodeChange, Comparison, Run, RunDetail, RunPage, TaskRun
from nbprod.server.place import Place
from nbprod.server.problems import problem_from
from nbprod.server.queries import RunsQuery
from nbprod.server.values import json_value, numbers

if TYPE_CHECKING:
    from nbprod.execution import records as core
    from nbprod.server.followed import Followed

JobsByRun = Mapping[str, str]


def jobs_by_run(jobs: Iterable[Followed]) -> JobsByRun:
    """Return for each run or sweep the job that made it."""
    made = [job for job in jobs if job.order.kind in ("run", "sweep")]
    return {key: job.order.id for job in reversed(made) for key in (job.sweep or job.run,) if key is not None}


def known(place: Place, run: str) -> core.Run:
    """Return a run of the records by its whole id. Raises `NotFoundError`."""
    from nbprod.execution.records import Records

    found = Records.open(place.project).run(run) if place.project.has_records else None
    if found is None or found.id != run:  # the command line takes a part of an id; here it would be a mistake
        raise NotFoundError(f"there is no run {run!r}", fix="It may have been deleted; list the runs again.")
    return found


def page_of(place: Place, query: RunsQuery, jobs: JobsByRun) -> RunPage:
    """Return some of the runs of a pipeline."""
    from nbprod.execution.pages import page
    from nbprod.execution.records import Records

    if not place.project.has_records:
        return RunPage(total=0, runs=[])
    total, found = page(
        Records.open(place.project),
        place.entry.name,
        sweep=query.sweep,
        status=query.status,
        where=query.where,
        sort=query.sort,
        descending=query.order == "desc",
        limit=query.limit,
        offset=query.offset,
    )
    return RunPage(total=total, runs=[run_of(place, run, jobs) for run in found])


def detail_of(place: Place, wanted: str, jobs: JobsByRun) -> RunDetail:
    """Return a run with all that is known of it."""
    from nbprod.execution.kept import artifacts, with_notebook
    from nbprod.execution.records import Records

    run = known(place, wanted)
    there = with_notebook(place.project, run)
    files = Records.open(place.project).files(run.id)
    return RunDetail(
        run=run_of(place, run, jobs),
        tasks=[
            TaskRun(
                task=one.task,
                status=one.status.value,
                reason=one.reason,
                seconds=one.seconds,
                started=one.started,
                cached_from=one.cached_from,
                error=problem_from(one.error, place.server_root),
                has_notebook=one.task in there,
            )
            for one in run.tasks
        ],
        artifacts=[ArtifactInfo(**vars(one)) for one in artifacts(place.project, run)],
        files={way: sorted(place.shown(path) or path for path in paths) for way, paths in files.items()},
    )


def run_of(place: Place, run: core.Run, jobs: JobsByRun) -> Run:
    """Return a run without its tasks."""
    return Run(
        id=run.id,
        pipeline=run.pipeline,
        path=place.path if run.notebook == str(place.notebook) else place.shown(Path(run.notebook)),
        status=run.status.value,
        parameters=json_value(run.parameters),
        metrics=numbers(run.metrics),
        created=run.created,
        seconds=run.seconds,
        sweep=run.sweep,
        trial=run.trial,
        job=jobs.get(run.sweep or run.id),
        error=problem_from(run.error, place.server_root),
    )


def comparison_of(place: Place, ids: Sequence[str]) -> Comparison:
    """Return runs side by side."""
    runs = [known(place, one) for one in ids]
    tasks = dict.fromkeys(task.task for run in runs for task in run.tasks)
    states = [{task.task: task.status.value for task in run.tasks} for run in runs]
    metrics = [numbers(run.metrics) for run in runs]
    return Comparison(
        runs=[run_of(place, run, {}) for run in runs],
        parameters={
            name: [json_value(run.parameters.get(name)) for run in runs]
            for name in dict.fromkeys(name for run in runs for name in run.parameters)
        },
        metrics={
            name: [found.get(name) for found in metrics]
            for name in dict.fromkeys(name for found in metrics for name in found)
        },
        tasks={name: [state.get(name) for state in states] for name in tasks},
        code=_changes(place, runs),
    )


def _changes(place: Place, runs: Sequence[core.Run]) -> list[CodeChange]:
    from nbprod.execution.kept import code

    first, *others = [code(place.project, run) for run in runs]
    changes = []
    for run, other in zip(runs[1:], others, strict=True):
        for task in dict.fromkeys([*first, *other]):
            before, after = first.get(task, ""), other.get(task, "")
            if before != after:
                lines = difflib.unified_diff(
                    before.splitlines(), after.splitlines(), runs[0].id, run.id, lineterm="", n=3
                )
                changes.append(CodeChange(task=task, run=run.id, diff="\n".join(lines)))
    return changes
