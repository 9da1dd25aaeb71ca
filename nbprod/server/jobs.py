"""The jobs: starts their processes, follows what they say, stops them, and finds them again after a restart.

A thread looks at the files of the jobs that run, every `POLL` seconds, and hands what is new to the server's loop as Jupyter events.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import NotFoundError
from nbprod.server.folder import JobFolder, Order
from nbprod.server.followed import Event, Followed
from nbprod.server.workers import Workers

if TYPE_CHECKING:
    from nbprod.server.place import Place

POLL = 0.02
GRACE = 10.0
KEPT = 24 * 3600.0
"""Seconds that an ended job stays."""
BATCH = 50
"""Events that are handed over at once; the loop answers others in between."""

_log = logging.getLogger(__name__)
_ID = re.compile(r"[\w-]+")


class Jobs:
    """The jobs of all projects that this server has seen.

    Args:
        root: The server's root.
        pointers: A folder of the user's with a file for each job, which says where it is; a server that starts finds them there.
        tell: Called in the following thread with new events; it may wait.
        grace: Seconds that a job has to end when it is stopped.
    """

    def __init__(
        self, root: Path, pointers: Path, tell: Callable[[Sequence[Event]], None], grace: float = GRACE
    ) -> None:
        self.root = root
        self.pointers = pointers
        self.tell = tell
        self.grace = grace
        self.workers = Workers()
        self._jobs: dict[str, Followed] = {}
        self._lock = threading.Lock()
        self._attaching = threading.Lock()
        self._attached = False
        self._work = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, place: Place, kind: str, arguments: Iterable[str], *, run: str | None = None) -> Followed:
        """Start `nbprod ARGUMENTS --json` in the project of a notebook, as a process that outlives this one.

        It is forked from the project's worker where there is one.
        """
        now = time.time()
        order = Order(
            id=time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(now)) + f"-{secrets.token_hex(3)}",
            kind=kind,
            path=place.path,
            server_root=str(self.root),
            notebook=str(place.notebook),
            pipeline=place.entry.name,
            arguments=(*arguments, "--json"),
            project=str(place.project.root),
            created=now,
            run=run,
        )
        folder = JobFolder.make(place.project.make_state() / "jobs", order)
        self.pointers.mkdir(parents=True, exist_ok=True)
        (self.pointers / order.id).write_text(str(folder.path))
        with (folder.path / "stderr.log").open("wb") as log:
            process = self.workers.start(folder.path, place.project.root, log.fileno())
        return self._follow(Followed(folder, self.root, process))

    def expect(self, place: Place) -> None:
        """Have ready what a run of a notebook needs; somebody has opened it."""
        self.workers.prepare(place.project.root, place.notebook)

    def of(self, place: Place | None = None) -> list[Followed]:
        """Return the jobs of a notebook, or all, the newest first."""
        self.attach()
        if place is not None:
            self._scan(place.project.state / "jobs")
        with self._lock:
            jobs = list(self._jobs.values())
        if place is not None:
            jobs = [job for job in jobs if job.order.notebook == str(place.notebook)]
        kept = [job for job in jobs if not self._forget_old(job)]
        return sorted(kept, key=lambda job: (job.order.created, job.order.id), reverse=True)

    def get(self, name: str) -> Followed:
        """Return a job. Raises `NotFoundError`."""
        with self._lock:
            job = self._jobs.get(name)
        if job is None and _ID.fullmatch(name):
            job = self._found(self.pointers / name)
        if job is None or not job.folder.path.exists():
            raise NotFoundError(f"there is no job {name!r}", fix="Jobs are kept for a day after they have ended.")
        return job

    def stop(self, name: str) -> Followed:
        """Ask a job to end, as Ctrl-C does; it is killed if it has not in time. One that has ended stays as it is."""
        job = self.get(name)
        if job.ended is None and job.folder.ended() is None and job.folder.stop_asked() is None:
            job.folder.ask_stop()
            process = job.folder.process()  # before it has one, it looks for `stop.json` itself
            if process is not None and job.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process["pid"], signal.SIGINT)
        return job

    def attach(self) -> None:
        """Find the jobs that were started by a server before this one, the first time that it is called."""
        with self._attaching:
            if not self._attached and self.pointers.is_dir():
                for pointer in sorted(self.pointers.iterdir()):
                    self._found(pointer)
            self._attached = True

    def close(self) -> None:
        """Follow no longer; the jobs go on."""
        self._closed = True
        self.workers.close()
        self._work.set()
        if self._thread is not None:
            self._thread.join(5)

    def _found(self, pointer: Path) -> Followed | None:
        try:
            folder = JobFolder(Path(pointer.read_text()))
        except FileNotFoundError:
            pointer.unlink(missing_ok=True)
            return None
        except (OSError, ValueError, TypeError):
            return None
        if not Path(folder.order.notebook).is_relative_to(self.root):
            return None  # another server's business
        return self._add(folder)

    def _scan(self, jobs: Path) -> None:
        with self._lock:
            known = set(self._jobs)
        for folder in JobFolder.of_project(jobs, known):
            self._add(folder)

    def _add(self, folder: JobFolder) -> Followed | None:
        job = Followed(folder, self.root)
        ended = folder.ended()
        if ended is None:
            job.read()  # what was said before is asked for, not told again
            return self._follow(job)
        job.finish(ended)
        if self._forget_old(job):
            return None
        with self._lock:
            return self._jobs.setdefault(folder.order.id, job)

    def _forget_old(self, job: Followed) -> bool:
        if job.ended is None or time.time() - job.ended["finished"] < KEPT:
            return False
        job.folder.remove()
        (self.pointers / job.order.id).unlink(missing_ok=True)
        with self._lock:
            self._jobs.pop(job.order.id, None)
        return True

    def _follow(self, job: Followed) -> Followed:
        with self._lock:
            job = self._jobs.setdefault(job.order.id, job)
            self._work.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nbprod-jobs", daemon=True)
                self._thread.start()
        return job

    def _run(self) -> None:
        while not self._closed:
            with self._lock:
                running = [job for job in self._jobs.values() if job.ended is None or job.is_leaving()]
                if not running:
                    self._work.clear()
            if not running:
                self._work.wait()
                continue
            for job in running:
                if job.ended is None:
                    self._look_safely(job)
            time.sleep(POLL)

    def _look_safely(self, job: Followed) -> None:
        try:
            self._look(job)
        except Exception as error:  # noqa: BLE001  (said in the log and in the job: what goes wrong with one must not keep others from being followed)
            _log.exception("job %s cannot be followed", job.order.id)
            what = f"it cannot be followed: {type(error).__name__}: {error}"
            job.finish({"status": "lost", "error": {"what": what}, "finished": time.time()})

    def _look(self, job: Followed) -> None:
        alive = job.is_alive()
        new = job.read()
        ended = job.folder.ended()
        if ended is None and not alive:
            self._bury(job)
            ended = job.folder.ended()
        asked = job.folder.stop_asked()
        if ended is None and asked is not None and time.time() - asked > self.grace:
            _kill(job)
        if ended is not None:
            new += job.read()
        for at in range(0, len(new), BATCH):
            self.tell(new[at : at + BATCH])
        if ended is not None and (job.said_end or not alive):
            job.finish(ended)
            if job.order.kind in ("run", "sweep"):
                self.workers.prepare(Path(job.order.project), Path(job.order.notebook))

    def _bury(self, job: Followed) -> None:
        """Enter the end of a job whose process is gone without a word."""
        if not job.folder.path.exists():
            job.finish({"status": "lost", "error": {"what": "its folder was deleted"}, "finished": time.time()})
            return
        known = {"events": job.count + 1, "run": job.run, "sweep": job.sweep}
        asked = job.folder.stop_asked()
        if asked is not None:
            late = time.time() - asked > self.grace
            what = f"it did not end within {self.grace:.0f} s and was killed" if late else "it was stopped as it began"
            job.folder.close("cancelled", what, **known)
        else:
            job.folder.close("lost", "its process was killed, or the machine was restarted", **known)


def _kill(job: Followed) -> None:
    """Kill a job's process with all that it has started; kernels are in sessions of their own."""
    import psutil

    process = job.folder.process()
    if process is None:
        return
    try:
        family = psutil.Process(process["pid"]).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process["pid"], signal.SIGKILL)
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
