"""What is done before the first request: models compile, and the heap is settled."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from .batching import Runner
from .routes import Route, encoded

PATIENCE = 2.0
"""Seconds after which warming up ends; each sample is asked once in any case."""
WARM = (1, 2, 4, 8, 16, 32)
logger = logging.getLogger("nbprod.service")


async def warm_up(routes: Iterable[Route], samples: Iterable[Mapping[str, Any]], runner: Runner) -> None:
    """Answer the sample calls: the first call of a model is slow.

    Where `warm_batches` asks for other sizes anyway, the last of them, the smallest, is enough.
    """
    by_name = {route.name: route for route in routes}
    samples = list(samples)
    last = {call["route"]: call for call in samples}
    until = time.perf_counter() + PATIENCE
    for call in samples:
        route = by_name.get(call["route"])
        if route is None or (route.rows and call is not last[route.name]):
            continue
        body = to_json(call["arguments"])
        for _ in range(3):
            began = time.perf_counter()
            answer = route.call(**route.arguments(body))
            encoded(await answer if route.waits else answer)
            runner.known(route.name, time.perf_counter() - began)
            if time.perf_counter() > until:
                break


async def warm_batches(routes: Iterable[Route], samples: Iterable[Mapping[str, Any]], runner: Runner) -> None:
    """Ask for batches of other sizes, between requests: some models compile for each, which no start should wait for."""
    by_name = {call["route"]: call for call in samples}
    for route in routes:
        call = by_name.get(route.name)
        if call is None or not route.rows:
            continue
        for size in WARM:
            given = route.arguments(to_json(call["arguments"]))
            given[route.rows] = (given[route.rows] * size)[:size]
            await asyncio.sleep(0.05)
            try:
                await runner.run(route.call, given, route.name, None, lambda: False)
            except Exception:
                logger.exception("%s fails for a batch of %d rows", route.name, size)
                return


def settle() -> None:
    """Keep the collector from the heap that imports leave behind: collecting it stops answers for 0.2 s now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    gc.enable()
