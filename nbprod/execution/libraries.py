"""Ploomber and Papermill, imported once, when something really has to run."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from nbprod import telemetry

if TYPE_CHECKING:
    from concurrent.futures import Future

_lock = threading.Lock()
_guard = threading.Lock()
_imports: dict[str, Future[ModuleType]] = {}
_UNUSED = (
    *("matplotlib", "pandas", "pyarrow", "pyarrow.fs", "numpy", "sqlalchemy"),
    *("joblib", "jupyter_server", "prometheus_client", "arrow", "markdown_it"),
)

alone = False
"""Whether this process does nothing but run nbprod's commands: then Ploomber and Papermill are imported without the
libraries that they can do without and we have no use for (1 s less)."""


def engine() -> ModuleType:
    """Return `nbprod.execution.engine`, which imports Papermill (0.4 s)."""
    import logging

    # it warns of parameters that a task's notebook binds elsewhere; ours are checked before anything runs
    logging.getLogger("papermill").setLevel(logging.ERROR)
    return _once("nbprod.execution.engine", _UNUSED)


def dag() -> ModuleType:
    """Return `nbprod.execution.dag`, which imports Ploomber (1 s), with its reports to its makers turned off."""
    telemetry.turn_off()  # Ploomber reads the environment when it is imported
    return _once("nbprod.execution.dag", _UNUSED)


def importance() -> ModuleType:
    """Return `optuna.importance`, where this process is ours alone without scikit-learn.

    Its default evaluator has no use for that, it costs 2 s, and it sets variables in the environment.
    """
    return _once("optuna.importance", ("sklearn", "sklearn.ensemble"))


def _once(name: str, without: Iterable[str]) -> ModuleType:
    """Import a module in a thread of its own, so that Ctrl-C cannot leave one half imported: what imports it next would fail
    in ways of its own (`KeyError: 'IPython'`), here or in another thread.

    Imports follow each other; who asks for what is there does not wait for the next one.
    """
    from concurrent.futures import ThreadPoolExecutor

    with _guard:
        if name not in _imports:
            one = ThreadPoolExecutor(1, thread_name_prefix="nbprod-import")
            _imports[name] = one.submit(_import, name, without)
            one.shutdown(wait=False)
        found = _imports[name]
    try:
        return found.result()
    except Exception:
        with _guard:
            _imports.pop(name, None)
        raise


def _import(name: str, without: Iterable[str]) -> ModuleType:
    with _lock, _without_iri_checks(), _without(without), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


@contextmanager
def _without(names: Iterable[str]) -> Iterator[None]:
    """Keep modules from being imported, where this process is ours alone."""
    hidden = [name for name in names if alone and name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _without_iri_checks() -> Iterator[None]:
    """Keep jsonschema from importing `rfc3987_syntax`, whose grammar costs 1.7 s and checks a format no notebook has."""
    name = "rfc3987_syntax"
    if name in sys.modules or "jsonschema" in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        importlib.import_module("jsonschema")
        yield
    finally:
        del sys.modules[name]
