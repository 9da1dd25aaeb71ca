"""A worker that stays for as long as somebody else does: `nbprod watch`, whose runs it does, or `nbprod worker` beside a terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nbprod.worker.address import Unavailable, possible
from nbprod.worker.client import Worker

AHEAD = "nbprod.worker.ahead"
LOOK_SECONDS = 2.0
"""So often it is looked whether the worker is still there: it ends when a package was changed, or memory is short."""
AGAIN_SECONDS = 30.0
"""So long after one could not be had it is tried again."""


@contextmanager
def worker_stays(
    root: Path, notebook: Path, tell: Callable[[str], None] = lambda problem: None
) -> Iterator[threading.Event]:
    """Keep the project's worker, ready for a notebook's runs, in the background; where there can be none, runs go alone as ever.

    Args:
        root: The project's folder.
        notebook: What it is to be ready for.
        tell: Is told, by a thread of ours, why there is no worker; an empty text when one is ready, and each time one is again.

    Gives what is set while one is ready.
    """
    stop, ready = threading.Event(), threading.Event()
    worker = Worker(root)
    keeping = (worker, notebook, stop, ready, tell)
    thread = threading.Thread(target=_keep, args=keeping, name="nbprod-worker", daemon=True)
    thread.start()
    try:
        yield ready
    finally:
        stop.set()
        thread.join(1)
        worker.close()


def _keep(
    worker: Worker, notebook: Path, stop: threading.Event, ready: threading.Event, tell: Callable[[str], None]
) -> None:
    while not stop.is_set():
        pause = LOOK_SECONDS
        try:
            if not (ready.is_set() and worker.is_there()):
                ready.clear()
                _start(worker, notebook, stop)
                ready.set()
                tell("")
        except Unavailable as problem:
            tell(str(problem))
            if possible():
                return
            pause = AGAIN_SECONDS
        stop.wait(pause)


def _start(worker: Worker, notebook: Path, stop: threading.Event) -> None:
    worker.start()
    worker.stay()
    with open(os.devnull, "r+b") as nothing:
        job = worker.do(AHEAD, [str(notebook)], (nothing.fileno(),) * 3)
    while job.poll() is None and not stop.wait(0.05):
        pass
