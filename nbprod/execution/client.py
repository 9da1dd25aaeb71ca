"""The client of one kernel: runs the cells of a task notebook and tells how each of them ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from nbprod.errors import Cancelled
from nbprod.execution import loop
from nbprod.execution.cancel import Cancel
from nbprod.execution.failure import Failure, Watcher, line_of, plain
from nbprod.execution.kernels import Alive, end_of, tail
from nbprod.execution.prepared import Desire
from nbprod.execution.starting import Kernel, Share, Wish, start
from nbprod.execution.talk import Silent, greet, part

POLL_SECONDS = 0.2


class KernelDied(DeadKernelError):  # type: ignore[misc]
    """The kernel's process ended while a cell ran; the message says how."""


class Client(NotebookClient):  # type: ignore[misc]
    """Runs a notebook's cells in a kernel of its own.

    Cells whose metadata say `nbprod.role`, and Papermill's injected cell in a notebook of ours, run silently: without
    history, execution count and displayed value, so that `In`, `Out` and `_` stay the author's.
    """

    def __init__(
        self,
        nb: NotebookNode,
        *,
        manager: Any,
        watcher: Watcher,
        cancel: Cancel | None = None,
        cell_timeout: float | None = None,
        task_timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        log_path: Path,
        pool: Share | None = None,
        desire: Desire | None = None,
        **kw: Any,
    ) -> None:
        super().__init__(nb, km=None, raise_on_iopub_timeout=True, iopub_timeout=60, **kw)
        self.manager = manager
        self.watcher = watcher
        self.cancel = cancel or Cancel()
        self.cell_timeout = cell_timeout
        self.task_timeout = task_timeout
        self.deadline: float | None = None
        self.env = env
        self.log_path = log_path
        self.alive: Alive | None = None
        self.pool = pool
        self.desire = desire
        self.kernel: Kernel | None = None
        self.at = -1
        self.limit = 0.0

    async def run(self) -> None:
        """Run all cells up to the first that fails; `CellExecutionError`, `KernelDied`, `CellTimeoutError`, `Cancelled`."""
        main = asyncio.current_task()
        assert main is not None

        def stop() -> None:
            loop.call(main.cancel)

        with self.cancel.calling(stop):
            clean = False
            try:
                await self._ready()
                for index, cell in enumerate(self.nb.cells):
                    if cell.cell_type == "code":
                        await self._run_cell(index, cell)
                self.set_widgets_metadata()
                clean = True
            except CellExecutionError:
                clean = True
                raise
            except asyncio.CancelledError:
                raise Cancelled("the run was cancelled") from None
            finally:
                await self._end(clean)

    def take_kernel(self) -> None:
        """Take a kernel that was started ahead, or start one; that may wait, so it is not for the loop of all kernels."""
        folder = self.resources.get("metadata", {}).get("path") or None
        wish = Wish(self.kernel_name, folder, self.env, self.desire)
        kernel = None
        if self.pool is not None and self.pool.wish.is_like(wish):
            wish = self.pool.wish
            kernel = self.pool.take()
        self.kernel = kernel or loop.apart(start(wish, self.log_path))

    async def _ready(self) -> None:
        self.reset_execution_trackers()
        kernel = self.kernel
        assert kernel is not None
        self.alive = kernel.alive
        try:
            self.nb.metadata["language_info"] = await asyncio.shield(greet(kernel, self.startup_timeout))
        except Silent as silent:
            kind, name = ("start", "TimeoutError") if silent.code is None else (self._death(), "DeadKernelError")
            message = str(silent) if silent.code is None else f"{silent}{self._said()}"
            self._fail(kind, name, message)
            raise KernelDied(message) from None
        manager: Any = kernel.manager
        self.km, self.kc = manager, kernel.client
        if self.task_timeout is not None:  # from now on: how long a kernel takes to start is not the task's doing
            self.deadline = time.monotonic() + self.task_timeout

    async def _run_cell(self, index: int, cell: NotebookNode) -> None:
        self.at = index
        quiet = is_ours(cell, self.nb)
        self.manager.cell_start(cell, index)
        self.watcher.cell_started(index, cell)
        client: Any = self.kc
        execute = client.execute
        if quiet:
            client.execute = lambda code, **kw: execute(code, **{**kw, "silent": True, "store_history": False})
        try:
            await self.async_execute_cell(cell, index)
        except CellExecutionError as error:
            kind = "exit" if error.ename == "SystemExit" else "error"
            self._fail(kind, error.ename, error.evalue, _traceback(cell))
            raise
        except DeadKernelError:
            self.cancel.check()
            code = self.alive.poll() if self.alive else None
            message = end_of(code) + self._said()
            self._fail(self._death(), "DeadKernelError", message)
            raise KernelDied(message) from None
        except CellTimeoutError:
            self._fail("timeout", "TimeoutError", self._limit(), _traceback(cell))
            raise
        finally:
            client.execute = execute
            if quiet:
                cell["execution_count"] = None
            self.manager.cell_complete(cell, index)
        self.watcher.cell_finished(index, cell)

    def _get_timeout(self, cell: NotebookNode | None) -> Any:
        left = None if self.deadline is None else max(0.001, self.deadline - time.monotonic())
        limits = [limit for limit in (self.cell_timeout, left) if limit is not None]
        return min(limits, default=None)

    def _limit(self) -> str:
        if self.deadline is not None and time.monotonic() >= self.deadline - POLL_SECONDS:
            return f"the task took longer than its limit of {self.task_timeout:g} s"
        return f"the cell took longer than its limit of {self.cell_timeout:g} s"

    async def _async_handle_timeout(self, timeout: int, cell: NotebookNode | None = None) -> None:  # noqa: ASYNC109
        # An interrupt first: its traceback shows on which line the time went.
        assert self.km is not None
        assert self.kc is not None
        with contextlib.suppress(Exception):
            await self.km.interrupt_kernel()
            await self.kc.shell_channel.get_msg(timeout=2)
            await asyncio.sleep(0.05)
        raise CellTimeoutError.error_from_timeout_and_cell("Cell execution timed out", timeout, cell)

    async def _async_poll_kernel_alive(self) -> None:
        assert self.alive is not None
        while self.alive.poll() is None:  # noqa: ASYNC110  # a process, which no event tells of
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.sleep(POLL_SECONDS)  # what it printed last is still on its way
        assert self.task_poll_for_reply is not None
        self.task_poll_for_reply.cancel()

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take in a message, and pass on what was printed."""
        output = super().process_message(msg, cell, cell_index)
        if msg["msg_type"] == "stream":
            self.watcher.printed(cell_index, msg["content"]["name"], msg["content"]["text"])
        self.manager.autosave_cell()
        return output

    async def _end(self, clean: bool) -> None:
        kernel, self.km = self.kernel, None
        if kernel is None:
            return
        if kernel.log != self.log_path:
            with contextlib.suppress(OSError):
                shutil.copyfile(kernel.log, self.log_path)
        if clean and kernel.alive.poll() is None and not self.cancel.is_set():
            loop.behind(part(kernel))
        else:
            await asyncio.to_thread(kernel.discard)

    def _fail(self, kind: str, name: str, message: str, traceback: tuple[str, ...] = ()) -> None:
        if 0 <= self.at < len(self.nb.cells):
            self.manager.cell_exception(self.nb.cells[self.at], cell_index=self.at)
        else:
            self.nb.metadata.papermill["exception"] = True
        self.watcher.failed(Failure(kind, self.at, name, message, traceback, line_of(traceback)))

    def _death(self) -> str:
        """Say which kind of failure it is that the kernel's process has ended."""
        process = self.alive.process if self.alive is not None else None
        return "orphaned" if getattr(process, "orphaned", False) else "dead"

    def _said(self) -> str:
        said = tail(self.kernel.log if self.kernel is not None else self.log_path)
        return f"; its last words:\n{said}" if said else ""


def is_ours(cell: NotebookNode, nb: NotebookNode) -> bool:
    """Return whether a cell of a task notebook is none of the author's."""
    if "role" in cell.metadata.get("nbprod", {}):
        return True
    return "nbprod" in nb.metadata and "injected-parameters" in cell.metadata.get("tags", [])


def _traceback(cell: NotebookNode) -> tuple[str, ...]:
    for output in reversed(cell.get("outputs", [])):
        if output.output_type == "error":
            return tuple(plain(line) for line in output.traceback)
    return ()
