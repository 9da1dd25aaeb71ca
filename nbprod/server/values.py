"""Values of notebooks as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def json_value(value: Any) -> Any:
    """Return `value` as plain JSON; what has no JSON form as Python writes it.

    >>> json_value((1, {"a": float("nan")}, b"x"))
    [1, {'a': 'nan'}, "b'x'"]
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return [json_value(item) for item in sorted(value, key=str)]
    return repr(value)


def numbers(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Return metrics; one that is not finite is None."""
    return {
        name: float(value) if isinstance(value, int | float) and math.isfinite(value) else None
        for name, value in values.items()
    }
