"""Words for values: their type, a summary, and why one cannot be saved."""

from __future__ import annotations

import reprlib
from typing import Any, Dict, Sequence


def type_name(value: Any) -> str:
    """Return the full name of a value's type; those of builtins and of the notebook without their module."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"


def summary(value: Any) -> str:
    """Return a short text about a value that is cheap to make, whatever its size."""
    shape = getattr(type(value), "shape", None) is not None and getattr(value, "shape", None)
    if isinstance(shape, tuple):
        dtype = getattr(value, "dtype", None)
        size = "\u00d7".join(str(n) for n in shape) or "scalar"
        return f"{type(value).__name__} {size}" + (f" {dtype}" if dtype is not None else "")
    if type(value) in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, type(None), range):
        return reprlib.repr(value)
    return type(value).__name__


def describe(name: str, value: Any, error: BaseException, wanted_by: Sequence[str]) -> Dict[str, Any]:
    """Return the `error` of a result for a value that cannot be saved."""
    who = f" (wanted by {', '.join(wanted_by)})" if wanted_by else ""
    return {
        "kind": "unsaveable",
        "variable": name,
        "type": type_name(value),
        "wanted_by": list(wanted_by),
        "reason": f"{name!r}, a {type_name(value)}, cannot be passed to another task{who}: {error}",
    }
