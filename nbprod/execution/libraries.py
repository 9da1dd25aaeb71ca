"""Ploomber and Papermill, imported once, when something really has to run."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from nbprod import telemetry

_lock = threading.Lock()
_guard = threading.Lock()
_imports: dict[str, _Import] = {}
_UNUSED = (
    *("matplotlib", "pandas", "pyarrow", "pyarrow.fs", "numpy", "sqlalchemy"),
    *("joblib", "jupyter_server", "prometheus_client", "arrow", "markdown_it"),
)

_FORMATS = (
    "rfc3987_syntax",
    *(
        "fqdn",
        "idna",
        "isoduration",
        "jsonpointer",
        "rfc3339_validator",
        "rfc3986_validator",
        "rfc3987",
        "uri_template",
        "webcolors",
    ),
)

alone = False
"""Whether this process does nothing but run nbprod's commands: then Ploomber and Papermill are imported without the
libraries that they can do without and we have no use for (1 s less)."""


def manager() -> ModuleType:
    """Return `nbprod.execution.manager`, which imports jupyter_client.

    That imports itself in a circle: two threads that begin it at once, one of them by way of nbclient, break each other's import.
    """
    return _once("nbprod.execution.manager", _UNUSED)


def notebooks() -> ModuleType:
    """Return `nbformat`."""
    return _once("nbformat", _UNUSED)


def engine() -> ModuleType:
    """Return `nbprod.execution.engine`, which imports Papermill (0.4 s)."""
    import logging

    manager()
    # it warns of parameters that a task's notebook binds elsewhere; ours are checked before anything runs
    logging.getLogger("papermill").setLevel(logging.ERROR)
    # Papermill asks for it to read notebooks of other hosts, which is no way of ours.
    return _once("nbprod.execution.engine", _UNUSED, {"requests": ()})


def dag() -> ModuleType:
    """Return `nbprod.execution.dag`, which imports Ploomber (1 s), with its reports to its makers turned off."""
    telemetry.turn_off()  # Ploomber reads the environment when it is imported
    # By way of jupytext: setuptools, for a notebook server; and a debugger in the terminal, with prompt_toolkit.
    return _once("nbprod.execution.dag", (*_UNUSED, "notebook"), {"IPython.terminal.debugger": ("Pdb", "TerminalPdb")})


def importance() -> ModuleType:
    """Return `optuna.importance`, where this process is ours alone without scikit-learn.

    Its default evaluator has no use for that, it costs 2 s, and it sets variables in the environment.
    """
    return _once("optuna.importance", ("sklearn", "sklearn.ensemble"))


def _once(name: str, without: Iterable[str], hollow: Mapping[str, Iterable[str]] | None = None) -> ModuleType:
    """Import a module. Imports follow each other; who asks for what is there does not wait for the next one."""
    with _guard:
        found = _imports.get(name)
        if found is None:
            found = _imports[name] = _Import(name, without, hollow or {})
            found.start()
    try:
        return found.result()
    except Exception:
        with _guard:
            _imports.pop(name, None)
        raise


class _Import(threading.Thread):
    """The import of a module, in a thread of its own, so that Ctrl-C cannot leave it half imported.

    What imports it next would fail in ways of its own (`KeyError: 'IPython'`), here or in another thread.
    """

    def __init__(self, module: str, without: Iterable[str], hollow: Mapping[str, Iterable[str]]) -> None:
        super().__init__(name="nbprod-import")
        self.module = module
        self.without = without
        self.hollow = hollow
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with (
                _lock,
                _without_format_checks(),
                _without(self.without, self.hollow),
                _without_collecting(),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                importlib.import_module(self.module)
        except BaseException as error:  # noqa: BLE001  # raised by who asked
            self.error = error

    def result(self) -> ModuleType:
        """Wait for its end and return the module. Raises what the import did."""
        self.join()
        if self.error is not None:
            raise self.error
        return sys.modules[self.module]


@contextmanager
def _without(names: Iterable[str], hollow: Mapping[str, Iterable[str]]) -> Iterator[None]:
    """Keep modules from being imported, where this process is ours alone; of the `hollow` ones only these names are there."""
    hidden: dict[str, ModuleType | None] = dict.fromkeys(names)
    for name, attributes in hollow.items():
        hidden[name] = ModuleType(name)
        hidden[name].__dict__.update(dict.fromkeys(attributes))
    hidden = {name: module for name, module in hidden.items() if alone and name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Look for no garbage while modules are imported, where this process is ours alone: there is none, and the search costs a sixth."""
    collects = alone and gc.isenabled()
    if collects:
        gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def _without_format_checks() -> Iterator[None]:
    """Keep jsonschema from importing what checks formats of text, of which a notebook's schema has none.

    The grammar of `rfc3987_syntax` alone costs 1.7 s; the others 0.1 s, and go where this process is ours alone.
    """
    names = [name for name in (_FORMATS if alone else _FORMATS[:1]) if name not in sys.modules]
    if "jsonschema" in sys.modules:
        names = []
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        if names:
            importlib.import_module("jsonschema")
    finally:
        for name in names:
            del sys.modules[name]
    yield
