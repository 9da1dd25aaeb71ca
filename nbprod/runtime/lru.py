"""What functions with a `functools.lru_cache` remember: read out, and put into another such function."""

from __future__ import annotations

import functools
import gc
import types
from contextlib import suppress
from typing import Any, Dict, List, Tuple

LRU: Any = type(functools.lru_cache()(lambda: None))


def remembered(cached: Any) -> Dict[str, Any]:
    """Return what a function with an `lru_cache` remembers, least recently used first, and its counts."""
    info = cached.cache_info()
    referents = gc.get_referents(cached)
    cache = next((part for part in referents if type(part) is dict and len(part) == info.currsize), {})
    mark = next((part for part in referents if type(part) is object), None)
    typed = hasattr(cached, "cache_parameters") and bool(cached.cache_parameters()["typed"])
    pairs = list(cache.items()) if info.currsize else []
    if pairs and type(pairs[0][1]).__name__ == "_lru_list_elem":
        pairs = _in_order(referents, {id(key) for key, _ in pairs})
    entries = [(*_arguments(key, mark, typed), result) for key, result in pairs]
    return {"hits": info.hits, "misses": info.misses, "entries": entries}


def _in_order(referents: List[Any], keys: set[int]) -> List[Tuple[Any, Any]]:
    """Return keys and results of a bounded cache in the order of use: it refers to each key and, right behind it, to the result."""
    for stride in (2, 3, 4):  # some versions refer to the type of the link, too
        for start in range(stride + 2):
            places = range(start, start + stride * len(keys), stride)
            if places[-1] + 1 < len(referents) and {id(referents[at]) for at in places} == keys:
                return [(referents[at], referents[at + 1]) for at in places]
    return []


def _arguments(key: Any, mark: Any, typed: bool) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """Return the arguments of the call that a key of the cache stands for.

    A key is the arguments, a mark, the keyword pairs and, when typed, the types of the arguments and of the keyword values.
    """
    if type(key) is not tuple:
        return (key,), {}
    at = next((index for index, part in enumerate(key) if part is mark), None)
    if at is None:
        return (key[: len(key) // 2] if typed else key), {}
    rest = key[at + 1 :]
    pairs = rest[: (len(rest) - at) // 3 * 2] if typed else rest
    return key[:at], dict(zip(pairs[::2], pairs[1::2]))


def prime(cached: Any, state: Dict[str, Any]) -> None:
    """Make a cached function remember what another one did, by calling it while its code only hands out stored results."""
    function = cached.__wrapped__
    if not isinstance(function, types.FunctionType):
        return  # C code has no code to replace; the cache fills again
    results = iter([entry[2] for entry in state["entries"]])

    def stored(*args: Any, _next: Any, **kwargs: Any) -> Any:
        return _next()

    kept = (function.__code__, function.__defaults__, function.__kwdefaults__)
    failing = [False]

    def answer() -> Any:
        if failing[0]:
            raise LookupError
        return next(results)

    cached.cache_clear()
    try:
        function.__code__ = stored.__code__.replace(co_freevars=function.__code__.co_freevars)
        function.__defaults__ = None
        function.__kwdefaults__ = {"_next": answer}
        for args, kwargs, _ in state["entries"]:
            cached(*args, **kwargs)
        failing[0] = True
        for _ in range(min(state["misses"] - cached.cache_info().misses, _COUNTED)):
            with suppress(LookupError):
                cached(object())
    finally:
        function.__code__, function.__defaults__, function.__kwdefaults__ = kept
    if state["entries"]:
        args, kwargs, _ = state["entries"][-1]
        for _ in range(min(state["hits"], _COUNTED)):
            cached(*args, **kwargs)


_COUNTED = 1_000_000
"""Counts above this are cut off: each one costs a call."""
