"""Starting kernels: one by one, or ahead of need, so that a task finds its kernel ready."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.execution import kernels, libraries, memory, prepared
from nbprod.execution.kernels import Alive
from nbprod.execution.prepared import Desire

if TYPE_CHECKING:
    import asyncio

    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.manager import AsyncKernelManager

    from nbprod.execution.manager import Manager

_SOCKET_PATH = 96
"""Bytes that the path of a Unix socket may have on every system, less what follows our folder's name."""
ARGUMENTS = ["--HistoryManager.hist_file=:memory:"]
"""As nbclient has it: what runs here is no part of the user's IPython history."""


@dataclass(frozen=True)
class Wish:
    """What kernel is wanted: the name of its spec, the folder it works in, its environment (ours without one).

    With a `desire` it may be forked from a process that has imported these modules.
    """

    name: str
    folder: str | None = None
    env: Mapping[str, str] | None = None
    desire: Desire | None = None

    def is_like(self, other: Wish) -> bool:
        """Return whether a kernel for the one is one for the other."""
        return (self.name, self.folder, dict(self.env or {})) == (other.name, other.folder, dict(other.env or {}))


@dataclass
class Kernel:
    """A kernel's process with its manager; `log` is where it writes what it has to say about itself."""

    manager: AsyncKernelManager
    alive: Alive
    log: Path
    folder: str
    client: AsyncKernelClient | None = None
    """Speaks to it, in the loop of all kernels (`loop.py`)."""
    answer: asyncio.Future[Any] | None = None
    """What it says about its language."""

    def discard(self) -> None:
        """End it now; nobody wants it."""
        self.alive.end()
        client, self.client = self.client, None
        if client is not None:
            from nbprod.execution import loop  # it imports asyncio, of which a run that finds nothing to do has no need

            loop.call(client.stop_channels)
        self.forget()

    def forget(self) -> None:
        """Remove what its connection needed."""
        with contextlib.suppress(OSError):
            self.manager.cleanup_connection_file()
        shutil.rmtree(self.folder, ignore_errors=True)


async def start(wish: Wish, log: Path | None = None) -> Kernel:
    """Start a kernel and return once its process is there; it may not answer yet.

    It talks over Unix sockets in a private folder, where there are any: the ports of TCP are chosen before the kernel binds
    them, so that with many kernels starting at once another one can take them first.
    """
    if wish.desire is not None and prepared.keeper is not None:
        from nbprod.execution import spare

        ready = spare.take(wish)
        if ready is not None:
            return ready
    folder = tempfile.mkdtemp(prefix="nbprod-")
    log = log or Path(folder) / "kernel.log"
    manager = manager_for(wish)
    stem = os.path.join(folder, "k")
    if hasattr(socket, "AF_UNIX") and os.name == "posix" and len(stem) < _SOCKET_PATH:
        manager.transport, manager.ip = "ipc", stem
    options: dict[str, Any] = {} if wish.env is None else {"env": dict(wish.env)}
    if wish.folder is not None:
        options["cwd"] = wish.folder
    if manager.ipykernel:
        options["extra_arguments"] = ARGUMENTS
    try:
        # Not on our terminal: what kernels say there is about themselves. A crash is explained from it.
        with open(log, "ab") as file:  # noqa: ASYNC230  # the loop is ours alone
            await manager.start_kernel(stdout=file, stderr=file, **options)
    except BaseException:
        if manager.has_kernel:
            await manager.shutdown_kernel(now=True)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    provisioner = manager.provisioner
    alive = Alive(getattr(provisioner, "process", provisioner), getattr(provisioner, "pgid", None))
    return Kernel(manager, alive, log, folder)


def begin(wish: Wish) -> None:
    """Start the process that a kernel of this kind is forked from, so that it gets ready while jupyter_client is imported here.

    What it is for must be what the kernel's own start will ask for; where an environment is to be filled in, that is not known yet.
    """
    if wish.desire is None or "jupyter_client.manager" in sys.modules:
        return
    spec = kernels.find_kernel(wish.name)
    if not spec.env:
        with contextlib.suppress(prepared.NotForked):
            prepared.prepare(spec.command, os.environ if wish.env is None else wish.env, wish.desire)


def manager_for(wish: Wish) -> Manager:
    """Return the manager of a kernel that is not started yet."""
    from nbprod.execution import loop

    manager: Manager = libraries.manager().Manager(kernel_name=wish.name)
    manager.desire = wish.desire
    manager.client_class = "jupyter_client.asynchronous.AsyncKernelClient"
    manager.context = loop.context()
    return manager


class Pool:
    """Kernels of one kind that are started ahead of need, in a thread of its own.

    Never more of them than there are tasks that will want one (`expect`), nor than `ahead`. The runs of a sweep share one.
    Where memory is short no more than one is kept ready.
    """

    def __init__(self, wish: Wish, ahead: int) -> None:
        self.wish = wish
        self.ahead = ahead
        self._wants: dict[object, int] = {}
        self._starting = 0
        self._kernels: list[Kernel] = []
        self._closed = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def _wanted(self) -> int:
        return sum(self._wants.values())

    def expect(self, count: int, whose: object = None, *, begin: bool = True) -> None:
        """Say how many tasks of somebody's have no kernel yet that will want one.

        Without `begin` nothing is started before somebody else begins: perhaps these tasks will find all they need in the cache.
        """
        with self._change:
            self._wants[whose] = count
            if begin and self._thread is None and count > 0 and not self._closed:
                self._thread = threading.Thread(target=self._work, name="nbprod-kernel-pool", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def take(self, whose: object = None) -> Kernel | None:
        """Return a kernel that was started ahead, if there is one or one is about to be."""
        with self._change:
            while True:
                while self._kernels:
                    kernel = self._kernels.pop(0)
                    self._wants[whose] = max(0, self._wants.get(whose, 0) - 1)
                    self._change.notify_all()
                    if kernel.alive.poll() is None:
                        return kernel
                    kernel.discard()
                if self._closed or not (self._starting or (self._thread is not None and self._wanted > 0)):
                    return None
                self._change.wait(1.0)

    def leave(self, whose: object) -> None:
        """Forget what somebody wanted."""
        with self._change:
            self._wants.pop(whose, None)
            self._change.notify_all()

    def share(self) -> Share:
        """Return what one of several runs takes its kernels from."""
        return Share(self)

    def close(self) -> None:
        """End the kernels that nobody took."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()
        for kernel in self._kernels:
            kernel.discard()
        self._kernels.clear()

    def _work(self) -> None:
        begin(self.wish)
        from nbprod.execution import loop, talk

        while True:
            with self._change:
                while not self._closed and len(self._kernels) >= min(
                    1 if memory.is_low() else self.ahead, self._wanted
                ):
                    self._change.wait()
                if self._closed:
                    return
                self._starting += 1
            kernel = None
            try:
                kernel = loop.apart(start(self.wish))
                loop.call(partial(talk.greet, kernel))
            except Exception:  # noqa: BLE001  # the task that wants one starts its own, and tells what is wrong
                with self._change:
                    self._closed = True
            finally:
                with self._change:
                    self._starting -= 1
                    if kernel is not None:
                        self._kernels.append(kernel)
                    self._change.notify_all()


class Share:
    """What one run has of a pool: it says for itself how many kernels it expects to take."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.wish = pool.wish

    def expect(self, count: int) -> None:
        """Say how many tasks have no kernel yet that will want one."""
        self.pool.expect(count, self)

    def take(self) -> Kernel | None:
        """Return a kernel that was started ahead, if there is one or one is about to be."""
        return self.pool.take(self)

    def close(self) -> None:
        """Say that no more are wanted."""
        self.pool.leave(self)
