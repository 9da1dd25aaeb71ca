"""The functions that pickles call to make things again, under the module name `_nbprod`, which is never imported."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Dict

from . import arrays, code, models

MODULE = "_nbprod"
"""The module name under which pickles refer to the functions that rebuild things; it is never imported."""
REBUILDERS: Dict[str, Callable[..., Any]] = {}
"""What pickles refer to as `_nbprod.NAME`."""


def rebuilder(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function available to pickles as `_nbprod.NAME`."""
    function.__module__ = MODULE
    function.__qualname__ = function.__name__
    REBUILDERS[function.__name__] = function
    return function


@rebuilder
def named(path: str) -> Any:
    """Stand for a name of the notebook; the loader looks it up."""
    raise NotImplementedError(path)


@rebuilder
def namespace_of(kind: str, value: Any) -> Any:
    """Stand for the globals of a function; the loader supplies them."""
    raise NotImplementedError(kind)


@rebuilder
def make_function(made: types.CodeType, scope: dict[str, Any], name: str, closure: Any) -> types.FunctionType:
    """Return a bare function; `set_function_state` completes it."""
    return types.FunctionType(made, scope, name, None, closure)


@rebuilder
def make(kind: Any, *parts: Any) -> Any:
    """Return an instance of a type, made by calling it."""
    return kind(*parts)


@rebuilder
def module(name: str) -> types.ModuleType:
    """Import a module by its name."""
    return importlib.import_module(name)


@rebuilder
def singleton(owner: str, path: str) -> Any:
    """Return the one object that lives at a place of a module."""
    found: Any = importlib.import_module(owner)
    for part in path.split("."):
        found = getattr(found, part)
    return found


for _function in (
    *(code.make_code, code.make_cell, code.make_class, code.set_function_state, code.set_class_state),
    *(arrays.make_array, arrays.make_view, arrays.make_memmap),
    *models.REBUILDERS,
):
    rebuilder(_function)


@contextmanager
def visible() -> Iterator[None]:
    """Let pickle find the rebuilders while it works; afterwards no module of that name exists."""
    made = types.ModuleType(MODULE)
    made.__dict__.update(REBUILDERS)
    before = sys.modules.get(MODULE)
    sys.modules[MODULE] = made
    try:
        yield
    finally:
        if before is None:
            del sys.modules[MODULE]
        else:
            sys.modules[MODULE] = before
