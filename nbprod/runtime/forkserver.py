"""A prepared process that forks kernels: it has imported what every kernel imports, so that a kernel starts in a twentieth of the time.

Run as `python forkserver.py FD`, with the interpreter and the environment of the kernels, `FD` being one end of a socket pair; it ends
when the other end closes, and its kernels with it. It stays single-threaded and runs no code of the user's: it imports ipykernel,
and those modules of installed distributions that a trial in a throw-away process has shown to be safe (`forksafe.py`).

A worker that stays keeps one as a template: that one forks no kernel itself, but a copy of itself for each job, which has the job's process
as its owner and outlives the template.

Requests and answers are JSON objects, one a datagram:

    {"do": "load", "modules": [...], "known": {...}, "limit": 60, "may_draw": true}
                            -> {"loaded": [...], "refused": {module: reason}, "verdicts": {...}, "top": [...]}; before that {"trying": true} where a
                               trial takes longer, meanwhile kernels are forked, and {"importing": true} where they no longer are
    {"do": "fork", "id": 1, "arguments": [...], "cwd": "/abs", "env": {}} + two file descriptors   -> {"forked": 1, "pid": 4711} or {"forked": 1, "error": "..."}
    {"do": "copy", "id": 1} + one file descriptor, the copy's line to its owner   -> {"copied": 1, "pid": 4711}; the copy says "ready" to its owner
                                                       -> {"ended": 4711, "status": 0} when a kernel, or a copy, has gone
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
from typing import Any, Dict, List, Optional

import becoming  # type: ignore[import-not-found]  # beside this file
import begun  # type: ignore[import-not-found]
import forksafe  # type: ignore[import-not-found]
import trial  # type: ignore[import-not-found]

_DATAGRAM = 1 << 18
CHANGED = 78
"""The exit status of a template under which a package was upgraded."""
_MPLBACKEND = "module://matplotlib_inline.backend_inline"
"""What ipykernel sets before anything imports matplotlib."""


class ForkServer:
    """Answers the requests of one owner."""

    def __init__(self, owner: socket.socket, kernel: Any = None) -> None:
        self.owner = owner
        self.kernel = kernel
        """A kernel as far as it is begun, if it is."""
        self.children: set[int] = set()
        self.copies: set[int] = set()
        self.trial: Optional[trial.Trial] = None
        """The trial of modules that is under way."""
        self.above: Optional[socket.socket] = None
        """The line to the process whose place this one took, if it did."""
        self.loaded: List[str] = []
        self.stamp = forksafe.stamp()
        self._watch_children()
        # Ctrl-C in the terminal is for our owner, who tells us by closing the socket.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _watch_children(self) -> None:
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Answer until the owner has gone, then end every kernel."""
        try:
            while True:
                sources: List[Any] = [self.owner, self._wake, *([self.above] if self.above else [])]
                sources += self.trial.sources if self.trial else []
                readable, _, _ = select.select(sources, [], [])
                if self.above in readable:
                    return
                if self._wake in readable:
                    while _drain(self._wake):
                        pass
                    self._reap()
                if self.trial:
                    self.trial.hear(readable)
                    self._decide(self.trial)
                if self.owner in readable:
                    data, fds, _, _ = socket.recv_fds(self.owner, _DATAGRAM, 2)
                    if not data:
                        return
                    try:
                        self._answer(json.loads(data), fds)
                    finally:
                        for fd in fds:
                            os.close(fd)
        finally:
            for pid in self.children:
                becoming.kill(pid)
            if self.trial:
                self.trial.close()

    def _let_go(self) -> set[int]:
        """Return what is open here and none of a kernel's, and leave it, in a process that was forked, to who asks."""
        lines = {one.detach() for one in (self.owner, self.above) if one}
        return {*lines, self._wake, self._waker, *(self.trial.let_go() if self.trial else ())}

    def _answer(self, request: Dict[str, Any], fds: List[int]) -> None:
        if request["do"] == "load":
            self._load(request)
        elif request["do"] == "fork":
            try:
                pid = self._fork(request, fds)
            except OSError as error:
                self._say(forked=request["id"], error=f"{type(error).__name__}: {error}")
            else:
                self.children.add(pid)
                self._say(forked=request["id"], pid=pid)
        elif request["do"] == "copy":
            self._copy(request, fds)

    def _copy(self, request: Dict[str, Any], fds: List[int]) -> None:
        """Fork a copy of this process, which goes on in `serve` with an owner of its own."""
        if forksafe.changed(self.stamp):
            os._exit(CHANGED)  # whoever asked finds the line closed, and the next one a new template
        try:
            pid = os.fork()
        except OSError:
            return
        if pid:
            self.copies.add(pid)
            self._say(copied=request["id"], pid=pid)
            return
        os.setsid()
        self.owner.close()
        for end in (self._wake, self._waker):
            os.close(end)
        self._watch_children()
        self.copies = set()
        self.owner = socket.socket(fileno=os.dup(fds[0]))
        self._say(ready=os.getpid(), loaded=self.loaded, refused={}, verdicts={}, top=sorted(_top_level()))

    def _say(self, **answer: Any) -> None:
        try:
            self.owner.send(json.dumps(answer).encode())
        except OSError:
            pass  # the owner has gone; `serve` sees it too

    def _reap(self) -> None:
        for pid in [*self.children, *self.copies]:
            try:
                gone, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                gone, status = pid, 0
            if gone:
                self.children.discard(pid)
                self.copies.discard(pid)
                self._say(ended=pid, status=os.waitstatus_to_exitcode(status))

    # Modules

    def _load(self, request: Dict[str, Any]) -> None:
        """Import what is known to be safe; what is not known is tried first, and imported in a copy of this process meanwhile."""
        os.environ.setdefault("MPLBACKEND", _MPLBACKEND)
        unknown = [name for name in request["modules"] if name not in request["known"]]
        if not unknown:
            self._say(**self._import(request), verdicts={})
            return
        self.trial = trial.Trial(request, unknown, self.owner.close)
        line = self.trial.fork()
        if line is not None:
            request = {**request, "known": self.trial.hoped}
            self.trial = None
            self._import_meanwhile(request, line)

    def _import_meanwhile(self, request: Dict[str, Any], line: socket.socket) -> None:
        """Import, in the copy, what is being tried, and take over if it may be."""
        for end in (self._wake, self._waker):
            os.close(end)
        self._watch_children()
        told = self._import(request)
        line.send(b"loaded")
        data = line.recv(_DATAGRAM)
        if not data:
            os._exit(0)
        self.above = line
        self._say(**told, verdicts=json.loads(data))

    def _decide(self, now: trial.Trial) -> None:
        """Go on as far as the trial has come."""
        if now.failed and now.has_copy():
            now.throw_away()
            self._say(trying=True)
        if now.verdicts is None:
            return
        copied, allowed = (
            {name for name in now.request["modules"] if self._may(known[name], now.request)}
            for known in (now.hoped, now.known)
        )
        if now.has_copy() and copied == allowed and not self.children:
            if now.loaded:
                self.owner.close()
                now.hand_over()
            return
        now.throw_away()
        self.trial = None
        self._say(importing=True)
        self._say(**self._import({**now.request, "known": now.known}), verdicts=now.verdicts)

    @staticmethod
    def _may(reason: str, request: Dict[str, Any]) -> bool:
        return not reason or (reason == forksafe.DRAWS and request["may_draw"])

    def _import(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Import what may be, and return what there is to say of it."""
        refused = {}
        loaded = []
        for name in request["modules"]:
            reason = request["known"][name]
            if not self._may(reason, request):
                refused[name] = reason
                continue
            try:
                importlib.import_module(name)
            except Exception as error:
                refused[name] = f"{type(error).__name__}: {error}"
            else:
                loaded.append(name)
        if forksafe.forked() or forksafe.threads():
            # it was shown to be safe, and is not: no kernel may come out of this process
            os._exit(forksafe.UNSAFE)
        _settle()
        self.loaded, self.stamp = loaded, forksafe.stamp()
        return {"loaded": loaded, "refused": refused, "top": sorted(_top_level())}

    # Kernels

    def _fork(self, request: Dict[str, Any], fds: List[int]) -> int:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            becoming.become(self.kernel, request, fds, self._let_go())
            status = 0
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            becoming.leave(status)
        return 0


def _drain(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""


def _top_level() -> set[str]:
    return {name.partition(".")[0] for name in sys.modules}


def _settle() -> None:
    """Leave the garbage collector nothing to write to in pages that all kernels share."""
    gc.collect()
    gc.freeze()


def main() -> None:
    # The folder of this file is no place that a kernel would import from.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path not in (here, "")]
    for name in ("becoming", "begun", "forksafe", "trial"):
        del sys.modules[name]
    owner = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()
    kernelapp = importlib.import_module("ipykernel.kernelapp")
    shell = becoming.warm()
    kernelapp.IPKernelApp._nbprod = becoming.runtime(here)
    kernel = begun.begin(shell)
    _settle()
    owner.send(json.dumps({"ready": os.getpid(), "top": sorted(_top_level())}).encode())
    ForkServer(owner, kernel).serve()
    os._exit(0)  # what is done at the end of a process is for the kernels to do


if __name__ == "__main__":
    main()
