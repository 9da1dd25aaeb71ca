"""Two runs that need the same result at once compute it once, in whatever threads and processes they are."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbprod.execution.cancel import Cancel

try:
    import fcntl
except ImportError:  # Windows: other processes are not waited for, and may compute the same once more
    fcntl = None  # type: ignore[assignment]
_HAS_LOCKS = fcntl is not None

_POLL_SECONDS = 0.1
_held: dict[tuple[str, str], threading.Event] = {}
_lock = threading.Lock()


class Claims:
    """The right to compute a key, held by one at a time; it goes when its holder's process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def hold(self, key: str, cancel: Cancel) -> Iterator[bool]:
        """Hold the right to compute `key`; gives whether another held it meanwhile, so that its result may be there now.

        Raises `Cancelled` while it waits.
        """
        with self._in_process(key, cancel) as waited_here, self._between_processes(key, cancel) as waited_there:
            yield waited_here or waited_there

    @contextmanager
    def _in_process(self, key: str, cancel: Cancel) -> Iterator[bool]:
        name, mine, waited = (str(self.folder), key), threading.Event(), False
        while True:
            with _lock:
                other = _held.setdefault(name, mine)
            if other is mine:
                break
            waited = True
            while not other.wait(_POLL_SECONDS):
                cancel.check()
        try:
            yield waited
        finally:
            with _lock:
                del _held[name]
            mine.set()

    @contextmanager
    def _between_processes(self, key: str, cancel: Cancel) -> Iterator[bool]:
        if not _HAS_LOCKS:
            yield False
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path, waited = self.folder / key, False
        while True:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                waited = True
                cancel.wait(_POLL_SECONDS)
                cancel.check()
                continue
            if _is(handle, path):
                break
            os.close(handle)  # its holder removed it between our opening and locking it
        try:
            yield waited
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)
            os.close(handle)


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
