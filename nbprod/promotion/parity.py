"""Parity: a built service, in a clean process, must answer over HTTP what the notebook's own code answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from nbprod.errors import ParityError, ServiceError
from nbprod.promotion import bento, launch
from nbprod.promotion.agreement import ABSOLUTE, RELATIVE, difference, short
from nbprod.promotion.capture import Call

__all__ = ["ABSOLUTE", "RELATIVE", "check", "difference"]

TIMED = 40


def check(
    folder: Path, calls: Sequence[Call], scratch: Path, timeout: float = 120.0, *, many: Sequence[Call] = ()
) -> list[float]:
    """Start the Bento on a free port, replay every call, and those of `many` rows, compare, and stop it; return the seconds of `TIMED` small calls.

    Raises:
        ParityError: It does not start, refuses a call, or answers something else.
    """
    deployment = launch.Deployment(0, str(folder))
    process = launch.start(deployment, scratch / "home", scratch / "service.log", clean=True)
    try:
        process.wait_ready(timeout)
        for call in (*calls, *many):
            status, answer = bento.post(f"{process.url}/{call.route}", call.arguments)
            if status != 200:
                raise ParityError(
                    f"the service answers {status} to the notebook's own sample: {short(answer)}\n{process.tail()}"
                )
            found = difference(call.answer, answer)
            if found:
                raise ParityError(f"the service does not answer what the notebook answers: /{call.route}{found}")
        return [_seconds(process.url, calls[-1]) for _ in range(TIMED)] if calls else []
    except ServiceError as error:
        raise ParityError(error.what) from error
    finally:
        process.stop(grace=0)  # nothing of it is kept, so nothing need be finished


def _seconds(url: str, call: Call) -> float:
    began = time.perf_counter()
    bento.post(f"{url}/{call.route}", call.arguments)
    return time.perf_counter() - began
