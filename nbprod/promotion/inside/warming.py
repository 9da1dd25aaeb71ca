"""What is done before the first request: models compile, and the heap is settled."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from .batching import Runner
from .routes import Route, encoded

PATIENCE = 2.0
"""Seconds after which warming up ends; each sample is asked once in any case."""
WARM = (1, 2, 4, 8, 16, 32)


async def warm_up(routes: Iterable[Route], samples: Iterable[Mapping[str, Any]], runner: Runner) -> None:
    """Answer the sample calls, batches of other sizes too: the first call of a model is slow, and some compile."""
    by_name = {route.name: route for route in routes}
    until = time.perf_counter() + PATIENCE
    for call in samples:
        route = by_name.get(call["route"])
        if route is None:
            continue
        body = to_json(call["arguments"])
        rows = route.arguments(body)[route.rows] if route.rows else []
        for size in (0, 0, 0, *(WARM if rows else ())):
            given = route.arguments(body)
            if size and route.rows:
                given[route.rows] = (rows * size)[:size]
            began = time.perf_counter()
            answer = route.call(**given)
            encoded(await answer if route.waits else answer)
            runner.known(route.name, time.perf_counter() - began)
            if time.perf_counter() > until:
                break


def settle() -> None:
    """Keep the collector from the heap that imports leave behind: collecting it stops answers for 0.2 s now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    gc.enable()
