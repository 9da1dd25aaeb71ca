"""Words for values: their type, a summary, and why one cannot be saved and what to do about it."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Dict, Tuple

_NODES = 200_000
"""How many objects are looked at in search of the one that cannot be saved."""
_ADVICE = (
    (("generator", "async_generator", "coroutine", "map", "filter", "zip", "enumerate"), "turn it into a list"),
    (("TextIOWrapper", "BufferedReader", "BufferedWriter", "BufferedRandom", "FileIO", "NpzFile", "File", "ZipFile"),
     "open the file in the task that uses it"),
    (("Connection", "Cursor", "socket", "SSLSocket", "Engine", "Session"), "open the connection in the task that uses it"),
    (("lock", "RLock", "Condition", "Event", "Semaphore", "Thread", "ThreadPoolExecutor", "ProcessPoolExecutor", "Pool",
      "Popen"), "make it in the task that uses it"),
)  # fmt: skip


def type_name(value: Any) -> str:
    """Return the full name of a value's type; those of builtins and of the notebook without their module."""
    kind = type(value)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def summary(value: Any) -> str:
    """Return a short text about a value that is cheap to make, whatever its size."""
    kind = type(value)
    if hasattr(kind, "shape"):
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            dtype = getattr(value, "dtype", None)
            size = "\u00d7".join(map(str, shape)) or str(value)
            return f"{kind.__name__} {size}" + (f" {dtype}" if dtype is not None else "")
    if kind in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, type(None), range):
        return reprlib.repr(value)
    return kind.__name__


def describe(
    name: str,
    value: Any,
    error: BaseException,
    wanted_by: Sequence[str],
    last: Any = None,
    place: str | None = None,
    *,
    saved: bool = False,
) -> Dict[str, Any]:
    """Return the `error` of a result for a value that cannot be saved.

    `last` is the object at which saving failed, `place` where it is, if that is known already.
    """
    if place is None and last is not None and last is not value:
        path = find(value, last)
        place = None if path is None else name + path
    culprit = value if place is None else last
    place = place or name
    cause = str(error) if type(error) is TypeError else f"{type(error).__name__}: {error}"
    if saved:
        reason = f"it can be saved, but not loaded again ({cause})"
    elif culprit is value:
        reason = cause
    else:
        reason = f"{place} is a {type_name(culprit)} ({cause})"
    advice = next((words for kinds, words in _ADVICE if type(culprit).__name__ in kinds), None)
    instead = f"{advice[0].upper()}{advice[1:]}, or put" if advice else "Put"
    return {
        "kind": "unsaveable",
        "variable": name,
        "type": type_name(value),
        "where": place,
        "wanted_by": list(wanted_by),
        "reason": reason,
        "fix": f"{instead} both tasks into one.",
    }


def sentence(error: Mapping[str, Any]) -> str:
    """Return the error of a result as one line."""
    if error["kind"] == "disk-full":
        what = error["reason"]
    elif error["kind"] == "metric-not-scalar":
        what = f"the metric {error['variable']!r} must be one number: {error['reason']}"
    else:
        tasks = " and ".join(repr(task) for task in error["wanted_by"])
        to = f"task{'s' if len(error['wanted_by']) > 1 else ''} {tasks}" if tasks else "another task"
        what = f"{error['variable']!r}, a {error['type']}, cannot be passed on to {to}: {error['reason']}"
    return f"{what}. {error['fix']}"


def find(root: Any, wanted: Any) -> str | None:
    """Return the way from one value to another inside it, such as `.callbacks[0].lock`; None if none is found."""
    queue: deque[Tuple[Any, str]] = deque([(root, "")])
    seen = {id(root)}
    while queue and len(seen) < _NODES:
        value, path = queue.popleft()
        for step, inner in _inside(value):
            if inner is wanted:
                return path + step
            if id(inner) not in seen and not isinstance(inner, (str, bytes, int, float, type(None), type)):
                seen.add(id(inner))
                queue.append((inner, path + step))
    return None


def _inside(value: Any) -> Iterator[Tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in list(value.items()):
            yield f"[{reprlib.repr(key)}]", inner
    elif isinstance(value, (list, tuple, deque)):
        for index, inner in enumerate(value):
            yield f"[{index}]", inner
    elif isinstance(value, (set, frozenset)):
        for inner in value:
            yield "{...}", inner
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        for key, inner in list(attributes.items()):
            yield f".{key}", inner
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for key in (slots,) if isinstance(slots, str) else tuple(slots):
            if hasattr(value, key):
                yield f".{key}", getattr(value, key)
    for index, cell in enumerate(getattr(value, "__closure__", None) or ()):
        try:
            yield f".<{value.__code__.co_freevars[index]}>", cell.cell_contents
        except ValueError:
            continue
    if callable(value):
        for key in ("__self__", "__func__", "func", "args", "keywords", "__wrapped__"):
            inner = getattr(value, key, None)
            if inner is not None:
                yield f".{key}", inner
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "hasobject", False) and hasattr(value, "ravel"):
        for index, inner in enumerate(value.ravel()):
            yield f"[{index}]", inner
