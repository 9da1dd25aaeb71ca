"""The worker's process: single-threaded, it forks a process for each job, and keeps what their kernels are forked from."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nbprod.execution import memory
from nbprod.runtime import forksafe
from nbprod.worker.address import SEQPACKET_LIMIT, Address
from nbprod.worker.job import Job, Surroundings
from nbprod.worker.templates import Spare, Template, kill_family

IDLE_SECONDS = 15 * 60.0
"""So long a worker stays that is asked for nothing; `NBPROD_WORKER_IDLE` says otherwise."""
ALONE_SECONDS = 2.0
"""So long it stays after the last server that used it has gone."""
AHEAD = "nbprod.worker.ahead"
KEPT = 2
"""So many prepared processes it keeps."""
TICK = 5.0
LEAVE_SECONDS = 3.0
"""So long what a job has left behind has to end by itself."""


@dataclass
class _Running:
    """A job's process: the line on which it asks for kernels, and the processes that fork them.

    `asker` wants to know how it ends, and wants it no longer when he goes.
    """

    pid: int
    line: socket.socket | None
    module: str
    asker: socket.socket | None = None
    copies: set[int] = field(default_factory=set)


class Loop:
    """Serves until nobody needs it; in a process that was forked for a job, `serve` returns that job.

    Args:
        address: Where it listens.
        lock: A file that is locked as long as it lives.
        surroundings: What it was started with, as far as a job's process is given its asker's.
    """

    def __init__(self, address: Address, lock: int, surroundings: Surroundings) -> None:
        self.address = address
        self.surroundings = surroundings
        self._lock = lock
        self._root = address.root.stat()
        self._stamp = forksafe.stamp()
        self._idle = float(os.environ.get("NBPROD_WORKER_IDLE") or IDLE_SECONDS)
        self._connections: set[socket.socket] = set()
        self._staying: set[socket.socket] = set()
        self._running: dict[int, _Running] = {}
        self._templates: dict[str, Template] = {}
        self._copied_for: dict[int, int] = {}
        self._copies = 0
        self._leaving: dict[int, float] = {}
        self._spare: Spare | None = None
        self._ahead: dict[str, Any] | None = None
        self._used = self._held = time.monotonic()
        self._over = ""
        self._job: Job | None = None
        address.socket.unlink(missing_ok=True)  # a dead owner's: we have the lock
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(address.socket))
        finally:
            os.umask(mask)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end("it was asked to"))

    def serve(self) -> Job | None:
        """Answer requests. Returns the job in the process that is to do it, None where the worker is to end."""
        while not self._over:
            for fd in self._wait():
                self._dispatch(fd)
                if self._is_job():
                    return self._job
            self._tend()
        self._vanish()
        say(f"the worker ends: {self._over}")
        self._end_spare()
        for template in self._templates.values():
            template.close()
        return None

    def _is_job(self) -> bool:
        return self._job is not None

    def _lines(self) -> list[socket.socket]:
        lines = [running.line for running in self._running.values() if running.line is not None]
        lines += [template.socket for template in self._templates.values()]
        lines += [self._spare.line] if self._spare is not None else []
        return [self._listener, *self._connections, *lines]

    def _wait(self) -> list[int]:
        poll = select.poll()
        for one in self._lines():
            poll.register(one.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        needed = self._connections or self._running
        return [fd for fd, _ in poll.poll(min(TICK if needed else ALONE_SECONDS / 4, self._idle) * 1000)]

    def _dispatch(self, fd: int) -> None:
        if fd == self._wake:
            with contextlib.suppress(BlockingIOError):
                os.read(fd, 4096)
            self._reap()
        elif fd == self._listener.fileno():
            self._accept()
        elif self._spare is not None and self._spare.line.fileno() == fd:
            self._end_spare()  # it has ended, or what it came of has
        for connection in [one for one in self._connections if one.fileno() == fd]:
            self._hear(connection, self._request)
        for running in [one for one in self._running.values() if one.line is not None and one.line.fileno() == fd]:
            self._hear(running.line, lambda _, request, fds, one=running: self._kernels(one, request, fds))  # type: ignore[misc,arg-type]
        for key, template in [(key, one) for key, one in self._templates.items() if one.socket.fileno() == fd]:
            self._told(key, template)

    # Who asks

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            peer = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if peer[1] != os.geteuid():
                say(f"process {peer[0]} of another user ({peer[1]}) was turned away")
                connection.close()
                return
            connection.setblocking(False)
            self._connections.add(connection)

    def _hear(self, line: socket.socket, act: Callable[[socket.socket, dict[str, Any], list[int]], None]) -> None:
        fds: list[int] = []
        try:
            data, fds, _, _ = socket.recv_fds(line, SEQPACKET_LIMIT * 2, 3)
            if data:
                act(line, json.loads(data), fds)
                return
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            pass  # it went without reading our answer
        except (OSError, ValueError, KeyError, TypeError) as error:
            say(f"a request was not understood: {type(error).__name__}: {error}")
        finally:
            for fd in fds:
                with contextlib.suppress(OSError):
                    os.close(fd)
        if self._job is None:
            self._forget(line)

    def _forget(self, line: socket.socket) -> None:
        line.close()
        self._connections.discard(line)
        self._staying.discard(line)
        for running in self._running.values():
            running.line = None if running.line is line else running.line
            if running.asker is line:
                running.asker = None
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running.pid, signal.SIGINT)

    def _reply(self, line: socket.socket, fds: tuple[int, ...] = (), **answer: Any) -> None:
        with contextlib.suppress(OSError):
            socket.send_fds(line, [json.dumps(answer).encode()], list(fds))

    # Jobs

    def _request(self, connection: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
        self._used = time.monotonic()
        reason = self._unfit()
        if reason:
            self._end(reason)
            self._vanish()  # before it says so: whoever was refused looks for another one
            self._reply(connection, refused=reason)
            return
        if request.get("stay"):
            self._staying.add(connection)
            self._reply(connection, pid=os.getpid())
            return
        self._fork(request, fds, connection)

    def _fork(self, request: dict[str, Any], fds: list[int], connection: socket.socket | None = None) -> None:
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            pid = os.fork()
        except OSError as error:
            if connection is not None:
                self._reply(connection, refused=f"no process can be started ({error.strerror})")
            return
        if pid == 0:
            ours.close()
            self._let_go()
            self._job = Job.become(request, fds, theirs, self.surroundings)
            return
        theirs.close()
        ours.setblocking(False)
        self._running[pid] = _Running(pid, ours, request["module"], connection if request.get("bound") else None)
        if request["module"] == AHEAD:
            self._ahead = request
        if connection is not None:
            self._reply(connection, pid=pid)

    def _let_go(self) -> None:
        """Close, in a job's process, all that is the worker's."""
        signal.set_wakeup_fd(-1)
        for one in self._lines():
            one.close()
        for fd in (self._wake, self._waker, self._lock):
            os.close(fd)

    def _unfit(self) -> str:
        """Say why no job may be forked from here any more."""
        if not self._has_root():
            return "the project's folder was moved or removed"
        path = forksafe.changed(self._stamp)
        return f"{path} has changed since it began" if path else ""

    def _has_root(self) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(self.address.root.stat(), self._root)
        return False

    # Kernels

    def _kernels(self, running: _Running, request: dict[str, Any], fds: list[int]) -> None:
        assert running.line is not None
        self._used = time.monotonic()
        if request["do"] == "leave":
            self._end_spare()
            self._spare = Spare(request["key"], request["state"], socket.socket(fileno=os.dup(fds[0])))
            self._reply(running.line, left=True)
            return
        if request["do"] == "take":
            self._give_spare(running, request["key"])
            return
        kind = ("command", "env", "modules", "may_draw")
        key = json.dumps([request[name] for name in kind], sort_keys=True)
        template = self._templates.get(key)
        if template is None and memory.is_low():
            self._reply(running.line, none="little memory is left")
            return
        try:
            if template is None:
                wanted = {name: request[name] for name in (*kind, "known")}
                template = self._templates[key] = Template(**wanted)
                self._thin(KEPT)
            if not template.ready and not request["patient"]:
                self._reply(running.line, later="the process that they would come from is only being prepared")
                return
            self._copies += 1
            with template.copy(self._copies) as line:
                self._copied_for[self._copies] = running.pid
                self._reply(running.line, (line.fileno(),), given=True)
        except OSError as error:
            self._reply(running.line, none=str(error.strerror))
            self._drop(key)

    def _give_spare(self, running: _Running, key: str) -> None:
        assert running.line is not None
        spare = self._spare
        if spare is None or spare.key != key:
            self._reply(running.line)
            return
        self._spare = None
        running.copies.add(spare.state["parent"]["ready"])
        self._reply(running.line, (spare.line.fileno(),), state=spare.state)
        spare.line.close()

    def _end_spare(self) -> None:
        if self._spare is not None:
            self._spare.end()
            self._spare = None

    def _told(self, key: str, template: Template) -> None:
        answer = template.hear()
        if answer is None:
            self._drop(key)
        elif "copied" in answer:
            pid = self._copied_for.pop(answer["copied"], 0)
            if pid in self._running:
                self._running[pid].copies.add(answer["pid"])
            else:
                self._leaving[answer["pid"]] = time.monotonic() + LEAVE_SECONDS
        elif "ended" in answer:
            self._leaving.pop(answer["ended"], None)
            for running in self._running.values():
                running.copies.discard(answer["ended"])

    def _drop(self, key: str) -> None:
        template = self._templates.pop(key, None)
        if template is not None:
            template.close()

    def _thin(self, count: int) -> None:
        """Give up all but so many prepared processes, the oldest first."""
        by_use = sorted(self._templates, key=lambda key: self._templates[key].used)
        for key in by_use[: max(0, len(by_use) - count)]:
            self._drop(key)

    # What is over

    def _reap(self) -> None:
        for pid in list(self._running):
            try:
                gone, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                gone, status = pid, 0
            if not gone:
                continue
            running = self._running.pop(pid)
            if running.asker is not None:
                self._reply(running.asker, status=os.waitstatus_to_exitcode(status))
            self._used = time.monotonic()
            if running.line is not None:
                running.line.close()
            if running.module != AHEAD:
                for copy in running.copies:
                    self._leaving[copy] = time.monotonic() + LEAVE_SECONDS
                self._prepare_again()

    def _prepare_again(self) -> None:
        """Have a kernel ready for the next job, as there was one for that which has ended."""
        if (
            self._ahead is None
            or self._spare is not None
            or self._running
            or self._over
            or self._unfit()
            or memory.is_low()
        ):
            return
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            self._fork(self._ahead, [nothing] * 3)
        finally:
            os.close(nothing)

    def _tend(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, until in self._leaving.items() if now > until]:
            del self._leaving[pid]
            kill_family(pid)
        if self._templates and memory.is_low():
            say("little memory is left: what kernels are forked from is given up")
            self._end_spare()
            self._thin(0)
        if self._connections or self._running:
            self._held = now
        if not self._has_root():
            self._end("the project's folder was moved or removed")
        elif self._running or self._leaving:
            return
        elif now - self._held > ALONE_SECONDS:
            self._end("nobody uses it any more")
        elif now - self._used > self._idle and not self._staying:
            self._end(f"it was not asked for anything for {self._idle:.0f} s")
        elif memory.is_low():
            self._end("little memory is left")

    def _end(self, reason: str) -> None:
        self._over = self._over or reason

    def _vanish(self) -> None:
        self.address.socket.unlink(missing_ok=True)
        self._listener.close()


def say(line: str) -> None:
    """Write a line into the worker's log."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", file=sys.stderr, flush=True)
