"""Deleting what no kept run, model version or sweep needs: old runs, the traces of them alone, artifacts of neither."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import ConflictError, RunError
from nbprod.execution.database import Place
from nbprod.execution.events import Status
from nbprod.execution.orm import Connection, hold
from nbprod.execution.records import Records
from nbprod.execution.store import Store
from nbprod.execution.tables import Artifacts, ModelVersions, Runs, Sweeps, TaskRuns, Traces, Trials

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Freed:
    """What was deleted, or would be: ids of runs, numbers of traces, digests of artifacts, and bytes on disk."""

    runs: tuple[str, ...]
    traces: int
    artifacts: int
    bytes: int


def collect(project: Place, *, keep: int = 20, dry: bool = False) -> Freed:
    """Delete all but the newest `keep` runs of each pipeline (a sweep counts as one), and what only the deleted ones needed.

    Runs that became model versions stay. With `dry` nothing is deleted.
    Everything happens in one transaction, in which no run can start. Raises `RunError` while a run goes on.
    """
    records = Records.open(project)
    records.reconcile()
    store = Store(project.state / "artifacts")
    with records.db.write() as connection:
        hold(connection, Runs, Sweeps)
        _nothing_runs(connection)
        doomed = _old_runs(connection, keep)
        traces = _unused_traces(connection, doomed)
        needed = _digests(connection, doomed, traces)
        artifacts = store.digests() - needed
        folders = _folders(project.state / "runs", connection, doomed)
        freed = sum(store.size(digest) for digest in artifacts) + sum(map(_bytes, folders))
        if not dry:
            for chunk in _chunks(doomed):
                _forget(connection, chunk)
            for numbers in _chunks(traces):
                Traces.delete().where(Traces.id.in_(numbers)).execute(connection)
            for digests in _chunks(artifacts):
                Artifacts.delete().where(Artifacts.digest.in_(digests)).execute(connection)
            store.gc(needed)
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
    return Freed(tuple(sorted(doomed)), len(traces), len(artifacts), freed)


def delete_run(project: Place, run: str) -> None:
    """Delete one run, and the artifacts and traces that nothing else needs.

    While another run goes on these stay for the next `collect`, since that run may be about to use them. Raises `NotFoundError`, or
    `ConflictError` if the run goes on or became a model version.
    """
    records = Records.open(project)
    found = records.run(run)
    store = Store(project.state / "artifacts")
    with records.db.write() as connection:
        hold(connection, Runs, Sweeps)
        _may_go(connection, found.id)
        doomed = {found.id}
        if not _running(connection):
            own = _traces_of(connection, found.id)
            traces = _unused_traces(connection, doomed) & own
            gone = _digests(connection, set(), set()) - _digests(connection, doomed, traces)
            for numbers in _chunks(traces):
                Traces.delete().where(Traces.id.in_(numbers)).execute(connection)
            for digests in _chunks(gone):
                Artifacts.delete().where(Artifacts.digest.in_(digests)).execute(connection)
            store.gc(store.digests() - gone)
        _forget(connection, [found.id])
        shutil.rmtree(project.state / "runs" / found.id, ignore_errors=True)


def _forget(connection: Connection, runs: Sequence[str]) -> None:
    """Delete runs from the records; trials that they were keep their metrics, and lead to no run."""
    Trials.update(run=None).where(Trials.run.in_(runs)).execute(connection)
    Runs.delete().where(Runs.id.in_(runs)).execute(connection)


def _may_go(connection: Connection, run: str) -> None:
    if Runs.select(Runs.status).where(Runs.id == run).scalar(connection) == Status.RUNNING:
        raise ConflictError(f"run {run} is going on", fix="Stop it first.")
    versions = ModelVersions.select(ModelVersions.model, ModelVersions.version)
    version = versions.where(ModelVersions.run == run, ModelVersions.status != "failed").first(connection)
    if version is not None:
        raise ConflictError(
            f"run {run} became {version.model}/v{version.version}, whose lineage it is",
            fix="It stays with its version.",
        )


def _traces_of(connection: Connection, run: str) -> set[int]:
    uses = TaskRuns.select(TaskRuns.trace).where(TaskRuns.run == run, TaskRuns.trace.is_null(False))
    return set(uses.scalars(connection))


def _running(connection: Connection) -> tuple[str, str] | None:
    """Return the kind and the id of something that goes on."""
    run = Runs.select(Runs.id).where(Runs.status == Status.RUNNING).first(connection)
    sweep = Sweeps.select(Sweeps.id).where(Sweeps.status == Status.RUNNING).first(connection)
    if run is not None:
        return "run", run.id
    return None if sweep is None else ("sweep", sweep.id)


def _nothing_runs(connection: Connection) -> None:
    busy = _running(connection)
    if busy is not None:
        raise RunError(f"the {busy[0]} {busy[1]} is going on", fix="Wait until it has ended, or stop it.")


def _old_runs(connection: Connection, keep: int) -> set[str]:
    """Return the runs that go. A sweep counts as one run, so that its best trial does not go before the others."""
    runs = Runs.select(Runs.id, Runs.pipeline, Runs.sweep).order_by(Runs.created.desc(), Runs.id.desc())
    promoted = set(ModelVersions.select(ModelVersions.run).scalars(connection))
    kept: dict[str, set[str]] = {}
    doomed = set()
    for run in runs.execute(connection):
        groups = kept.setdefault(run.pipeline, set())
        group = run.sweep or run.id
        if group in groups or len(groups) < keep:
            groups.add(group)
        elif run.id not in promoted:
            doomed.add(run.id)
    return doomed


def _unused_traces(connection: Connection, doomed: set[str]) -> set[int]:
    uses = TaskRuns.select(TaskRuns.run, TaskRuns.trace).tuples().execute(connection)
    used = {trace for run, trace in uses if run not in doomed}
    return set(Traces.select(Traces.id).scalars(connection)) - used


def _digests(connection: Connection, doomed: set[str], traces: set[int]) -> set[str]:
    """Return every digest that what stays names anywhere."""
    found: set[str] = set()
    kept = Traces.select(Traces.id, Traces.outputs, Traces.written, Traces.notebook).tuples()
    for number, *values in kept.execute(connection):
        if number not in traces:
            found |= _named(values)
    for run, outputs in Runs.select(Runs.id, Runs.outputs).tuples().execute(connection):
        if run not in doomed:
            found |= _named(outputs)
    return found


def _named(value: Any) -> set[str]:
    return set(_DIGEST.findall(json.dumps(value)))


def _folders(root: Path, connection: Connection, doomed: set[str]) -> list[Path]:
    """Return the folders of runs that go, and of those that the records no longer know."""
    known = set(Runs.select(Runs.id).scalars(connection))
    return [folder for folder in root.glob("*") if folder.name in doomed or folder.name not in known]


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _chunks(values: Iterable[Any], size: int = 500) -> Iterable[list[Any]]:
    items = list(values)
    return (items[at : at + size] for at in range(0, len(items), size))
