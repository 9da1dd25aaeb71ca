"""What two want at once is computed by one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nbprod.errors import Cancelled
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims


def test_threads_hold_a_key_one_after_the_other_and_are_told_that_they_waited(tmp_path: Path) -> None:
    claims, seen, inside = Claims(tmp_path), [], []

    def work() -> None:
        with claims.hold("k", Cancel()) as waited:
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.05)
            seen.append(waited)
            inside.clear()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == [False, True, True]


def test_other_keys_do_not_wait(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    with claims.hold("a", Cancel()), claims.hold("b", Cancel()) as waited:
        assert not waited
    assert os.listdir(tmp_path) == []


def test_a_claim_goes_with_its_process_however_that_dies(tmp_path: Path) -> None:
    code = (
        "import sys,time; from nbprod.execution.claims import Claims; from nbprod.execution.cancel import Cancel; "
        "from pathlib import Path\nwith Claims(Path(sys.argv[1])).hold('k', Cancel()): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    threading.Timer(0.3, holder.kill).start()

    begun = time.monotonic()
    with Claims(tmp_path).hold("k", Cancel()) as waited:
        assert waited
    assert 0.2 < time.monotonic() - begun < 10
    holder.wait()
    holder.stdout.close()


def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    claims, cancel = Claims(tmp_path), Cancel()
    with claims.hold("k", Cancel()):
        threading.Timer(0.1, cancel.set).start()
        with pytest.raises(Cancelled), claims.hold("k", cancel):
            pass
