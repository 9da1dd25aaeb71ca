"""Whether a function answers each row by itself: then rows of several requests may be asked in one call.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from nbprod.promotion.agreement import difference

MOST = 400
"""Rows that are asked."""
SEEN = 200
"""Of those, rows like such as were seen; the others have values beyond."""
ALONE = 30
"""Rows that are asked one at a time."""
PATIENCE = 5.0
"""Seconds for asking."""


def is_rowwise(ask: Callable[[Any], Any], rows: Any, take: Callable[[Any, list[int]], Any]) -> bool:
    """Say whether the answer to rows is, in every order and in parts, a list of the answers to each of them.

    `ask` gives an answer as plain values; `take` gives the rows at some places. A function that takes longer than
    `PATIENCE` to show it is taken for one that is not, and so is one that fails.
    """
    until = time.monotonic() + PATIENCE
    count = min(len(rows), MOST)
    if count < 2:
        return False
    order = list(range(count))
    mixed = random.Random(0).sample(order, count)  # noqa: S311 - any order will do
    half = count // 2
    try:
        whole = ask(take(rows, order))
        if not isinstance(whole, list) or len(whole) != count or all(one == whole[0] for one in whole):
            return False  # what answers all rows alike shows nothing
        for places in (order[::-1], mixed, mixed[:half], mixed[half:], [order[0]] * 3):
            if _differs(ask(take(rows, places)), [whole[place] for place in places]) or time.monotonic() > until:
                return False
        alone = {*order[:3], *mixed[:ALONE], order[-1]}
        for place in sorted(alone):
            if _differs(ask(take(rows, [place])), [whole[place]]) or time.monotonic() > until:
                return False
    except Exception:  # noqa: BLE001 - a function that cannot answer one row, or another order, is not row-wise
        return False
    return True


def _differs(answer: Any, expected: list[Any]) -> bool:
    return not isinstance(answer, list) or difference(expected, answer) is not None
