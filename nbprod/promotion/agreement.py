"""When two answers are the same: exactly, numbers with a fraction within a tolerance.

Runs in the notebook's kernel environment too.
"""

from __future__ import annotations

import math
from typing import Any

RELATIVE = 1e-5
ABSOLUTE = 1e-7
"""Numbers with a fraction may differ this much, since a batch of another size is summed in another order (single
precision rounds at 6e-8). Everything else is exact."""


def difference(expected: Any, got: Any, path: str = "") -> str | None:
    """Say where two plain values differ, None if they do not.

    >>> difference([1, 2.0], [1, 2.0 + 1e-12]) is None
    True
    >>> difference({"a": [1, 2]}, {"a": [1, 3]})
    ' at a[1]: 2 in the notebook, 3 from the service'
    """
    if isinstance(expected, dict) and isinstance(got, dict) and expected.keys() == got.keys():
        inner = (difference(expected[key], got[key], f"{path}.{key}") for key in expected)
        return next(filter(None, inner), None)
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        inner = (difference(a, b, f"{path}[{at}]") for at, (a, b) in enumerate(zip(expected, got, strict=True)))
        return next(filter(None, inner), None)
    if isinstance(expected, float) and isinstance(got, (int, float)) and not isinstance(got, bool):
        same = math.isclose(expected, got, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    else:
        same = type(expected) is type(got) and expected == got
    if same:
        return None
    return f" at {path.lstrip('.') or 'the answer'}: {short(expected)} in the notebook, {short(got)} from the service"


def short(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 300 else text[:297] + "..."
