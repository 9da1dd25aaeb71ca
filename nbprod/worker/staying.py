"""A worker that stays for as long as somebody else does: for `nbprod watch`, whose runs it then does."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbprod.worker.address import Unavailable
from nbprod.worker.client import Worker

AHEAD = "nbprod.worker.ahead"
_LONG = str(366 * 86400)


@contextmanager
def worker_stays(root: Path, notebook: Path) -> Iterator[None]:
    """Keep the project's worker, ready for a notebook's run, in the background; where there can be none, runs go alone as ever.

    `nbprod run` finds it if it is started by this process: a worker's address depends on the environment, which says
    here that it does not end while it is asked for nothing.
    """
    before = os.environ.get("NBPROD_WORKER_IDLE")
    os.environ["NBPROD_WORKER_IDLE"] = before or _LONG
    worker = Worker(root)
    thread = threading.Thread(target=_start, args=(worker, notebook), name="nbprod-worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(1)
        worker.close()
        if before is None:
            del os.environ["NBPROD_WORKER_IDLE"]


def _start(worker: Worker, notebook: Path) -> None:
    try:
        worker.start()
        with open(os.devnull, "r+b") as nothing:
            worker.do(AHEAD, [str(notebook)], (nothing.fileno(),) * 3)
    except Unavailable:
        return
