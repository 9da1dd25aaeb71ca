"""The part of a kernel's start that is the same for all kernels of one environment, done once, before any is forked.

That is ipykernel's application with its command line and configuration, and the shell. Sockets, threads, signals, streams, what the
user's own start-up files do and all else belong to one kernel, and come after the fork.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import sys
import types
from typing import Any, Dict, Iterator, List, Optional

ARGUMENT = "--HistoryManager.hist_file=:memory:"
"""The one argument, besides that for its connection file, of a kernel that is begun here."""
_GIVEN = {"parent", "profile_dir", "user_module", "user_ns", "kernel"}
"""What ipykernel gives its shell that is known before the fork, or set after it."""


class Begun:
    """An application that is begun, and its shell where that could be made too."""

    def __init__(self, app: Any, shell: Optional[Any]) -> None:
        self.app = app
        self.shell = shell
        self.modules = _Modules()

    def takes(self, arguments: List[str]) -> bool:
        """Return whether a kernel with these arguments can go on from here."""
        return len(arguments) == 3 and arguments[0] == "-f" and arguments[2] == ARGUMENT

    def initialize(self, connection_file: str) -> Any:
        """Do the rest of the application's `initialize` in the process that becomes the kernel, and return the application."""
        from IPython.core.application import BaseIPythonApplication

        app = self.app
        app.parent_handle = os.getppid()
        app.config.IPKernelApp.connection_file = connection_file
        app.connection_file = connection_file
        whole = BaseIPythonApplication.initialize
        BaseIPythonApplication.initialize = lambda self, argv=None: None  # type: ignore[method-assign]
        try:
            if self.shell is not None:
                self._give_shell()
            with self.modules.shown():
                app.initialize([])
        finally:
            BaseIPythonApplication.initialize = whole  # type: ignore[method-assign]
        return app

    def _give_shell(self) -> None:
        """Have ipykernel find the shell when it would make one."""
        shell = self.shell
        assert shell is not None
        kind = type(shell)

        def instance(**given: Any) -> Any:
            del kind.instance
            shell.parent, shell.kernel = given["parent"], given["kernel"]
            # what it has noted of the process that it was made in
            shell.starting_dir = os.getcwd()
            shell.save_sys_module_state()
            shell.history_manager.reset(new_session=True)
            atexit.unregister(shell.atexit_operations)
            atexit.register(
                shell.atexit_operations
            )  # in the order of an ordinary kernel: before the sockets are closed
            return shell

        kind.instance = staticmethod(instance)


class _Modules:
    """The modules that a kernel has when it starts, as ipykernel looks at them for its debugger.

    It asks each for its file. Where the process has imported pandas and the like, that writes to thousands of shared pages, half of all
    that a kernel's start costs; these objects lie together.
    """

    def __init__(self) -> None:
        files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        self._files = [types.SimpleNamespace(__file__=str(file)) for file in files if file]

    def copy(self) -> _Modules:
        return self

    def values(self) -> List[types.SimpleNamespace]:
        return self._files

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Have ipykernel's kernel find these in `sys.modules`."""
        kernel: Any = importlib.import_module("ipykernel.ipkernel")
        real = kernel.sys
        kernel.sys = _System(real, self)
        try:
            yield
        finally:
            kernel.sys = real


class _System:
    """`sys`, with other modules."""

    def __init__(self, real: Any, modules: _Modules) -> None:
        self._real = real
        self.modules = modules

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def begin(given: Dict[str, str]) -> Optional[Begun]:
    """Begin; None where the user has configured IPython, which may depend on the time and the place of a start.

    Args:
        given: What ipykernel was seen to give its shell: the names, and for classes `module:name`.
    """
    from ipykernel.kernelapp import IPKernelApp
    from IPython.core.application import BaseIPythonApplication

    app = IPKernelApp.instance()
    BaseIPythonApplication.initialize(app, [ARGUMENT])  # type: ignore[no-untyped-call]
    if app.loaded_config_files or app.subapp is not None:
        IPKernelApp.clear_instance()
        return None
    return Begun(app, _shell(app, given))


def _shell(app: Any, given: Dict[str, str]) -> Optional[Any]:
    from ipykernel.zmqshell import ZMQInteractiveShell

    if not given or not set(given) >= _GIVEN or any(not given[name] for name in set(given) - _GIVEN):
        return None  # another version of ipykernel, which makes its shell in another way
    app.config.IPKernelApp.connection_file = ""  # as it is when ipykernel makes the shell: it looks for an application
    options: Dict[str, Any] = {"config": app.config, "profile_dir": app.profile_dir}
    for name in set(given) - _GIVEN:
        module, _, kind = given[name].partition(":")
        options[name] = getattr(importlib.import_module(module), kind)
    shell = ZMQInteractiveShell.instance(**options)
    if shell.history_manager.hist_file != ":memory:":
        raise RuntimeError(f"the shell keeps its history in {shell.history_manager.hist_file}")
    return shell


def watch_shell() -> Dict[str, str]:
    """Return what is filled with what ipykernel gives its shell, once it makes one."""
    from ipykernel.zmqshell import ZMQInteractiveShell

    seen: Dict[str, str] = {}
    make = ZMQInteractiveShell.instance

    def instance(**given: Any) -> Any:
        del ZMQInteractiveShell.instance
        for name, value in given.items():
            seen[name] = f"{value.__module__}:{value.__qualname__}" if isinstance(value, type) else ""
        seen.update(dict.fromkeys(_GIVEN & set(given), "known"))
        return make(**given)

    ZMQInteractiveShell.instance = staticmethod(instance)
    return seen
