"""The workers of the projects that this server has to do with: jobs are forked from them, or started alone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.server.folder import claim_job

if TYPE_CHECKING:
    from nbprod.worker.client import Process, Worker

JOB = "nbprod.server.worker"
AHEAD = "nbprod.worker.ahead"
RETRY_SECONDS = 600.0
"""So long a worker that could not be started is not tried again."""
MOST = 2
"""So many workers are kept."""

_log = logging.getLogger(__name__)


class Workers:
    """One worker for each project; it ends soon after we let go of it."""

    def __init__(self) -> None:
        self._workers: dict[Path, Worker] = {}
        self._prepared: set[Path] = set()
        self._starting: set[Path] = set()
        self._failed: dict[Path, float] = {}
        self._lock = threading.Lock()
        self._closed = False

    def start(self, folder: Path, root: Path, log: int) -> subprocess.Popen[bytes] | Process | None:
        """Start the process of the job in `folder`, which writes what it says to the file `log`; None if only the folder knows it."""
        from nbprod.worker.address import Unavailable
        from nbprod.worker.client import Unanswered

        with open(os.devnull, "rb") as nothing:
            try:
                return self._worker(root).do(JOB, [str(folder), "--claim"], (nothing.fileno(), log, log))
            except Unanswered as error:
                _log.warning("a job is started without its worker: %s", error)
                if not claim_job(folder):
                    return None  # it was forked all the same; its folder says which process it is
            except Unavailable as error:
                _log.debug("a job is started alone: %s", error)
        return subprocess.Popen(
            # -P: a file of the project must not stand in for a module
            [sys.executable, "-P", "-m", JOB, str(folder)],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def prepare(self, root: Path, notebook: Path) -> None:
        """Have a worker, and in it what the notebook's kernels are forked from, in the background; nothing is said if that fails."""
        from nbprod.execution import memory
        from nbprod.worker.address import possible

        with self._lock:
            late = time.monotonic() - self._failed.get(root, -RETRY_SECONDS) < RETRY_SECONDS
            if self._closed or late or root in self._starting or self._is_ready(root, notebook):
                return
            if possible() or memory.is_low():
                return
            self._starting.add(root)
        threading.Thread(target=self._prepare, args=(root, notebook), name="nbprod-worker", daemon=True).start()

    def close(self) -> None:
        """Let go of the workers; what they do goes on."""
        with self._lock:
            self._closed = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.close()

    def _is_ready(self, root: Path, notebook: Path) -> bool:
        worker = self._workers.get(root)
        return worker is not None and worker.is_there() and notebook in self._prepared

    def _prepare(self, root: Path, notebook: Path) -> None:
        from nbprod.worker.address import Unavailable

        try:
            worker = self._worker(root)
            self._bound(worker)
            if not worker.is_there():
                worker.start()
                with self._lock:
                    self._prepared = {one for one in self._prepared if not one.is_relative_to(root)}
            with open(os.devnull, "r+b") as nothing:
                worker.do(AHEAD, [str(notebook)], (nothing.fileno(), nothing.fileno(), nothing.fileno()))
            with self._lock:
                self._prepared.add(notebook)
        except Unavailable as error:
            _log.warning("runs in %s start without a worker: %s", root, error)
            with self._lock:
                self._failed[root] = time.monotonic()
        finally:
            with self._lock:
                self._starting.discard(root)
            if self._closed:
                self.close()

    def _worker(self, root: Path) -> Worker:
        from nbprod.worker.client import Worker

        with self._lock:
            worker = self._workers.pop(root, None) or Worker(root)
            self._workers[root] = worker  # the newest last
            return worker

    def _bound(self, but: Worker) -> None:
        """Let go of all but the newest few."""
        with self._lock:
            there = [worker for worker in self._workers.values() if worker is not but and worker.is_there()]
        for worker in there[: max(0, len(there) - MOST + 1)]:
            worker.close()
