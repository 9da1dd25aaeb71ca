"""One loop speaks to all kernels of a process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from nbprod.execution import loop


async def _soon(value: int) -> int:
    await asyncio.sleep(0.01)
    return value


async def _fail() -> None:
    raise ValueError("told")


def test_what_comes_of_a_coroutine_is_returned_or_raised() -> None:
    assert loop.run(_soon(3)) == 3
    with pytest.raises(ValueError, match="told"):
        loop.run(_fail())


def test_several_threads_share_it() -> None:
    found: list[int] = []

    async def where() -> int:
        await asyncio.sleep(0.01)
        return threading.get_ident()

    threads = [threading.Thread(target=lambda: found.append(loop.run(where()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 3
    assert len(set(found)) == 1


def test_settle_waits_for_what_was_left_behind_but_not_for_ever() -> None:
    done = threading.Event()

    async def slow(seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.set()

    loop.behind(slow(0.1))
    loop.settle(5)
    assert done.is_set()

    loop.behind(slow(30))
    began = time.monotonic()
    loop.settle(0.1)
    assert time.monotonic() - began < 5


def test_what_fails_behind_is_told(caplog: pytest.LogCaptureFixture) -> None:
    loop.behind(_fail())
    loop.settle(5)
    deadline = time.monotonic() + 5
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "told" in caplog.text


def test_what_takes_long_is_run_apart_also_where_a_loop_runs_already() -> None:
    async def inside() -> int:
        return loop.apart(_soon(4))

    assert loop.apart(_soon(4)) == 4
    assert asyncio.run(inside()) == 4


_FORK = """
import asyncio, os
from nbprod.execution import loop

async def give(value):
    await asyncio.sleep(0.01)
    return value

loop.run(give(1))
pid = os.fork()
if pid == 0:
    os._exit(loop.run(give(5)))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_forked_process_has_a_loop_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "5\n"
