"""One pool of kernels for several runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nbprod.execution import kernels
from nbprod.execution.prepared import Desire
from nbprod.execution.starting import Pool, Wish


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    wish = Wish("python3", str(tmp_path), kernels.environment(), Desire())
    with closing(Pool(wish, ahead=2)) as pool:
        yield pool


def test_a_run_that_ends_takes_back_what_it_expected_and_nothing_of_the_others(pool: Pool) -> None:
    first, second = pool.share(), pool.share()
    first.expect(5)
    second.expect(1)
    first.close()

    kernel = second.take()

    assert kernel is not None
    kernel.discard()
    while pool._kernels or pool._starting:  # one may have been on its way for the first
        if pool._kernels:
            pool._kernels.pop().discard()
    assert second.take() is None


def test_trials_to_come_have_no_kernel_started_before_one_needed_any(pool: Pool) -> None:
    pool.expect(3, "trials to come", begin=False)
    time.sleep(0.2)
    assert pool._thread is None

    run = pool.share()
    run.expect(1)
    kernel = run.take()

    assert kernel is not None
    kernel.discard()
    deadline = time.monotonic() + 20
    while len(pool._kernels) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(pool._kernels) == 2


BEGUN = """
import sys
from pathlib import Path
from nbprod.execution import kernels, loop, prepared, starting
from nbprod.execution.prepared import Desire

wish = starting.Wish("python3", sys.argv[1], kernels.environment(), Desire(frozenset({"json"})))
starting.begin(wish)
assert "jupyter_client.manager" not in sys.modules
(begun,) = [one for _, one in prepared.kept()]
kernel = loop.apart(starting.start(wish))
assert [one for _, one in prepared.kept()] == [begun], "another process was prepared for the kernel"
assert kernel.alive.process.parent is begun
kernel.discard()
"""


def test_the_process_that_is_begun_before_the_imports_is_the_one_that_kernels_come_from(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BEGUN, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
