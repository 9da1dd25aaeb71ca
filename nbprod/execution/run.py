"""Plan a pipeline and run it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import Any

from nbprod.errors import Cancelled, Location, NbprodError, NotFoundError, ParameterError
from nbprod.execution import kernels, literals, report
from nbprod.execution.cache import Cache, Digests, Key
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims
from nbprod.execution.database import Place, database
from nbprod.execution.events import Listener, RunFinished, RunStarted, Status, ignore
from nbprod.execution.lessons import Lessons
from nbprod.execution.records import Records
from nbprod.execution.scheduler import Outcome, Request, Scheduler, describe, order, watched
from nbprod.execution.store import Store
from nbprod.execution.task_run import Limits, TaskRunner
from nbprod.notebook.graph import Graph, Node
from nbprod.notebook.pipeline import Pipeline


@dataclass(frozen=True)
class TaskPlan:
    """What a run would do with a task. `action` is `run`, `cached` or `unknown` (it depends on what one before it gives)."""

    name: str
    action: str
    reason: str
    cached_from: str | None = None


@dataclass(frozen=True)
class TaskResult:
    """What a run did with a task. `notebook` is the executed notebook, where this run made one."""

    name: str
    status: Status
    reason: str
    seconds: float = 0.0
    cached_from: str | None = None
    error: NbprodError | None = None
    notebook: Path | None = None


@dataclass(frozen=True)
class RunResult:
    """What came of a run. `outputs` maps each variable that was saved to its last version's artifact."""

    id: str
    pipeline: str
    status: Status
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    tasks: tuple[TaskResult, ...]
    outputs: Mapping[str, str]
    graph: Graph
    notebook: Path
    """The author's notebook with what its cells gave in this run."""
    seconds: float
    error: NbprodError | None = None


def plan_pipeline(
    pipeline: Pipeline,
    project: Place,
    *,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    only: Collection[str] = (),
    start_from: Collection[str] = (),
    force: bool = False,
    keep: frozenset[str] = frozenset(),
    inputs: Collection[str] = (),
) -> list[TaskPlan]:
    """Say for each task whether a run would compute it, and why. Nothing is run or changed.

    Takes what `run_pipeline` takes and raises the same for wrong options.
    """
    _check_tasks(pipeline, [*only, *start_from])
    setting = _Setting(pipeline, project, name, _values(pipeline, parameters or {}), inputs)
    graph = pipeline.resolve(setting.lessons.read(), keep)
    selected, forced = _select(graph, only, start_from, force)
    digests: dict[str, Mapping[str, str]] = {}
    files: dict[str, str | None] = {}
    plans: dict[str, TaskPlan] = {}
    for task in order(graph):
        if task not in selected:
            continue
        node = graph.nodes[task]
        if waits := [u for u in sorted(node.upstream) if u not in digests and u in selected]:
            plans[task] = TaskPlan(task, "unknown", f"depends on what {', '.join(waits)} will give")
            if task in forced:
                plans[task] = TaskPlan(task, "run", "forced")
            continue
        loads = {u: digests[u] for u in node.upstream if u in digests}
        key = setting.key(node, loads)
        found = setting.cache.look(key, name, task, node.outputs, watched(graph, node), files)
        if task in forced:
            plans[task] = TaskPlan(task, "run", "forced")
        elif found.trace is None:
            plans[task] = TaskPlan(task, "run", found.reason)
        else:
            plans[task] = TaskPlan(task, "cached", found.reason, found.trace.run)
            digests[task] = found.trace.digests
            files.update(found.trace.written)
    return [plans[task] for task in graph.nodes if task in plans]


def run_pipeline(
    pipeline: Pipeline,
    project: Place,
    *,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    only: Collection[str] = (),
    start_from: Collection[str] = (),
    force: bool = False,
    timeout: float | None = None,
    cell_timeout: float | None = None,
    retries: int = 0,
    workers: int | None = None,
    keep: frozenset[str] = frozenset(),
    resources: Mapping[str, Any] | None = None,
    inputs: Collection[str] = (),
    on_event: Listener = ignore,
    sweep: str | None = None,
    trial: int | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Run a pipeline and return what came of it, also when a task failed (`status`, `error`).

    Args:
        pipeline: The pipeline.
        project: Where records, artifacts and runs are kept.
        name: The pipeline's name in the records.
        parameters: Values in place of the notebook's defaults.
        only: Just these tasks, and what they need of the tasks before them.
        start_from: These tasks and all that come after them are computed anew.
        force: Compute everything anew; with `only`, just those tasks.
        timeout: Seconds that each task may take.
        cell_timeout: Seconds that each cell may take.
        retries: How often a task that fails is started again.
        workers: Tasks that run at the same time; as many as there are processors by default.
        keep: Variables to save at their last version, whoever needs them; `@all` for every one.
        resources: For some tasks their own `timeout`, `cell_timeout` and `retries`.
        inputs: Files (glob patterns from the project's root) that every task depends on.
        on_event: Is called with each event, from one thread at a time.
        sweep: The sweep that the run belongs to, with `trial`, its number there.
        trial: See `sweep`.
        cancel: Stops the run from another thread.

    Raises `Cancelled` on Ctrl-C, SIGTERM and `cancel`, after all kernels were ended; `NotFoundError` for an unknown task,
    `ParameterError` for a wrong parameter, `NotebookError` for a kernel that is not installed.
    """
    _check_tasks(pipeline, [*only, *start_from, *(resources or {})])
    values = _values(pipeline, parameters or {})
    setting = _Setting(pipeline, project, name, values, inputs)
    cancel = cancel or Cancel()
    records = Records.open(project)
    options = {"only": list(only), "from": list(start_from), "force": force, "keep": sorted(keep)}
    run = records.start_run(
        name, str(pipeline.notebook.path), _jsonable(values), options=options, sweep=sweep, trial=trial
    )
    folder = project.state.absolute() / "runs" / run.id
    emit = _one_at_a_time(on_event)
    own = {task: _limits(value) for task, value in (resources or {}).items()}
    general = Limits(timeout, cell_timeout, retries)
    request = Request(
        select=lambda graph: _select(graph, only, start_from, force),
        limits=lambda task: _together(own.get(task), general),
        keep=keep,
        workers=workers or os.cpu_count() or 1,
    )
    scheduler: Scheduler | None = None
    status, error = Status.FAILED, None
    try:
        folder.mkdir(parents=True)
        runner = TaskRunner(pipeline, run.id, name, folder, setting.cache, setting.kernel, values, emit)
        claims = Claims(project.state.absolute() / "locks")
        scheduler = Scheduler(
            pipeline, run.id, request, runner, setting.cache, setting.lessons, records, claims, setting.key, emit, cancel
        )
        chosen = tuple(task for task in scheduler.graph.nodes if task in scheduler.selected)
        emit(RunStarted(run=run.id, pipeline=name, parameters=_jsonable(values), tasks=chosen))
        with _terminated():
            scheduler.run()
        errors = [outcome.error for outcome in scheduler.outcomes.values() if outcome.error is not None]
        error = errors[0] if errors else None
        status = Status.FAILED if errors else Status.DONE
    except (KeyboardInterrupt, Cancelled):
        cancel.set()
        status = Status.CANCELLED
        raise Cancelled(f"run {run.id} was cancelled", fix="What had ended is kept; the next run goes on from there.") from None
    except NbprodError as problem:
        error = problem
        raise
    finally:
        outcomes = scheduler.outcomes if scheduler else {}
        result = _result(run.id, pipeline, setting, values, scheduler, status, error, folder, time.time() - run.created)
        if outcomes:
            _write_report(pipeline, setting.cache.store, folder, outcomes)
        shutil.rmtree(folder / "jobs", ignore_errors=status is not Status.DONE) if (folder / "jobs").exists() else None
        records.finish_run(
            run.id,
            status,
            metrics=result.metrics,
            outputs=result.outputs,
            error=describe(error) if error is not None else None,
        )
        kernels.settle()
        emit(
            RunFinished(
                run=run.id,
                status=status,
                seconds=result.seconds,
                metrics=result.metrics,
                error=str(error) if error is not None else None,
            )
        )
    return result


class _Setting:
    """What planning and running a pipeline have in common."""

    def __init__(
        self, pipeline: Pipeline, project: Place, name: str, values: Mapping[str, Any], inputs: Collection[str]
    ) -> None:
        self.name = name
        self.values = values
        self.kernel = kernels.find_kernel(pipeline.notebook.kernel_name, str(pipeline.notebook.path))
        db = database(project)
        self.cache = Cache(db, Store(project.state.absolute() / "artifacts"), self.kernel)
        self.lessons = Lessons(db, pipeline)
        self.folder = pipeline.notebook.path.absolute().parent
        self.inputs = self.cache.hashes.matching(inputs, project.root)

    def key(self, node: Node, loads: Digests) -> Key:
        """Return the key of a task with these inputs."""
        return Key.of(node, self.values, loads, self.kernel, self.folder, self.inputs)


def _result(
    run: str,
    pipeline: Pipeline,
    setting: _Setting,
    values: Mapping[str, Any],
    scheduler: Scheduler | None,
    status: Status,
    error: NbprodError | None,
    folder: Path,
    seconds: float,
) -> RunResult:
    outputs: dict[str, str] = {}
    metrics: dict[str, float] = {}
    tasks = []
    graph = scheduler.graph if scheduler else Graph({})
    for name in graph.nodes:
        if scheduler is None or name not in scheduler.selected:
            continue
        outcome = scheduler.outcomes.get(name)
        if outcome is None:
            left = Status.SKIPPED if status is Status.FAILED else Status.CANCELLED
            tasks.append(TaskResult(name, left, "a task that it depends on failed" if error else "did not run"))
            continue
        trace, notebook = outcome.trace, folder / "tasks" / f"{name}.ipynb"
        if trace is not None:
            outputs |= trace.digests
            metrics |= trace.metrics
        tasks.append(
            TaskResult(
                name,
                outcome.status,
                outcome.reason,
                outcome.seconds,
                trace.run if trace is not None and outcome.status is Status.CACHED else None,
                outcome.error,
                notebook if notebook.exists() else None,
            )
        )
    return RunResult(
        run,
        setting.name,
        status,
        dict(values),
        metrics,
        tuple(tasks),
        outputs,
        graph,
        folder / report.NOTEBOOK,
        seconds,
        error,
    )


def _write_report(pipeline: Pipeline, store: Store, folder: Path, outcomes: Mapping[str, Outcome]) -> None:
    found = (
        report.executed_notebook(store, folder, name, outcome.trace.notebook if outcome.trace else None)
        for name, outcome in outcomes.items()
    )
    report.write(folder / report.NOTEBOOK, pipeline.notebook.node, [nb for nb in found if nb is not None])


def _values(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters' values as plain Python. Raises `ParameterError` for one that does not exist."""
    for name in given:
        if name not in pipeline.parameters:
            close = get_close_matches(name, pipeline.parameters, n=1)
            known = ", ".join(pipeline.parameters) or "none"
            raise ParameterError(
                f"there is no parameter {name!r}",
                where=Location(file=str(pipeline.notebook.path)),
                fix=f"Did you mean {close[0]!r}?" if close else f"The notebook's parameters: {known}.",
            )
    defaults = {name: parameter.default for name, parameter in pipeline.parameters.items()}
    return {name: literals.plain(value, name) for name, value in {**defaults, **given}.items()}


def _check_tasks(pipeline: Pipeline, names: Collection[str]) -> None:
    for name in names:
        if name not in pipeline.tasks:
            close = get_close_matches(name, pipeline.tasks, n=1)
            raise NotFoundError(
                f"there is no task {name!r}",
                where=Location(file=str(pipeline.notebook.path)),
                fix=(f"Did you mean {close[0]!r}? " if close else "") + f"Tasks: {', '.join(pipeline.tasks)}.",
            )


def _select(
    graph: Graph, only: Collection[str], start_from: Collection[str], force: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tasks that are part of a run, and those of them that are computed anew."""
    selected = set(graph.nodes)
    if only:
        selected, open_ = set(), list(only)
        while open_:
            name = open_.pop()
            if name in graph.nodes and name not in selected:
                selected.add(name)
                open_ += graph.nodes[name].upstream
    forced = set((only or selected) if force else ())
    for name in order(graph):
        if name in start_from or (start_from and graph.nodes[name].upstream & forced and not force):
            forced.add(name)
    return frozenset(selected), frozenset(forced & selected)


def _limits(value: Any) -> Limits:
    get = value.get if isinstance(value, Mapping) else lambda name, default=None: getattr(value, name, default)
    return Limits(get("timeout"), get("cell_timeout"), get("retries") or 0)


def _together(own: Limits | None, general: Limits) -> Limits:
    if own is None:
        return general
    return Limits(
        own.timeout if own.timeout is not None else general.timeout,
        own.cell_timeout if own.cell_timeout is not None else general.cell_timeout,
        own.retries or general.retries,
    )


def _jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameter values for JSON: what is no JSON is shown as Python writes it."""
    return {name: value if _is_json(value) else literals.literal(value) for name, value in values.items()}


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and abs(value) < float("inf"))


def _one_at_a_time(listener: Listener) -> Listener:
    lock = threading.Lock()

    def emit(event: Any) -> None:
        with lock:
            listener(event)

    return emit


@contextmanager
def _terminated() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, where this thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    kinds = [getattr(signal, kind) for kind in ("SIGTERM", "SIGHUP") if hasattr(signal, kind)]
    # one that is ignored (nohup) stays ignored
    before = {kind: signal.signal(kind, interrupt) for kind in kinds if signal.getsignal(kind) == signal.SIG_DFL}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
