"""Whether a function answers the same when it is asked the same again, whatever it was asked in between.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from nbprod.promotion.agreement import difference
from nbprod.promotion.problem import Problem
from nbprod.promotion.support import plain
from nbprod.runtime.state import STATES, same

FIX = (
    "A service is asked in any order, by several processes. Make a generator with a seed inside the function "
    "(`rng = np.random.default_rng(0)`), give it the time as an argument, and let it remember nothing that its answers depend on."
)


def steady(name: str, ask: Callable[[], Any]) -> tuple[Any, Any]:
    """Ask twice and return the first answer, as it is and plain. Raises `Problem` if the second is another one, or random numbers were drawn."""
    answer = ask()
    said = plain(answer)  # before it is asked again: it may answer with what it changes
    before = generators()
    expect_same(name, said, plain(ask()))
    drawn = [state for state, value in generators().items() if not same(before.get(state), value)]
    if drawn:
        raise Problem(f"{name!r} draws random numbers ({', '.join(drawn)}) when it is asked", FIX)
    return answer, said


def expect_same(name: str, answer: Any, again: Any, meanwhile: str = "") -> None:
    """Raise `Problem` if two answers to the same differ."""
    found = difference(answer, again)
    if found is not None:
        told = found.replace("in the notebook", "at first").replace("from the service", "then")
        raise Problem(f"{name!r} answers otherwise when it is asked the same again{meanwhile}:{told}", FIX)


def generators() -> dict[str, Any]:
    """Return the state of each global random generator that is loaded, by its name."""
    return {
        state.name.removeprefix("@"): state.capture()
        for state in STATES
        if state.random and state.module in sys.modules
    }


def stirred(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return other arguments of the same kinds, as far as they are plain."""
    return {name: _other(value) for name, value in arguments.items()}


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 3 + 1
    if isinstance(value, str):
        return value[::-1] + " x"
    if type(value) is list:
        return [_other(item) for item in reversed(value)]
    if type(value) is dict:
        return {key: _other(item) for key, item in value.items()}
    return value
