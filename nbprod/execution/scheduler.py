"""The loop of a run: what is ready is reused or computed; what tasks teach changes the graph, and the loop goes on.

An outcome, success or failure, is valid for the bindings and inputs that it came from. Whatever is not valid is pending,
and whether it must be computed again is for the cache to say.
"""

from __future__ import annotations

import heapq
import queue
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import ModuleType

from nbprod.errors import Cancelled, NbprodError
from nbprod.execution import libraries
from nbprod.execution.cache import Cache, Digests, Key, Trace
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims
from nbprod.execution.journal import Journal
from nbprod.execution.lessons import Lessons
from nbprod.execution.outcome import Outcome, Running
from nbprod.execution.selection import Request, order, watched
from nbprod.execution.task_run import TaskFailed, TaskRunner
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Graph, Node
from nbprod.notebook.pipeline import Pipeline
from nbprod.notebook.refusal import refuse

_SPARED = 2
"""How often a task begins again for what was none of its own doing, besides its retries."""


@dataclass(frozen=True)
class Tools:
    """What the loop works with: the cache, what is known of the tasks, how one is run, and where it is told."""

    cache: Cache
    lessons: Lessons
    claims: Claims
    journal: Journal
    runner: TaskRunner
    key: Callable[[Node, Digests], Key]


class Scheduler:
    """Runs a pipeline's tasks; the `Work` of Ploomber's executor."""

    def __init__(self, pipeline: Pipeline, name: str, request: Request, tools: Tools, cancel: Cancel) -> None:
        self.pipeline = pipeline
        self.name = name
        self.request = request
        self.tools = tools
        self.cancel = cancel
        self.facts: dict[str, Facts] = tools.lessons.read()
        self.outcomes: dict[str, Outcome] = {}
        self.running: dict[str, Running] = {}
        self._valid: dict[str, Outcome] = {}
        self._ready: dict[str, tuple[Key, Digests, str]] = {}
        self._keys: dict[str, tuple[Node, Digests, Key]] = {}
        self._computed: set[str] = set()
        self._stale: set[str] = set()
        self._results: queue.SimpleQueue[tuple[str, Running, Trace | BaseException]] = queue.SimpleQueue()
        self._ended: list[str] = []
        self._replanned = False
        self._adopt(pipeline.resolve(self.facts, request.keep))

    # What a run does

    def run(self) -> None:
        """Run until every selected task has ended, or cannot run because of one that failed. Raises `Cancelled`."""
        self.pool = ThreadPoolExecutor(self.request.workers, thread_name_prefix="nbprod-task")
        try:
            with self.cancel.calling(self._cancel_running):
                while not self._round():
                    pass
        except BaseException:
            self._cancel_running()
            raise
        finally:
            self.pool.shutdown(wait=True, cancel_futures=True)
            while not self._results.empty():
                self._discard(self._results.get()[2])

    def _round(self) -> bool:
        """Run the tasks of the graph as it is now; return whether that was all, and not cut short by a new graph."""
        self._replanned = False
        self.settle()
        if self._replanned:
            return False
        if not self._ready and not self.running:
            return True
        self._start_ready()
        libraries.engine()  # first, for the tasks need it
        with ThreadPoolExecutor(1, thread_name_prefix="nbprod-ploomber") as one:
            self._meanwhile(dag := one.submit(libraries.dag))
        if self.replanned():
            return False
        nodes = {name: self.graph.nodes[name] for name in self._order if name in self.selected}
        dag.result().run_dag(nodes, self, self.name)
        return not self._replanned

    def _meanwhile(self, importing: Future[ModuleType]) -> None:
        """Go on with the tasks while Ploomber is imported, a second's work; it takes over where they are then."""
        while self.running and not importing.done() and not self._replanned:
            try:
                self._take(*self._results.get(timeout=0.02))
            except queue.Empty:
                continue
            if not self._replanned:
                self._start_ready()

    def _start_ready(self) -> None:
        for name in list(self._ready):
            self.start(name)

    def settle(self, ended: Collection[str] | None = None) -> list[str]:
        """Bring up to date what is valid and what is ready, reusing all that the cache has; nothing is computed.

        When tasks have `ended`, only these and what comes after them can have changed. Return what has become valid, in order. Ends
        early when what is reused changes the graph.
        """
        found = self._settle(ended)
        pool = self.tools.runner.pool
        if pool is not None and not self._replanned:
            waiting = len(self.selected) - len(self._valid) - len(self.running.keys() - self._valid)
            queued = sum(running.started is None for running in self.running.values())
            pool.expect(waiting + queued if self._ready or queued else 0)
        return found

    def _settle(self, ended: Collection[str] | None) -> list[str]:
        if ended is None:
            self._valid, self._ready = {}, {}
        open_ = [self._place[name] for name in (self._order if ended is None else ended)]
        heapq.heapify(open_)
        seen = set(open_)
        found: list[str] = []
        while open_:
            name = self._order[heapq.heappop(open_)]
            if name not in self.selected or not all(map(self.is_settled, self._before[name])):
                continue
            if self._examine(name):
                return found
            if name not in self._valid:
                continue
            found.append(name)
            for after in self._after[name]:
                if self._place[after] not in seen:
                    seen.add(self._place[after])
                    heapq.heappush(open_, self._place[after])
        return found

    def _examine(self, name: str) -> bool:
        """Say whether a task whose turn it is has a valid outcome, runs, or is ready; return whether this changes the graph."""
        node = self.graph.nodes[name]
        loads = self._loads(node)
        key = self._key(node, loads)
        outcome, running = self.outcomes.get(name), self.running.get(name)
        if outcome is not None and name not in self._stale and outcome.holds_for(node, key):
            self._valid[name] = outcome
        elif running is not None and running.node == node and running.key.digest == key.digest:
            pass
        elif self._is_forced(name):
            self._ready[name] = (key, loads, "forced")
        else:
            found = self.tools.cache.look(key, self.name, name, node.outputs, self._watched[name])
            if found.trace is None:
                self._ready[name] = (key, loads, found.reason)
            elif outcome is not None and outcome.trace is not None and outcome.trace.id == found.trace.id:
                self.tools.cache.restore(found.trace)
                self._stale.discard(name)
                self.outcomes[name] = self._valid[name] = replace(outcome, node=node, key=key)
            else:
                return self._reuse(name, Running(node, key, "", ()).reused(found.trace))
        return False

    # What Ploomber's executor asks for

    def is_settled(self, name: str) -> bool:
        """Return whether the task has a result that can be used."""
        return name in self._valid and self._valid[name].status.is_good()

    def replanned(self) -> bool:
        """Return whether the graph has changed since the round began."""
        return self._replanned

    def raise_if_failed(self, name: str) -> None:
        """Raise what the task failed with, if it did."""
        error = self._valid[name].error
        if error is not None:
            raise error

    def start(self, name: str) -> None:
        """Have the task computed by a worker, unless it is under way or has ended."""
        if name in self._valid:
            self._ended.append(name)
            return
        if name not in self._ready:
            return
        key, loads, reason = self._ready.pop(name)
        node = self.graph.nodes[name]
        running = self.running[name] = Running(node, key, reason, self._watched[name])
        self.tools.journal.queued(name, running)
        running.future = self.pool.submit(self._compute, name, running, loads, self._is_forced(name))

    def next(self) -> list[str]:
        """Wait until tasks end and return them; nothing when none is under way, or the graph has changed.

        Raises `Cancelled`.
        """
        while not self._ended and self.running:
            self._ended += self._take(*self._results.get())
            if self._replanned:
                return []
        ended, self._ended = self._ended, []
        return ended

    def _take(self, name: str, running: Running, result: Trace | BaseException) -> list[str]:
        """Take in what a worker has to say of a task; return the tasks that have ended by it."""
        if self.running.get(name) is not running:
            self._discard(result)
            return []
        del self.running[name]
        self._finish(name, running, result)
        return [] if self._replanned else self.settle([name])

    # In a worker's thread

    def _compute(self, name: str, running: Running, loads: Digests, force: bool) -> None:
        result: Trace | BaseException
        try:
            with self.tools.claims.hold(running.key.digest, running.cancel) as waited:
                found = None
                if waited and not force:
                    found = self.tools.cache.look(
                        running.key, self.name, name, running.node.outputs, running.watch
                    ).trace
                result = found or self._attempt(name, running, loads)
        except BaseException as error:  # noqa: BLE001  # it is raised again, or shown, where the loop is
            result = error
        self._results.put((name, running, result))
        running.ended.set()

    def _attempt(self, name: str, running: Running, loads: Digests) -> Trace:
        limits = self.request.limits(name)
        spared = 0
        while True:
            running.cancel.check()
            self.tools.journal.started(name, running)
            try:
                return self.tools.runner(running.node, running.key, loads, running.watch, limits, running.cancel)
            except TaskFailed as failed:
                spared += failed.blameless and spared < _SPARED
                if running.attempts - spared > limits.retries or not failed.retry:
                    raise

    # In the loop's

    def _adopt(self, graph: Graph) -> None:
        refuse(self.pipeline, graph)  # what was learnt may show that a task cannot stand in several places
        self.graph = graph
        self.selected, self.forced = self.request.select(graph)
        self._order = order(graph)
        self._place = {name: number for number, name in enumerate(self._order)}
        self._before = {name: graph.nodes[name].upstream for name in self._order}
        self._after: dict[str, list[str]] = {name: [] for name in self._order}
        for name, before in self._before.items():
            for upstream in before & self._after.keys():
                self._after[upstream].append(name)
        self._watched = watched(graph)

    def _is_forced(self, name: str) -> bool:
        return name in self.forced and name not in self._computed

    def _loads(self, node: Node) -> Digests:
        traces = {task: self._valid[task].trace for task in node.upstream}
        return {task: trace.digests for task, trace in traces.items() if trace is not None}

    def _key(self, node: Node, loads: Digests) -> Key:
        known = self._keys.get(node.name)
        if known is None or known[0] != node or known[1] != loads:
            known = self._keys[node.name] = (node, loads, self.tools.key(node, loads))
        return known[2]

    def _reuse(self, name: str, outcome: Outcome) -> bool:
        """Take over what was computed before; return whether what it teaches changes the graph."""
        assert outcome.trace is not None
        self.tools.cache.restore(outcome.trace)
        self._stale.discard(name)
        self.outcomes[name] = self._valid[name] = outcome
        self.tools.journal.ended(name, outcome)
        return self._learn(name, outcome.trace.facts)

    def _finish(self, name: str, running: Running, result: Trace | BaseException) -> None:
        now = time.time()
        self._computed.add(name)
        self._stale.discard(name)
        if isinstance(result, Trace):
            if running.attempts == 0:  # another run, or a task with the same code, has computed it meanwhile
                self._reuse(name, running.reused(result))
                return
            self.outcomes[name] = running.done(result, now)
            self.tools.journal.ended(name, self.outcomes[name])
            self._learn(name, result.facts)
        elif isinstance(result, TaskFailed):
            self.outcomes[name] = running.failed(result.error, now)
            wants = Facts(reads=frozenset({result.unknown_name})) if result.unknown_name else Facts()
            if not self._learn(name, result.facts) and not self._learn(name, wants, only_if_it_helps=True):
                self.tools.journal.ended(name, self.outcomes[name])
        elif isinstance(result, NbprodError) and not isinstance(result, Cancelled):
            self.outcomes[name] = running.failed(result, now)
            self.tools.journal.ended(name, self.outcomes[name])
        else:
            raise result

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
        old, self.facts = self.graph, facts
        self.tools.lessons.add({name: merged})
        self._adopt(graph)
        changed = [task for task, node in graph.nodes.items() if node != old.nodes.get(task)]
        if not changed:
            return False
        self._put_back(changed, old)
        self.tools.journal.replanned(name, tuple(task for task in changed if task in self.outcomes))
        self._replanned = True
        return True

    def _put_back(self, changed: list[str], old: Graph) -> None:
        """Make tasks whose bindings changed pending, with those after them, and undo what they did to files."""
        for task in changed:
            self._forget_a_race(task, old.nodes.get(task))
        stale = set(changed)
        for task in self._order:
            if self._before[task] & stale:
                stale.add(task)
        for task in [task for task in self.running if task in stale]:
            self.running.pop(task).stop()
            self.tools.runner.undo(task)
        done = [task for task in stale & self._computed if task in self.outcomes]
        for task in sorted(done, key=lambda task: self.outcomes[task].finished or 0.0, reverse=True):
            self.tools.runner.undo(task)
            self._stale.add(task)

    def _forget_a_race(self, name: str, before: Node | None) -> None:
        """Forget what a task computed while one ran that it should have waited for: it may have read half a file."""
        outcome = self.outcomes.get(name)
        if before is None or outcome is None or outcome.started is None or outcome.trace is None:
            return
        for upstream in self.graph.nodes[name].upstream - before.upstream:
            other = self.outcomes.get(upstream)
            if other is None or (other.finished or 0.0) > outcome.started:
                self._discard(outcome.trace)
                return

    def _discard(self, result: Trace | BaseException) -> None:
        # It was put back while it ran, perhaps for a file that was being written: nobody may reuse it.
        if isinstance(result, Trace) and result.run == self.tools.journal.run and result.id is not None:
            self.tools.cache.drop(result.id)

    def _cancel_running(self) -> None:
        for running in list(self.running.values()):
            running.cancel.set()
