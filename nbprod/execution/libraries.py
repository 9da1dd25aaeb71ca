"""Ploomber and Papermill, imported once, when something really has to run."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

from nbprod import telemetry

_lock = threading.Lock()
_UNUSED = ("matplotlib", "pandas", "pyarrow", "pyarrow.fs")

alone = False
"""Whether this process does nothing but run nbprod's commands: then Ploomber and Papermill are imported without the
libraries that they can do without and we have no use for (1 s less)."""


def engine() -> ModuleType:
    """Return `nbprod.execution.engine`, which imports Papermill (0.5 s)."""
    import logging

    # it warns of parameters that a task's notebook binds elsewhere; ours are checked before anything runs
    logging.getLogger("papermill").setLevel(logging.ERROR)
    with _lock, _without_iri_checks(), _without(_UNUSED):
        return _imported("nbprod.execution.engine")


def dag() -> ModuleType:
    """Return `nbprod.execution.dag`, which imports Ploomber (1.5 s), with its reports to its makers turned off."""
    with _lock, _without_iri_checks(), _without(_UNUSED), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        telemetry.turn_off()  # Ploomber reads the environment when it is imported
        return _imported("nbprod.execution.dag")


def importance() -> ModuleType:
    """Return `optuna.importance` without scikit-learn (2 s, and variables set in the environment), which the default evaluator has no use for."""
    with _lock, _without(("sklearn", "sklearn.ensemble")):
        return _imported("optuna.importance")


def _imported(name: str) -> ModuleType:
    """Import a module in a thread of its own, so that Ctrl-C cannot leave one half imported: what imports it next would fail
    in ways of its own (`KeyError: 'IPython'`), here or in another thread.
    """
    if name in sys.modules:
        return sys.modules[name]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, thread_name_prefix="nbprod-import") as one:
        return one.submit(importlib.import_module, name).result()


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
