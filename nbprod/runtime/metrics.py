"""Metrics as plain JSON numbers."""

from __future__ import annotations

import math
import numbers
from typing import Any, Optional, Union


class NotScalar(TypeError):
    """A metric is no number."""


def number(value: Any) -> Optional[Union[int, float]]:
    """Return a metric as a plain number: NaN and the infinities, which JSON does not have, as None.

    Takes Python's numbers and booleans, and whatever has an `item()` that gives one (scalars and 0-d arrays of NumPy, JAX, PyTorch).
    Raises `NotScalar` for anything else.
    """
    shape = getattr(value, "shape", ())
    item = getattr(value, "item", None)
    plain = item() if callable(item) and tuple(shape) == () else value
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, int):
        return plain
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None
    if isinstance(plain, numbers.Real) or type(plain).__name__ == "Decimal":
        return number(float(plain))
    if type(plain).__name__ == "NAType":
        return None
    raise NotScalar(f"it is a {describe(value)}")


def describe(value: Any) -> str:
    """Return a short description of a value's type, with its shape where it has one."""
    kind = type(value)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    shape = getattr(value, "shape", None)
    return f"{name} of shape {tuple(shape)}" if isinstance(shape, tuple) and not isinstance(value, type) else name
