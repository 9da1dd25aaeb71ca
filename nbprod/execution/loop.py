"""The event loop of this process's kernels: one thread in which all that is said to them, and heard from them, happens.

So a kernel can be spoken to before the task that will have it, and see to its end after that task.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import zmq.asyncio

T = TypeVar("T")
_PATIENCE = 10.0
logger = logging.getLogger(__name__)

_guard = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_context: zmq.asyncio.Context | None = None
_behind: set[concurrent.futures.Future[Any]] = set()
"""What goes on although nobody waits for it."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in the loop, and return or raise what comes of it; for any thread but the loop's own.

    Who is interrupted while it waits cancels the coroutine, and goes on when that has ended.
    """
    ended = threading.Event()

    async def whole() -> T:
        try:
            return await coroutine
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(whole(), _current())
    try:
        return future.result()
    except BaseException:
        if not ended.is_set():
            future.cancel()
            ended.wait(_PATIENCE)
        raise


def behind(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run in the loop, and let nobody wait for it but `settle`."""
    future = asyncio.run_coroutine_threadsafe(coroutine, _current())
    _behind.add(future)
    future.add_done_callback(_end)


def _end(future: concurrent.futures.Future[None]) -> None:
    _behind.discard(future)
    error = None if future.cancelled() else future.exception()
    if error is not None:
        logger.error("what was to be done behind failed", exc_info=error)


def call(function: Callable[[], object]) -> None:
    """Call a function in the loop, soon."""
    _current().call_soon_threadsafe(function)


def settle(seconds: float) -> None:
    """Wait for what was left to run behind, for so long."""
    concurrent.futures.wait(list(_behind), seconds)


def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in a loop of its own: what may wait long without letting others go on."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:  # this thread has a loop: a notebook's, a server's
        return thread.submit(asyncio.run, coroutine).result()


def context() -> zmq.asyncio.Context:
    """Return the sockets' context that all kernels of this process share: each has threads of its own."""
    global _context  # noqa: PLW0603
    import zmq.asyncio

    with _guard:
        if _context is None or _context.closed:
            _context = zmq.asyncio.Context()
        return _context


def _current() -> asyncio.AbstractEventLoop:
    global _loop  # noqa: PLW0603
    with _guard:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="nbprod-kernels", daemon=True).start()
        return _loop


def _forget() -> None:
    global _loop, _context, _guard  # noqa: PLW0603
    _guard = threading.Lock()
    _loop = _context = None  # its thread, and theirs, are its parent's
    _behind.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
