"""A prepared process that forks kernels: it has imported what every kernel imports, so that a kernel starts in a twentieth of the time.

Run as `python forkserver.py FD`, with the interpreter and the environment of the kernels, `FD` being one end of a socket pair; it ends
when the other end closes, and its kernels with it. It stays single-threaded and runs no code of the user's: it imports ipykernel,
and those modules of installed distributions that a trial in a throw-away process has shown to be safe (`forksafe.py`).

A worker that stays keeps one as a template: that one forks no kernel itself, but a copy of itself for each job, which has the job's process
as its owner and outlives the template.

Requests and answers are JSON objects, one a datagram:

    {"do": "load", "modules": [...], "known": {...}, "limit": 60, "may_draw": true}
                            -> {"importing": true}, {"loaded": [...], "refused": {module: reason}, "verdicts": {...}, "top": [...]}
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
import time
from typing import Any, Dict, List, Optional, Tuple

import begun  # type: ignore[import-not-found]  # beside this file
import forksafe  # type: ignore[import-not-found]

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
        self.judging: Optional[Tuple[int, int, Dict[str, Any]]] = None
        """The process that tries modules, where it tells of them, and what was asked."""
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
                judging = [self.judging[1]] if self.judging else []
                sources: List[Any] = [self.owner, self._wake, *judging]
                readable, _, _ = select.select(sources, [], [])
                if self._wake in readable:
                    while _drain(self._wake):
                        pass
                    self._reap()
                if judging and judging[0] in readable:
                    self._judged()
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
                _kill(pid)
            if self.judging:
                _kill(self.judging[0])

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
        """Import what is known to be safe; what is not known is tried first, in another process, while kernels are forked."""
        os.environ.setdefault("MPLBACKEND", _MPLBACKEND)
        unknown = [name for name in request["modules"] if name not in request["known"]]
        if not unknown:
            self._import(request, {})
            return
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            verdicts: Dict[str, str] = {}
            try:
                os.setsid()
                signal.set_wakeup_fd(-1)
                os.close(reader)
                self.owner.close()
                verdicts = forksafe.judge(unknown, request["limit"])
            finally:
                with open(writer, "w", encoding="utf-8") as file:
                    json.dump(verdicts, file)
                os._exit(0)
        os.close(writer)
        self.judging = pid, reader, request

    def _judged(self) -> None:
        assert self.judging is not None
        pid, reader, request = self.judging
        self.judging = None
        with open(reader, encoding="utf-8") as file:
            text = file.read()
        os.waitpid(pid, 0)
        verdicts = json.loads(text) if text else {}
        told = dict.fromkeys(request["modules"], "its trial ended early")
        self._say(importing=True)
        self._import({**request, "known": {**told, **request["known"], **verdicts}}, verdicts)

    def _import(self, request: Dict[str, Any], verdicts: Dict[str, str]) -> None:
        refused = {}
        loaded = []
        for name in request["modules"]:
            reason = request["known"][name]
            if reason and not (reason == forksafe.DRAWS and request["may_draw"]):
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
        self._say(loaded=loaded, refused=refused, verdicts=verdicts, top=sorted(_top_level()))

    # Kernels

    def _fork(self, request: Dict[str, Any], fds: List[int]) -> int:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            self._become_kernel(request, fds)
            status = 0
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            _leave(status)
        return 0

    def _become_kernel(self, request: Dict[str, Any], fds: List[int]) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        for number, fd in enumerate(fds, 1):
            os.dup2(fd, number)
        ours = {nothing, *fds, self._wake, self._waker, *([self.judging[1]] if self.judging else [])}
        for fd in ours - {0, 1, 2}:
            os.close(fd)
        self.owner.close()
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        spec = importlib.util.find_spec("ipykernel_launcher")
        sys.argv = [str(spec and spec.origin), *request["arguments"]]
        _draw_anew()
        gc.enable()
        from ipykernel.kernelapp import IPKernelApp

        # It ends when its parent does; that it read from the environment when it was imported.
        if self.kernel is not None and self.kernel.takes(sys.argv[1:]):
            app = self.kernel.initialize(sys.argv[2])
        else:
            IPKernelApp.clear_instance()
            app = IPKernelApp.instance(parent_handle=os.getppid())
            app.initialize(sys.argv[1:])
        app.start()
        # The thread that was asked to go flushes the output once more, by another thread; ipykernel 7.4 ends that one first, and
        # then waits ten seconds for the flush, now and then.
        if app.control_thread is not None and app.control_thread.is_alive():
            app.control_thread.stop()
            app.control_thread.join(2)


def _draw_anew() -> None:
    """Give this process random numbers of its own, as a new interpreter has. `random` sees to itself after a fork."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
    names = sys.modules.get("tempfile")
    if names is not None:
        names._name_sequence = None  # type: ignore[attr-defined]


def _leave(status: int) -> None:
    """End as an interpreter does."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:
        status = status or 1
    os._exit(status)


def _drain(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass


def _top_level() -> set[str]:
    return {name.partition(".")[0] for name in sys.modules}


def _warm() -> Dict[str, str]:
    """Import what a kernel imports when it starts, as seen in a child that becomes one and ends. Return how it makes its shell."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            _report(writer)
        finally:
            os._exit(0)
    os.close(writer)
    data = b""
    deadline = time.monotonic() + 20
    while select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
        block = os.read(reader, 1 << 16)
        if not block:
            break
        data += block
    os.close(reader)
    _kill(pid)
    os.waitpid(pid, 0)
    seen = json.loads(data) if data else {"modules": [], "shell": {}}
    for name in seen["modules"]:
        if not name.startswith(("_pydev", "pydev", "_cython")):  # a debugger's, under names that only it knows
            try:
                importlib.import_module(name)
            except Exception:  # noqa: S112
                continue  # it will be imported in the kernel, which can say what is wrong
    shell: Dict[str, str] = seen["shell"]
    return shell


def _runtime(here: str) -> Any:
    """Import what every task's first cell imports, out of sight."""
    path = os.path.join(here, "boot.py")
    with open(path, encoding="utf-8") as file:
        names: Dict[str, Any] = {"__name__": "nbprod_runtime", "JOB": None}
        exec(compile(file.read(), path, "exec"), names)
    return names["load"]()


def _report(writer: int) -> None:
    import tempfile

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(nothing, fd)
    from ipykernel.kernelapp import IPKernelApp

    before = set(sys.modules)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "k.json")
        ports = {f"{name}_port": number for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"transport": "ipc", "ip": os.path.join(folder, "k"), "key": "", **ports}, file)
        shell = begun.watch_shell()
        app = IPKernelApp.instance()
        app.initialize(["-f", path, begun.ARGUMENT])
        app.shell.run_cell("1 + 1")  # its first cell makes it import more
        modules = [name for name in sys.modules if name not in before]
        os.write(writer, json.dumps({"modules": modules, "shell": shell}).encode())


def _settle() -> None:
    """Leave the garbage collector nothing to write to in pages that all kernels share."""
    gc.collect()
    gc.freeze()


def main() -> None:
    # The folder of this file is no place that a kernel would import from.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path not in (here, "")]
    del sys.modules["forksafe"], sys.modules["begun"]
    owner = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()
    kernelapp = importlib.import_module("ipykernel.kernelapp")
    shell = _warm()
    kernelapp.IPKernelApp._nbprod = _runtime(here)
    kernel = begun.begin(shell)
    _settle()
    owner.send(json.dumps({"ready": os.getpid(), "top": sorted(_top_level())}).encode())
    ForkServer(owner, kernel).serve()
    os._exit(0)  # what is done at the end of a process is for the kernels to do


if __name__ == "__main__":
    main()
