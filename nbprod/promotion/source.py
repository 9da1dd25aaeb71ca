"""Which run is promoted, and all that promotion must know of it, read from the records."""

from __future__ import annotations

import hashlib
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import Location, NotebookError, NotFoundError, PromotionError
from nbprod.execution.cache import Trace
from nbprod.execution.events import Status
from nbprod.execution.past import read_past
from nbprod.execution.records import Records, Run
from nbprod.notebook.reader import read_notebook
from nbprod.promotion.candidate import Candidate, Kept
from nbprod.promotion.measures import measures
from nbprod.sweep.trials import Sweeps

if TYPE_CHECKING:
    from nbprod.notebook.pipeline import Pipeline, Serve
    from nbprod.project import Entry, Project


def choose_run(project: Project, entry: Entry, run: str | None = None) -> Run:
    """Return the run to promote: the one asked for, else the best of the newest sweep, else the newest that succeeded.

    A run that is newer than the newest sweep comes before it. Raises `NotFoundError`, or `PromotionError` for a run of
    another pipeline or one that did not succeed.
    """
    records = Records.open(project)
    if run is not None:
        found = records.run(run)
        if found.pipeline != entry.name:
            raise PromotionError(
                f"run {found.id} is of the pipeline {found.pipeline!r}, not {entry.name!r}",
                fix=f"nbprod runs {entry.name} lists its runs.",
            )
        if found.status is not Status.DONE:
            raise PromotionError(f"run {found.id} is {found.status}, and only a finished run can be promoted")
        return found
    try:
        sweep = Sweeps(project).get(pipeline=entry.name)
    except NotFoundError:
        sweep = None
    newest = records.runs(entry.name, status=Status.DONE, limit=1)
    if sweep is not None:  # a trial whose run was deleted cannot be promoted
        sweep = replace(sweep, trials=tuple(trial for trial in sweep.trials if trial.run is not None))
    best = sweep.best.run if sweep is not None and sweep.best is not None else None
    single = newest and newest[0].sweep is None and sweep is not None and newest[0].created > sweep.created
    if best is not None and not single:
        return records.run(best)
    if not newest:
        raise NotFoundError(f"no run of {entry.name!r} has succeeded yet", fix=f"Run it: nbprod run {entry.name}.")
    return records.run(newest[0].id)


def candidate(project: Project, entry: Entry, run: Run) -> Candidate:
    """Return a run as promotion sees it, from the notebook as it was when it ran.

    Raises `PromotionError` if the notebook serves nothing, `NotFoundError` if what the run kept is gone.
    """
    path = Path(run.notebook)
    past = read_past(project, run)
    serve, closure = past.pipeline.serve, past.graph.serve
    if serve is None or closure is None:
        raise nothing_to_serve(past.pipeline)
    if serve.others:
        raise several_to_serve(past.pipeline, serve)
    kept: dict[str, Kept] = {}
    for trace in past.traces.values():
        kept |= {key: Kept(entry["artifact"], entry.get("type", "")) for key, entry in trace.outputs.items()}
    return Candidate(
        pipeline=entry.name,
        run=run.id,
        notebook=path,
        serve=serve,
        closure=closure,
        loads=past.loads,
        kept={name: value for name, value in kept.items() if not name.startswith("@")},
        parameters=past.parameters,
        metrics=run.metrics,
        store=past.store.root,
        python=past.kernel.executable,
        lineage=_lineage(project, run, past.pipeline, past.traces),
        measures=measures(past.graph, run.metrics),
    )


def nothing_to_serve(pipeline: Pipeline) -> PromotionError:
    """Return the error for a notebook that serves nothing."""
    where = Location(file=pipeline.notebook.path.name)
    if pipeline.serve is not None:
        return PromotionError(f"{pipeline.serve.name!r} cannot be served", where=where)
    return PromotionError(
        "there is nothing to serve",
        where=where,
        fix="Tag the cell that defines the function to serve with `serve`, or fit an estimator in the notebook.",
    )


def several_to_serve(pipeline: Pipeline, serve: Serve) -> PromotionError:
    """Return the error for a notebook that fits several models and does not say which it serves."""
    names = [*serve.others, serve.name]
    return PromotionError(
        f"the notebook fits {len(names)} models ({', '.join(names)}) and does not say which is to be served",
        where=Location(file=pipeline.notebook.path.name),
        fix=f"Tag a cell `serve` that defines the function to serve, such as: def predict(rows): return {serve.name}.predict(rows)",
    )


def _lineage(project: Project, run: Run, pipeline: Pipeline, traces: Mapping[str, Trace]) -> dict[str, Any]:
    packages: dict[str, str] = {}
    for trace in traces.values():
        packages |= dict(trace.packages.values())
    path = Path(run.notebook)
    files = Records.open(project).files(run.id)
    return {
        "notebook": {
            "path": _relative(path, project.root),
            "sha256": _sha(path),
            "changed_since_run": _changed(path, pipeline),
        },
        "cells": [
            {
                "id": cell.id,
                "number": cell.number,
                "task": task.name,
                "sha256": hashlib.sha256(cell.source.encode()).hexdigest(),
                "source": cell.source,
            }
            for task in pipeline.tasks.values()
            for cell in task.cells
        ],
        "git": git_state(path.parent),  # as it is at promotion
        "data": {
            _relative(Path(file), project.root): sha
            for file, sha in files["read"].items()
            if sha is not None and not Path(file).is_dir()  # a folder that was listed is no data
        },
        "packages": packages,
        "sweep": run.sweep,
        "trial": run.trial,
        "spread": _spread(project, run),
        "ran": run.created,
    }


def _spread(project: Project, run: Run) -> dict[str, Any]:
    """The least, the middle and the most that each metric was in the trials of the run's sweep."""
    if run.sweep is None:
        return {}
    trials = [trial.metrics for trial in Sweeps(project).get(run.sweep).trials if trial.metrics]
    found = {}
    for name in run.metrics:
        values = sorted(float(metrics[name]) for metrics in trials if isinstance(metrics.get(name), int | float))
        if len(values) > 1:
            found[name] = {
                "low": values[0],
                "median": statistics.median(values),
                "high": values[-1],
                "trials": len(values),
            }
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit that is checked out in `folder` and whether files differ from it; None outside a repository."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def _changed(path: Path, pipeline: Pipeline) -> bool:
    """Whether the author's notebook has other code by now than the run had."""
    try:
        now = read_notebook(path)
    except NotebookError:
        return True
    return [cell.source for cell in now.cells] != [cell.source for cell in pipeline.notebook.cells]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _sha(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
