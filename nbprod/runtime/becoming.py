"""A process becomes a kernel: one that was forked for that, or a child that only shows what a kernel imports when it starts."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import sys
import time
from typing import Any, Dict, List, Set

import begun  # type: ignore[import-not-found]  # beside this file


def become(kernel: Any, request: Dict[str, Any], fds: List[int], others: Set[int]) -> None:
    """Be a kernel until it ends.

    Args:
        kernel: One as far as it is begun (`begun.py`), if it is.
        request: What was asked for: `arguments`, `cwd`, `env`.
        fds: Its standard output and error.
        others: What else is open here and none of a kernel's.
    """
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, fd in enumerate(fds, 1):
        os.dup2(fd, number)
    for fd in {nothing, *fds, *others} - {0, 1, 2}:
        os.close(fd)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    spec = importlib.util.find_spec("ipykernel_launcher")
    sys.argv = [str(spec and spec.origin), *request["arguments"]]
    _draw_anew()
    gc.enable()
    from ipykernel.kernelapp import IPKernelApp

    # It ends when its parent does; that it read from the environment when it was imported.
    if kernel is not None and kernel.takes(sys.argv[1:]):
        app = kernel.initialize(sys.argv[2])
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


def leave(status: int) -> None:
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


def warm() -> Dict[str, str]:
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
    kill(pid)
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


def runtime(here: str) -> Any:
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


def kill(pid: int) -> None:
    """Kill a process, and the group that it leads."""
    for way in (os.killpg, os.kill):
        try:
            way(pid, signal.SIGKILL)
        except OSError:
            pass
