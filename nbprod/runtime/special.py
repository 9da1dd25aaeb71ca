"""Values of the standard library that pickle refuses, or takes for names of the notebook that need not be there."""

from __future__ import annotations

import functools
import gc
import typing
from typing import Any, Callable, Dict, Type

from . import lru, pickling
from .rebuild import REBUILDERS, rebuilder

_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


@rebuilder
def make_view_of_dict(owner: Dict[Any, Any], kind: str) -> Any:
    """Return a live view of a dictionary."""
    return getattr(owner, kind)()


@rebuilder
def make_cached(function: Any, maxsize: Any, typed: bool) -> Any:
    """Return a function with an empty cache."""
    return functools.lru_cache(maxsize=maxsize, typed=typed)(function)


@rebuilder
def set_cached_state(cached: Any, state: Dict[str, Any]) -> None:
    """Fill the cache, and set the attributes of the function that has it."""
    vars(cached).update(state["dict"])
    lru.prime(cached, state["remembered"])


@rebuilder
def make_type_variable(kind: Any, name: str, constraints: Any, options: Dict[str, Any]) -> Any:
    """Return a type variable."""
    made = kind(name, *constraints, **options)
    made.__module__ = "__main__"
    return made


@rebuilder
def make_new_type(name: str, supertype: Any) -> Any:
    """Return a `typing.NewType` of the notebook."""
    made = typing.NewType(name, supertype)  # type: ignore[misc]
    made.__module__ = "__main__"
    return made


def _reduce_view(_: Any, value: Any) -> Any:
    owner = next(part for part in gc.get_referents(value) if isinstance(part, dict))
    return REBUILDERS["make_view_of_dict"], (owner, _VIEWS[type(value)])


def _reduce_cached(saver: Any, value: Any) -> Any:
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    if value.__module__ != "__main__":
        return NotImplemented
    saver.plain = False
    saver.objects[id(value)] = value
    typed = hasattr(value, "cache_parameters") and bool(value.cache_parameters()["typed"])
    arguments = (value.__wrapped__, value.cache_info().maxsize, typed)
    state = {"dict": dict(vars(value)), "remembered": lru.remembered(value)}
    return REBUILDERS["make_cached"], arguments, state, None, None, REBUILDERS["set_cached_state"]


def _reduce_type_variable(saver: Any, value: Any) -> Any:
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    if value.__module__ != "__main__":
        return NotImplemented
    options = {"bound": value.__bound__, "covariant": value.__covariant__, "contravariant": value.__contravariant__}
    return REBUILDERS["make_type_variable"], (type(value), value.__name__, value.__constraints__, options)


def _reduce_new_type(saver: Any, value: Any) -> Any:
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    if value.__module__ != "__main__":
        return NotImplemented
    return REBUILDERS["make_new_type"], (value.__name__, value.__supertype__)


_REDUCERS: Dict[Type[Any], Callable[[Any, Any], Any]] = {
    **dict.fromkeys(_VIEWS, _reduce_view),
    lru.LRU: _reduce_cached,
    typing.TypeVar: _reduce_type_variable,
}
if isinstance(typing.NewType, type):  # a function before Python 3.10, and what it makes is saved as one
    _REDUCERS[typing.NewType] = _reduce_new_type
pickling.REDUCERS.update(_REDUCERS)
