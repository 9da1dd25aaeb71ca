"""Whether a module may be imported before a fork: tried in a throw-away process that is watched.

It may not if importing it leaves a thread or a process, opens a file that stays open, prints, warns, asks for IPython's shell, changes
the environment, the folder or a signal handler, or if a child forked after it does not end well. A module that draws from `random`
when it is imported is a case of its own (`DRAWS`): it may, unless the notebook seeds `random`, which then gives other numbers.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import os
import random
import select
import signal
import site
import sys
import sysconfig
import time
import warnings
from typing import Any, Callable, Dict, Iterator, List, Tuple

UNSAFE = 77
"""The exit status of a prepared process that has found itself unsafe."""
DRAWS = "it draws from `random` when it is imported"
_TOLD_OF_FORKS = {"jemalloc_bg_thd"}
"""Threads of libraries that see to themselves around a fork (pthread_atfork), but do not end before one."""


def judge(modules: List[str], limit: float, tell: Callable[[str], None] = lambda reason: None) -> Dict[str, str]:
    """Return for each module an empty text, or why it may not be imported before a fork.

    All are tried together first (`tell` is told how that went), and one by one only where that did not go well.
    """
    verdicts = {name: where(name) for name in modules}
    rest = [name for name in modules if not verdicts[name]]
    reason = _try(rest, limit) if rest else ""
    tell(reason)
    if reason == DRAWS:  # which of them does is not worth a trial of each
        verdicts.update(dict.fromkeys(rest, reason))
    elif reason:
        for name in rest:
            verdicts[name] = _try([name], limit)
        # together they may do what none does alone
        rest = [name for name in rest if verdicts[name] in ("", DRAWS)]
        reason = _try(rest, limit) if rest else ""
        if reason not in ("", DRAWS):
            verdicts.update(dict.fromkeys(rest, reason))
    return verdicts


def where(name: str) -> str:
    """Say why a module is none of an installed distribution: a project's own modules change between two kernels."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return ""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError) as error:
        return f"it cannot be found: {error}"
    if spec is None or not spec.origin:
        return "it is not installed" if spec is None else "it is no package with code"
    paths = sysconfig.get_paths()
    homes = {paths["purelib"], paths["platlib"], site.getusersitepackages()}
    if not os.path.realpath(spec.origin).startswith(tuple(os.path.realpath(home) + os.sep for home in homes)):
        return "it is no installed distribution"
    return ""


def threads() -> str:
    """Say how many threads there are beyond this one, Python's or any library's; an empty text where there are none.

    Ask after a fork: some libraries (OpenBLAS) end theirs when one comes, and start them again when they compute.
    """
    names = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{thread}/comm", encoding="utf-8") as file:
            names.append(file.read().strip())
    count = sum(name not in _TOLD_OF_FORKS for name in names)
    return "" if count <= 1 else f"it starts {count - 1} threads"


def _try(modules: List[str], limit: float) -> str:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        reason = "it ends the process"
        try:
            os.setsid()
            os.close(reader)
            reason = _import(modules)
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            os.write(writer, json.dumps(reason).encode()[:4000])
            os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + limit
    data = b""
    while select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
        block = os.read(reader, 4096)
        if not block:
            break
        data += block
    else:
        data = json.dumps(f"it takes longer than {limit:g} s to import").encode()
    os.close(reader)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    try:
        return str(json.loads(data))
    except ValueError:
        return "it ends the process"


def _import(modules: List[str]) -> str:
    before = _state()
    with _watched() as seen:
        for name in modules:
            importlib.import_module(name)
    if seen:
        return seen[0]
    after = _state()
    for what, old in before.items():
        if after[what] != old and what != "random":
            return f"it changes {what}"
    return forked() or threads() or (DRAWS if after["random"] != before["random"] else "")


def _state() -> Dict[str, Any]:
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM)
    return {
        "the environment": {name: value for name, value in os.environ.items() if not name.startswith("KMP_")},
        "the current folder": os.getcwd(),
        "signal handlers": [signal.getsignal(number) for number in signals],
        "warning filters": len([one for one in warnings.filters if one[0] == "error"]),
        "the recursion limit": sys.getrecursionlimit(),
        "random": random.getstate(),
        "what is open": _open_files(),
        "the thread or process that children belong to": _children(),
    }


def _open_files() -> List[str]:
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        if not target.startswith(("/dev/null", "pipe:", "/proc/")):
            found.append(target)
    return sorted(found)


def _children() -> str:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


@contextlib.contextmanager
def _watched() -> Iterator[List[str]]:
    """Note what is printed, warned of and asked of IPython."""
    seen: List[str] = []
    import IPython
    from IPython.core import getipython

    real = getipython.get_ipython

    def ask() -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if not caller.startswith(("IPython", "ipykernel", "traitlets")):
            seen.append(f"{caller} asks for the shell when it is imported")
        return real()

    streams: Tuple[Any, Any] = (sys.stdout, sys.stderr)
    texts = io.StringIO(), io.StringIO()
    sys.stdout, sys.stderr = texts
    getipython.get_ipython = IPython.get_ipython = ask
    show = warnings.showwarning
    warnings.showwarning = lambda message, *_, **__: seen.append(f"it warns: {message}")
    try:
        yield seen
    finally:
        sys.stdout, sys.stderr = streams
        getipython.get_ipython = IPython.get_ipython = real
        warnings.showwarning = show
        if any(text.getvalue() for text in texts):
            seen.append("it prints when it is imported")


def forked(limit: float = 10.0) -> str:
    """Say what goes wrong in a child forked now that computes a little."""
    pid = os.fork()
    if pid == 0:
        try:
            numpy = sys.modules.get("numpy")
            if numpy is not None:
                matrix = numpy.random.default_rng(0).random((64, 64))
                numpy.linalg.solve(matrix @ matrix + numpy.eye(64), matrix)
            pandas = sys.modules.get("pandas")
            if pandas is not None:
                frame = pandas.DataFrame({"a": [1, 2, 1], "b": [1.0, 2.0, 3.0], "c": ["x", "y", "z"]})
                frame.merge(frame.groupby("a").sum(numeric_only=True), on="a").to_csv()
            os._exit(0)
        except BaseException:
            os._exit(1)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return "" if status == 0 else "what is forked after it does not work"
        time.sleep(0.005)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "what is forked after it hangs"


def stamp() -> Dict[str, Tuple[int, int]]:
    """Return what shows that a package was installed, upgraded or removed since.

    Any of these changes the folder of `sys.path` that it is in; a module that is in no installer's folder may be edited where it is.
    """
    paths = sysconfig.get_paths()
    homes = tuple(paths[name] + os.sep for name in ("purelib", "platlib", "stdlib", "platstdlib"))
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    own = [path for path in files if isinstance(path, str) and not path.startswith(homes)]
    found = {}
    for path in [os.path.realpath(sys.executable), *sys.path, *own]:
        with contextlib.suppress(OSError):
            look = os.stat(path)
            found[path] = look.st_mtime_ns, look.st_size
    return found


def changed(before: Dict[str, Tuple[int, int]]) -> str:
    """Return one of these paths (`stamp`) that is not as it was; an empty text if all are."""
    for path, look in before.items():
        try:
            now = os.stat(path)
        except OSError:
            return path
        if (now.st_mtime_ns, now.st_size) != look:
            return path
    return ""
