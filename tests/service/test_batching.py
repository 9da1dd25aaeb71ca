from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from nbprod.promotion.inside.batching import SLOW, Full, Gone, Runner


def here() -> bool:
    return False


async def ask(
    runner: Runner, call: Callable[..., Any], *rows: Any, gone: Callable[[], bool] = here, **others: Any
) -> Any:
    return await runner.run(call, {"rows": list(rows), **others}, "predict", "rows", gone)


def doubling(calls: list[list[int]]) -> Callable[..., list[int]]:
    def double(rows: list[int], sign: int = 1) -> list[int]:
        calls.append(rows)
        if 13 in rows:
            raise ValueError("thirteen")
        return [2 * sign * row for row in rows]

    return double


def test_what_waits_is_answered_in_one_call_and_each_gets_its_own_rows() -> None:
    calls: list[list[int]] = []

    async def main() -> list[Any]:
        runner, double = Runner(max_rows=6), doubling(calls)
        return await asyncio.gather(*(ask(runner, double, n, n + 100) for n in range(5)))

    assert asyncio.run(main()) == [[2 * n, 2 * n + 200] for n in range(5)]
    assert [len(rows) for rows in calls] == [6, 4]


def test_a_bad_row_fails_alone() -> None:
    async def main() -> list[Any]:
        runner, double = Runner(), doubling([])
        return await asyncio.gather(*(ask(runner, double, n) for n in (1, 13, 2)), return_exceptions=True)

    first, bad, last = asyncio.run(main())
    assert (first, last) == ([2], [4])
    assert isinstance(bad, ValueError)


def test_calls_that_differ_in_other_arguments_are_not_joined() -> None:
    calls: list[list[int]] = []

    async def main() -> list[Any]:
        runner, double = Runner(), doubling(calls)
        return await asyncio.gather(*(ask(runner, double, n, sign=1 if n % 2 else -1) for n in range(4)))

    assert asyncio.run(main()) == [[0], [2], [-4], [6]]
    assert calls == [[0, 2], [1, 3]]


def test_a_function_whose_answer_is_no_list_of_the_rows_is_asked_for_each_request() -> None:
    calls: list[list[int]] = []

    def total(rows: list[int]) -> int:
        calls.append(rows)
        return sum(rows)

    async def main() -> list[Any]:
        runner = Runner()
        first = await asyncio.gather(*(ask(runner, total, n) for n in (1, 2)))
        return [*first, *await asyncio.gather(*(ask(runner, total, n) for n in (3, 4)))]

    assert asyncio.run(main()) == [1, 2, 3, 4]
    assert calls == [[1, 2], [1], [2], [3], [4]]


def test_too_many_are_refused_and_who_is_gone_is_not_computed_for() -> None:
    calls: list[list[int]] = []

    async def main() -> list[Any]:
        runner, double = Runner(patience=2), doubling(calls)
        asked = [ask(runner, double, 1), ask(runner, double, 2, gone=lambda: True), ask(runner, double, 3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    first, gone, refused = asyncio.run(main())
    assert first == [2]
    assert isinstance(gone, Gone)
    assert isinstance(refused, Full)
    assert calls == [[1]]


@pytest.mark.parametrize("slow", [False, True])
def test_only_a_slow_call_leaves_the_loop_to_others(slow: bool) -> None:
    def wait(rows: list[int]) -> list[int]:
        time.sleep(0.05)
        return rows

    async def main() -> int:
        runner, turns = Runner(), 0
        runner.known("predict", 2 * SLOW if slow else SLOW / 2)
        asked = asyncio.ensure_future(ask(runner, wait, 1))
        while not asked.done():
            await asyncio.sleep(0.002)
            turns += 1
        return turns

    assert (asyncio.run(main()) > 4) == slow


def test_who_is_alone_is_answered_in_the_same_turn_and_a_slow_call_never_is() -> None:
    async def main() -> list[bool]:
        runner, double = Runner(), doubling([])
        runner.alone = lambda: True
        found = []
        for seconds in (SLOW / 2, 10 * SLOW):
            runner.known("predict", seconds)
            asked = ask(runner, double, 3)
            try:
                asked.send(None)
            except StopIteration as end:
                found.append(end.value == [6])
            else:
                found.append(False)
                asked.close()
            runner = Runner()
            runner.alone = lambda: True
        with pytest.raises(ValueError, match="thirteen"):
            await ask(runner, double, 13)
        with pytest.raises(Gone):
            await ask(runner, double, 1, gone=lambda: True)
        return found

    assert asyncio.run(main()) == [True, False]
