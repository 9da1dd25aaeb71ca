"""Parameter values as plain Python: what may be one, how it is written into a cell, how it is compared."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from nbprod.errors import ParameterError

_ATOMS = (str, int, float, complex, bytes, bool, type(None))


def plain(value: Any, name: str = "value") -> Any:
    """Return a value as plain Python types: NumPy scalars and arrays become numbers and lists.

    Raises `ParameterError` for what cannot be written as a literal.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        return plain(value.tolist(), name)
    if isinstance(value, Mapping):
        return {plain(key, name): plain(item, name) for key, item in value.items()}
    for many in (list, tuple, set, frozenset):
        if isinstance(value, many):
            return many(plain(item, name) for item in value)
    for one in (str, int, float, complex, bytes):
        if isinstance(value, one):  # an enum of strings, say
            return one(value)  # type: ignore[arg-type]
    raise ParameterError(
        f"parameter {name!r} cannot be a {kind.__module__}.{kind.__qualname__}",
        fix="A parameter is a number, a text, a boolean, None, or a list, tuple, set or dict of these.",
    )


def literal(value: Any) -> str:
    """Return Python source that evaluates to a plain value; the items of sets are in a fixed order.

    >>> literal((1, float("inf"), {"a": {2, 1}}))
    "(1, float('inf'), {'a': {1, 2}})"
    """
    match value:
        case float() if not math.isfinite(value):
            return f"float('{value}')"
        case complex() if not (math.isfinite(value.real) and math.isfinite(value.imag)):
            return f"complex({literal(value.real)}, {literal(value.imag)})"
        case dict():
            return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(literal(item) for item in value) + "]"
        case tuple():
            return "(" + ", ".join(literal(item) for item in value) + ("," if len(value) == 1 else "") + ")"
        case set() | frozenset():
            items = ", ".join(sorted(literal(item) for item in value))
            braces = f"{{{items}}}" if items else "set()"
            return braces if isinstance(value, set) else f"frozenset({braces if items else ''})"
        case _:
            return repr(value)


def same(one: Any, other: Any) -> bool:
    """Return whether two plain values are alike in type too: 1, 1.0 and True are not."""
    return literal(one) == literal(other)


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
