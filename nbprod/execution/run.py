"""Run a pipeline."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

from nbprod.errors import Cancelled, NbprodError
from nbprod.execution import kernels, prepared, report
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims
from nbprod.execution.database import Place
from nbprod.execution.events import Event, Listener, RunFinished, RunStarted, Status, ignore
from nbprod.execution.graph_file import write_graph
from nbprod.execution.interrupt import terminated
from nbprod.execution.journal import Journal
from nbprod.execution.outcome import describe
from nbprod.execution.plan import TaskPlan, plan_pipeline
from nbprod.execution.preload import FEW, desire_of
from nbprod.execution.records import Records, Run
from nbprod.execution.result import RunResult, TaskResult, blocked, last_versions, task_results, why_skipped
from nbprod.execution.scheduler import Scheduler, Tools
from nbprod.execution.selection import Limits, Request, check_tasks, limits_of, select, together
from nbprod.execution.setting import Setting, jsonable, values_of
from nbprod.execution.starting import Pool, Share, Wish
from nbprod.execution.task_run import TaskRunner
from nbprod.notebook.graph import Graph
from nbprod.notebook.pipeline import Pipeline

__all__ = ["RunResult", "TaskPlan", "TaskResult", "plan_pipeline", "run_pipeline"]


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
    pool: Pool | None = None,
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
        pool: Where its kernels come from, if it shares them with other runs (`pool_of`).

    Raises `Cancelled` on Ctrl-C, SIGTERM and `cancel`, after all kernels were ended; `NotFoundError` for an unknown task,
    `ParameterError` for a wrong parameter, `NotebookError` for a kernel that is not installed.
    """
    check_tasks(pipeline, [*only, *start_from, *(resources or {})])
    values = values_of(pipeline, parameters or {})
    setting = Setting(pipeline, project, name, values, inputs)
    own = {task: limits_of(value) for task, value in (resources or {}).items()}
    general = Limits(timeout, cell_timeout, retries)
    request = Request(
        select=lambda graph: select(graph, only, start_from, force),
        limits=lambda task: together(own.get(task), general),
        keep=keep,
        workers=workers or os.cpu_count() or 1,
    )
    own_pool = pool is None
    pool = pool or pool_of(pipeline, request.workers, always=sweep is not None)
    records = Records.open(project)
    options = {"only": list(only), "from": list(start_from), "force": force, "keep": sorted(keep)}
    run = records.start_run(
        name, str(pipeline.notebook.path.absolute()), jsonable(values), options=options, sweep=sweep, trial=trial
    )
    execution = _Execution(run, setting, request, records, project, one_at_a_time(on_event), cancel or Cancel())
    try:
        return execution(pool)
    finally:
        if own_pool:
            pool.close()


def pool_of(pipeline: Pipeline, ahead: int, *, always: bool = True) -> Pool:
    """Return kernels for runs of a pipeline, none started yet, with the environment of now.

    Args:
        pipeline: The pipeline.
        ahead: So many are started ahead of need at most.
        always: They may be forked however few they will be.

    Raises `NotebookError` for a kernel that is not installed.
    """
    name = kernels.find_kernel(pipeline.notebook.kernel_name, str(pipeline.notebook.path)).name
    pays = always or len(pipeline.tasks) >= FEW or prepared.always()
    folder = str(pipeline.notebook.path.absolute().parent)
    desire = desire_of(pipeline, patient=pays) if pays or prepared.keeper is not None else None
    return Pool(Wish(name, folder, kernels.environment(), desire), ahead)


class _Execution:
    """One run, from its entry in the records to its end there, whatever happens in between."""

    def __init__(
        self,
        run: Run,
        setting: Setting,
        request: Request,
        records: Records,
        project: Place,
        emit: Listener,
        cancel: Cancel,
    ) -> None:
        self.run = run
        self.setting = setting
        self.request = request
        self.records = records
        self.state = project.state.absolute()
        self.folder = self.state / "runs" / run.id
        self.emit = emit
        self.cancel = cancel
        self.scheduler: Scheduler | None = None
        self.status = Status.FAILED
        self.error: NbprodError | None = None

    def __call__(self, pool: Pool) -> RunResult:
        """Run with kernels of the pool, and return what came of it."""
        share = pool.share()
        try:
            self._run(share)
        except (KeyboardInterrupt, Cancelled):
            self.cancel.set()
            self.status = Status.CANCELLED
            raise Cancelled(
                f"run {self.run.id} was cancelled", fix="What had ended is kept; the next run goes on from there."
            ) from None
        except NbprodError as error:
            self.error = error
            raise
        finally:
            share.close()
            result = self._end()
        return result

    def _run(self, share: Share) -> None:
        setting = self.setting
        self.folder.mkdir(parents=True)
        tools = Tools(
            setting.cache,
            setting.lessons,
            Claims(self.state / "locks"),
            Journal(self.run.id, self.folder, self.records, self.emit),
            TaskRunner(
                setting.pipeline,
                self.run.id,
                setting.name,
                self.folder,
                setting.cache,
                setting.kernel,
                setting.values,
                self.emit,
                share,
            ),
            setting.key,
        )
        self.scheduler = scheduler = Scheduler(setting.pipeline, setting.name, self.request, tools, self.cancel)
        tasks = tuple(task for task in scheduler.graph.nodes if task in scheduler.selected)
        self.emit(RunStarted(run=self.run.id, pipeline=setting.name, parameters=self.run.parameters, tasks=tasks))
        with terminated():
            scheduler.run()
        for task, culprit in blocked(scheduler.graph, scheduler.selected, scheduler.outcomes).items():
            tools.journal.skipped(task, why_skipped(culprit))
        errors = [outcome.error for outcome in scheduler.outcomes.values() if outcome.error is not None]
        self.error = errors[0] if errors else None
        self.status = Status.FAILED if errors else Status.DONE

    def _end(self) -> RunResult:
        scheduler = self.scheduler
        graph = scheduler.graph if scheduler is not None else Graph({})
        outcomes = scheduler.outcomes if scheduler is not None else {}
        outputs, metrics = last_versions(graph, outcomes)
        try:
            if scheduler is not None:
                self._report(scheduler)
        except NbprodError as problem:  # a full disk, say; the run's own error is the one to show
            self.error = self.error or problem
            self.status = Status.FAILED if self.status is Status.DONE else self.status
        seconds = time.time() - self.run.created
        error = None if self.error is None else describe(self.error)
        self.records.finish_run(self.run.id, self.status, metrics=metrics, outputs=outputs, error=error)
        shown = None if self.error is None else str(self.error)
        self.emit(RunFinished(run=self.run.id, status=self.status, seconds=seconds, metrics=metrics, error=shown))
        kernels.settle(1.0)  # so that files which are flushed at exit are whole when we return
        selected = scheduler.selected if scheduler is not None else frozenset()
        return RunResult(
            self.run.id,
            self.setting.name,
            self.status,
            dict(self.setting.values),
            metrics,
            task_results(graph, selected, outcomes, self.folder),
            outputs,
            graph,
            self.folder / report.NOTEBOOK,
            seconds,
            self.error,
        )

    def _report(self, scheduler: Scheduler) -> None:
        store = self.setting.cache.store
        if scheduler.outcomes:
            found = (
                (outcome.node, report.executed_notebook(store, self.folder, name, outcome))
                for name, outcome in scheduler.outcomes.items()
            )
            executed = [(node, nb) for node, nb in found if nb is not None]
            report.write(self.folder / report.NOTEBOOK, self.setting.pipeline, self.setting.values, executed)
        write_graph(self.folder, scheduler.graph)
        jobs = self.folder / "jobs"
        for done in [jobs] if self.status is Status.DONE else jobs.glob("*/undo"):
            shutil.rmtree(done, ignore_errors=True)


def one_at_a_time(listener: Listener) -> Listener:
    """Return a listener that is never called by two threads at once."""
    lock = threading.Lock()

    def emit(event: Event) -> None:
        with lock:
            listener(event)

    return emit
