"""Parity: a built service, in a clean process, must answer over HTTP what the notebook's own code answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbprod.errors import ParityError, ServiceError
from nbprod.promotion import bento
from nbprod.promotion.capture import Call

RELATIVE = 1e-5
ABSOLUTE = 1e-7
"""Numbers with a fraction may differ this much, since a batch of another size is summed in another order (single
precision rounds at 6e-8). Everything else is exact."""


def check(folder: Path, calls: Sequence[Call], scratch: Path, timeout: float = 120.0) -> None:
    """Start the Bento on a free port, replay every call, compare, and stop it.

    Raises:
        ParityError: It does not start, refuses a call, or answers something else.
    """
    process = bento.start(folder, scratch / "home", scratch / "service.log", bento.free_port(), clean=True)
    try:
        process.wait_ready(timeout)
        for call in calls:
            status, answer = bento.post(f"{process.url}/{call.route}", call.arguments)
            if status != 200:
                raise ParityError(
                    f"the service answers {status} to the notebook's own sample: {_short(answer)}\n{process.tail()}"
                )
            found = difference(call.answer, answer)
            if found:
                raise ParityError(f"the service does not answer what the notebook answers: /{call.route}{found}")
    except ServiceError as error:
        raise ParityError(error.what) from error
    finally:
        process.stop(grace=0)  # nothing of it is kept, so nothing need be finished


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
    return f" at {path.lstrip('.') or 'the answer'}: {_short(expected)} in the notebook, {_short(got)} from the service"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else text[:297] + "..."
