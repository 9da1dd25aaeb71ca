"""The loop of a run: what is ready is reused or computed; what tasks teach changes the graph, and the loop goes on.

An outcome, success or failure, is valid for the bindings and inputs that it came from. Whatever is not valid is pending,
and whether it must be computed again is for the cache to say.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from nbprod.errors import Cancelled, NbprodError
from nbprod.execution import libraries
from nbprod.execution.cache import Cache, Key, Trace
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims
from nbprod.execution.events import Event, Replanned, Status, TaskFinished, TaskQueued, TaskStarted
from nbprod.execution.lessons import Lessons
from nbprod.execution.records import Records, TaskRun
from nbprod.execution.task_run import Limits, TaskFailed, TaskRunner
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Graph, Node
from nbprod.notebook.pipeline import Pipeline


@dataclass(frozen=True)
class Outcome:
    """What came of a task in this run: a trace, or an error."""

    node: Node
    key: Key
    status: Status
    reason: str
    trace: Trace | None = None
    error: NbprodError | None = None
    attempts: int = 0
    started: float | None = None
    finished: float | None = None

    @property
    def seconds(self) -> float:
        """How long this run spent on it; 0 for what was reused."""
        return 0.0 if self.started is None or self.finished is None else self.finished - self.started


@dataclass
class Running:
    """A task that is being computed."""

    node: Node
    key: Key
    reason: str
    watch: tuple[str, ...]
    cancel: Cancel = field(default_factory=Cancel)
    started: float | None = None
    attempts: int = 0


@dataclass(frozen=True)
class Request:
    """What a run is asked to do. `select` gives, for a graph, the tasks that are part of it and those forced to run."""

    select: Callable[[Graph], tuple[frozenset[str], frozenset[str]]]
    limits: Callable[[str], Limits]
    keep: frozenset[str] = frozenset()
    workers: int = 1


def order(graph: Graph) -> list[str]:
    """Return the tasks in notebook order, moved only where an edge asks for it."""
    place = {name: number for number, name in enumerate(graph.nodes)}
    sorter = TopologicalSorter({name: [u for u in node.upstream if u in place] for name, node in graph.nodes.items()})
    sorter.prepare()
    done: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        done += ready
        sorter.done(*ready)
    return done


def watched(graph: Graph, node: Node) -> tuple[str, ...]:
    """Return the inputs of a task that a later one, or the service, takes too: changes in place must be noticed."""
    after = False
    later: set[str] = set(graph.serve.inputs) if graph.serve else set()
    for name, other in graph.nodes.items():
        if after:
            later.update(other.inputs)
        after = after or name == node.name
    return tuple(sorted(set(node.inputs) & later))


class Scheduler:
    """Runs a pipeline's tasks; the `Work` of Ploomber's executor."""

    def __init__(
        self,
        pipeline: Pipeline,
        run: str,
        request: Request,
        runner: TaskRunner,
        cache: Cache,
        lessons: Lessons,
        records: Records,
        claims: Claims,
        make_key: Callable[[Node, Mapping[str, Mapping[str, str]]], Key],
        emit: Callable[[Event], None],
        cancel: Cancel,
    ) -> None:
        self.pipeline = pipeline
        self.run_id = run
        self.request = request
        self.runner = runner
        self.cache = cache
        self.lessons = lessons
        self.records = records
        self.claims = claims
        self.make_key = make_key
        self.emit = emit
        self.cancel = cancel
        self.facts: dict[str, Facts] = lessons.read()
        self.outcomes: dict[str, Outcome] = {}
        self.running: dict[str, Running] = {}
        self._valid: dict[str, Outcome] = {}
        self._ready: dict[str, tuple[Key, Mapping[str, Mapping[str, str]]]] = {}
        self._keys: dict[str, tuple[Node, Mapping[str, Mapping[str, str]], Key]] = {}
        self._ran: set[str] = set()
        self._ended: queue.SimpleQueue[tuple[str, Running, Trace | BaseException]] = queue.SimpleQueue()
        self._settled_early: list[str] = []
        self._replanned = False
        self._plan(pipeline.resolve(self.facts, request.keep))

    # What a run does

    def run(self) -> None:
        """Run until every selected task has ended, or cannot run because of one that failed. Raises `Cancelled`."""
        self.pool = ThreadPoolExecutor(self.request.workers, thread_name_prefix="nbprod-task")
        try:
            with self.cancel.calling(self._cancel_running):
                while True:
                    self._replanned = False
                    self.settle()
                    pending = [name for name in self._ready if name in self.selected]
                    if self._replanned:
                        continue
                    if not pending and not self.running:
                        return
                    for name in pending:
                        self.start(name)  # kernels start while Ploomber is imported
                    nodes = {name: self.graph.nodes[name] for name in order(self.graph) if name in self.selected}
                    libraries.dag().run_dag(nodes, self, self.runner.name)
                    if not self._replanned:
                        return
        except BaseException:
            self._cancel_running()
            raise
        finally:
            self.pool.shutdown(wait=True, cancel_futures=True)
            while not self._ended.empty():
                self._discard(self._ended.get()[2])

    def settle(self) -> None:
        """Bring up to date what is valid, reusing all that the cache has; nothing is computed."""
        self._valid, self._ready = {}, {}
        for name in order(self.graph):
            node = self.graph.nodes[name]
            if not all(u in self._valid and self._valid[u].status.is_good() for u in node.upstream):
                continue
            loads = self._loads(node)
            key = self._key(node, loads)
            outcome = self.outcomes.get(name)
            if outcome is not None and outcome.node == node and outcome.key.digest == key.digest:
                self._valid[name] = outcome
                continue
            running = self.running.get(name)
            if running is not None and running.node == node and running.key.digest == key.digest:
                continue
            if name not in self.selected or name in self.forced and name not in self._ran:
                self._ready[name] = (key, loads)
                continue
            found = self.cache.look(key, self.runner.name, name, node.outputs, watched(self.graph, node))
            if found.trace is None:
                self._ready[name] = (key, loads)
                continue
            if self._reuse(name, node, key, found.trace, found.reason):
                return  # the graph has changed: the caller begins again

    # What Ploomber's executor asks for

    def is_settled(self, name: str) -> bool:
        """Return whether the task has a result that can be used."""
        return name in self._valid and self._valid[name].status.is_good()

    def replanned(self) -> bool:
        """Return whether the graph has changed since the last round began."""
        return self._replanned

    def raise_if_failed(self, name: str) -> None:
        """Raise what the task failed with, if it did."""
        error = self._valid[name].error
        if error is not None:
            raise error

    def start(self, name: str) -> None:
        """Have the task computed by a worker, unless it is under way, or was found in the cache since it was asked for."""
        if name in self._valid:
            self._settled_early.append(name)
            return
        key, loads = self._ready.get(name, (None, None))
        if key is None or loads is None:
            return  # under way
        del self._ready[name]
        node = self.graph.nodes[name]
        watch = watched(self.graph, node)
        force = name in self.forced and name not in self._ran
        found = self.cache.look(key, self.runner.name, name, node.outputs, watch)
        reason = "forced" if force else found.reason
        running = Running(node, key, reason, watch)
        self.running[name] = running
        self.emit(TaskQueued(run=self.run_id, task=name, reason=reason))
        self.records.save_task(self.run_id, TaskRun(name, Status.PENDING, reason, key.digest))
        self.pool.submit(self._compute, name, running, loads, force)

    def next(self) -> list[str]:
        """Wait until a task ends; return those that have ended, nothing when none is under way. Raises `Cancelled`."""
        while not self._settled_early and self.running:
            name, running, result = self._ended.get()
            if self.running.get(name) is not running:
                self._discard(result)
                continue
            del self.running[name]
            self._finish(name, running, result)
            if self._replanned:
                return []
            before = set(self._valid)
            self.settle()
            if self._replanned:
                return []
            self._settled_early += [ended for ended in self._valid if ended not in before]
        ended, self._settled_early = self._settled_early, []
        return ended

    # Inside

    def _plan(self, graph: Graph) -> None:
        self.graph = graph
        self.selected, self.forced = self.request.select(graph)

    def _loads(self, node: Node) -> dict[str, dict[str, str]]:
        digests = {}
        for task in {step.task for step in node.prelude if hasattr(step, "task")}:
            trace = self._valid[task].trace
            assert trace is not None
            digests[task] = trace.digests
        return digests

    def _key(self, node: Node, loads: Mapping[str, Mapping[str, str]]) -> Key:
        known = self._keys.get(node.name)
        if known is None or known[0] != node or known[1] != loads:
            known = self._keys[node.name] = (node, loads, self.make_key(node, loads))
        return known[2]

    def _compute(self, name: str, running: Running, loads: Mapping[str, Mapping[str, str]], force: bool) -> None:
        result: Trace | BaseException
        try:
            with self.claims.hold(running.key.digest, running.cancel) as waited:
                found = None
                if waited and not force:
                    found = self.cache.look(running.key, self.runner.name, name, running.node.outputs, running.watch)
                result = found.trace if found and found.trace else self._attempt(name, running, loads)
        except BaseException as error:
            result = error
        self._ended.put((name, running, result))

    def _attempt(self, name: str, running: Running, loads: Mapping[str, Mapping[str, str]]) -> Trace:
        limits = self.request.limits(name)
        while True:
            running.cancel.check()
            running.attempts += 1
            running.started = running.started or time.time()
            self.emit(TaskStarted(run=self.run_id, task=name, reason=running.reason))
            self.records.save_task(
                self.run_id,
                TaskRun(name, Status.RUNNING, running.reason, running.key.digest, attempts=running.attempts, started=running.started),
            )
            try:
                return self.runner(running.node, running.key, loads, running.watch, limits, running.cancel)
            except TaskFailed as failed:
                if running.attempts > limits.retries or not failed.retry:
                    raise

    def _reuse(self, name: str, node: Node, key: Key, trace: Trace, reason: str) -> bool:
        self.cache.restore(trace)
        outcome = Outcome(node, key, Status.CACHED, reason, trace)
        self.outcomes[name] = self._valid[name] = outcome
        self._enter(name, outcome)
        return self._learn(name, trace.facts)

    def _finish(self, name: str, running: Running, result: Trace | BaseException) -> None:
        now = time.time()
        if isinstance(result, Trace):
            shared = result.run != self.run_id
            if shared:
                self.cache.restore(result)
            outcome = Outcome(
                running.node,
                running.key,
                Status.CACHED if shared else Status.DONE,
                f"cached from run {result.run}" if shared else running.reason,
                result,
                attempts=running.attempts,
                started=None if shared else running.started,
                finished=None if shared else now,
            )
            taught = result.facts
        elif isinstance(result, TaskFailed | NbprodError) and not isinstance(result, Cancelled):
            outcome = Outcome(
                running.node,
                running.key,
                Status.FAILED,
                running.reason,
                error=result.error if isinstance(result, TaskFailed) else result,
                attempts=running.attempts,
                started=running.started,
                finished=now,
            )
            unknown = result.unknown_name if isinstance(result, TaskFailed) else None
            taught = Facts(reads=frozenset({unknown})) if unknown else Facts()
        else:
            raise result
        self._ran.add(name)
        self.outcomes[name] = outcome
        if isinstance(result, TaskFailed) and self._learn(name, taught, only_if_it_helps=True):
            return  # it failed for want of an input, which it gets now
        self._enter(name, outcome)
        if isinstance(result, Trace):
            self._learn(name, taught)

    def _enter(self, name: str, outcome: Outcome) -> None:
        trace, error = outcome.trace, outcome.error
        notebook = self.runner.folder / "tasks" / f"{name}.ipynb"
        cached = trace.run if trace is not None and outcome.status is Status.CACHED else None
        self.records.save_task(
            self.run_id,
            TaskRun(
                name,
                outcome.status,
                outcome.reason,
                outcome.key.digest,
                trace=trace.id if trace else None,
                cached_from=cached,
                attempts=outcome.attempts,
                started=outcome.started,
                finished=outcome.finished,
                seconds=outcome.seconds,
                notebook=str(notebook) if notebook.exists() else None,
                error=None if error is None else describe(error),
            ),
        )
        if trace is not None:
            self.records.save_results(self.run_id, name, trace.metrics, trace.files, trace.written)
        self.emit(
            TaskFinished(
                run=self.run_id,
                task=name,
                status=outcome.status,
                seconds=outcome.seconds,
                reason=outcome.reason,
                cached_from=cached,
                error=None if error is None else str(error),
            )
        )

    def _learn(self, name: str, taught: Facts, only_if_it_helps: bool = False) -> bool:
        """Merge what a task taught; return whether this changes the graph."""
        known = self.facts.get(name, Facts())
        merged = known.merge(taught)
        if merged == known:
            return False
        facts = {**self.facts, name: merged}
        graph = self.pipeline.resolve(facts, self.request.keep)
        if only_if_it_helps and graph.nodes[name] == self.graph.nodes[name]:
            return False
        self.facts = facts
        self.lessons.add({name: merged})
        old, changed = self.graph, [n for n, node in graph.nodes.items() if node != self.graph.nodes.get(n)]
        self._plan(graph)
        if not changed and graph.serve == old.serve:
            return False
        for task in changed:
            self._check_race(task, old.nodes.get(task))
            running = self.running.get(task)
            if running is not None:
                del self.running[task]
                running.cancel.set()
        pending = tuple(task for task in changed if task in self.outcomes or task == name)
        self.emit(Replanned(run=self.run_id, taught_by=name, pending=pending))
        self._replanned = True
        return True

    def _check_race(self, name: str, before: Node | None) -> None:
        """Forget what a task computed while one ran that it should have waited for: it may have read half a file."""
        outcome = self.outcomes.get(name)
        if before is None or outcome is None or outcome.started is None or outcome.trace is None:
            return
        for upstream in self.graph.nodes[name].upstream - before.upstream:
            other = self.outcomes.get(upstream)
            if other is None or (other.finished or 0) > outcome.started:
                if outcome.trace.id is not None:
                    self.cache.drop(outcome.trace.id)
                del self.outcomes[name]
                return

    def _discard(self, result: Trace | BaseException) -> None:
        # It was put back while it ran, perhaps for a file that was being written: nobody may reuse it.
        if isinstance(result, Trace) and result.run == self.run_id and result.id is not None:
            self.cache.drop(result.id)

    def _cancel_running(self) -> None:
        for running in list(self.running.values()):
            running.cancel.set()


def describe(error: NbprodError) -> dict[str, object]:
    """Return an error as plain JSON values, for the records."""
    where = error.where
    extra = {name: value for name, value in vars(error).items() if name not in ("what", "where", "fix")}
    return {
        "type": type(error).__name__,
        "message": str(error),
        "what": error.what,
        "fix": error.fix,
        "file": where.file,
        "task": where.task,
        "cell": where.cell,
        "line": where.line,
        **extra,
    }
