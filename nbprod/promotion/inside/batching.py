"""Computes answers one after the other, and those of several requests at once where that gives the same answers.

A batch is whatever has come while the model was busy; nobody waits for one to fill.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

SLOW = 0.1
"""Seconds from which a call runs in a thread, so that the process answers others (`/livez`) meanwhile. Below it a thread
costs more than it gives: what comes meanwhile waits in its socket, and the two threads would fight for the interpreter."""
PATIENCE = 4096
"""Requests that may wait."""


class Full(Exception):
    """Too many requests wait."""


class Gone(Exception):
    """Who asked has closed the connection before the answer was begun."""


class Overdue(Exception):
    """A request has taken longer than it may."""


@dataclass(eq=False)
class Job:
    """A call that waits: `rows` of it may be joined with those of other jobs that have the same `key`."""

    call: Callable[..., Any]
    arguments: dict[str, Any]
    key: Any
    rows: str | None
    gone: Callable[[], bool]
    answer: asyncio.Future[Any]
    began: float
    ident: str


class Runner:
    """Calls functions one at a time. `max_rows` bounds a batch, `limit` the seconds that a request may take."""

    def __init__(self, max_rows: int = 256, patience: int = PATIENCE, limit: float | None = None) -> None:
        self.max_rows, self.patience, self.limit = max_rows, patience, limit
        self.joins = True
        self.alone: Callable[[], bool] = lambda: False
        """Whether no other request is there, which could be asked together with this one."""
        self.calling: list[Job] = []
        """Whose answer is being computed."""
        self._called = 0.0
        self._stuck = False
        self._waiting: deque[Job] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._seconds: dict[Any, float] = {}

    async def run(
        self,
        call: Callable[..., Any],
        arguments: dict[str, Any],
        key: Any,
        rows: str | None,
        gone: Callable[[], bool],
        ident: str = "",
    ) -> Any:
        """Return what `call(**arguments)` returns.

        With `rows`, the name of an argument that is a list, other requests' rows may stand beside these in the call
        that answers them; it then must return a list with an entry for each row.

        Raises:
            Full: Too many wait already, or a call never ends.
            Gone: `gone()` was true when its turn came.
            Overdue: `expire` found that it takes too long.
        """
        if self._stuck or len(self._waiting) >= self.patience:
            raise Full
        loop = asyncio.get_running_loop()
        job = Job(call, arguments, key, rows, gone, loop.create_future(), time.monotonic(), ident)
        if self._draining is None and self._seconds.get(key, 0.0) < SLOW and self.alone():
            if gone():
                raise Gone
            return await self._timed([job], arguments)  # at once: a task for it would cost two turns of the loop
        self._waiting.append(job)
        if self._draining is None:
            self._draining = loop.create_task(self._drain())
        return await job.answer

    def known(self, key: Any, seconds: float) -> None:
        """Take note of how long a call took; one slow call among quick ones is the machine's fault, not the model's."""
        self._seconds[key] = min(seconds, 1.1 * self._seconds.get(key, seconds))

    def expire(self) -> bool:
        """Fail what has taken longer than the limit; whether a call itself has, and so may never end.

        Then what waits for it is refused (`Full`), and so is all that comes after.
        """
        if self.limit is None:
            return False
        since = time.monotonic() - self.limit
        for job in (*self.calling, *self._waiting):
            if job.began < since:
                _fail(job, Overdue())
        if self.calling and self._called < since:
            self._stuck = True
            for job in (*self.calling, *self._waiting):
                _fail(job, Full())
        return self._stuck

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = self._next()
                if batch:
                    await self._answer(batch)
                if batch and self._waiting:
                    await asyncio.sleep(0)  # let what has arrived meanwhile be read, so that it joins the next batch
        finally:
            self._draining = None

    def _next(self) -> list[Job]:
        """Take the job whose turn it is, and those that can be answered with it."""
        first = self._waiting.popleft()
        if first.gone() or first.answer.done():
            _fail(first, Gone())
            return []
        if first.rows is None or not self._waiting or not self.joins:
            return [first]
        batch, count, others = [first], len(first.arguments[first.rows]), []
        while self._waiting and count < self.max_rows:
            job = self._waiting.popleft()
            fits = job.key == first.key and job.rows and count + len(job.arguments[job.rows]) <= self.max_rows
            if job.gone() or job.answer.done():
                _fail(job, Gone())
            elif fits and _same(job, first):
                batch.append(job)
                count += len(job.arguments[job.rows or ""])
            else:
                others.append(job)
        self._waiting.extendleft(reversed(others))
        return batch

    async def _answer(self, batch: list[Job]) -> None:
        first = batch[0]
        if len(batch) == 1:
            try:
                answer = await self._timed(batch, first.arguments)
            except Exception as error:  # noqa: BLE001 - the author's code; the error goes to who asked
                _fail(first, error)
            else:
                _give(first, answer)
            return
        rows = first.rows or ""
        joined = [row for job in batch for row in job.arguments[rows]]
        try:
            answers = await self._timed(batch, {**first.arguments, rows: joined})
        except Exception:  # noqa: BLE001 - one of them is to blame; each is asked alone
            answers = None
        if isinstance(answers, list) and len(answers) == len(joined):
            at = 0
            for job in batch:
                count = len(job.arguments[rows])
                _give(job, answers[at : at + count])
                at += count
            return
        if answers is not None:
            self.joins = False  # it is not as it was when it was promoted
        for job in batch:
            if not job.answer.done():
                await self._answer([job])

    async def _timed(self, batch: list[Job], arguments: dict[str, Any]) -> Any:
        key, call = batch[0].key, batch[0].call
        self.calling, self._called = batch, time.monotonic()
        began = time.perf_counter()
        try:
            if self._seconds.get(key, 0.0) < SLOW:
                return call(**arguments)
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "model")
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: call(**arguments))
        finally:
            self.calling = []
            self.known(key, time.perf_counter() - began)


def _same(job: Job, first: Job) -> bool:
    """Whether two calls differ in their rows only."""
    if len(job.arguments) == 1 and len(first.arguments) == 1:
        return True
    rows = first.rows or ""
    return {**job.arguments, rows: None} == {**first.arguments, rows: None}


def _give(job: Job, answer: Any) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)


def _fail(job: Job, error: Exception) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
