"""Hashes of files, computed once for each state of a file."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from nbprod.execution.database import Database
from nbprod.execution.tables import Hashes as Kept
from nbprod.runtime.files import file_digest

_SETTLED_NS = 2_000_000_000
_WORTH_KEEPING = 1 << 20


class Hashes:
    """The SHA-256 of files and folder listings, remembered by path, size, time of change and inode.

    Hashes of large files are kept in the records, so that no later process reads them again.
    """

    def __init__(self, db: Database | None = None) -> None:
        self._db = db
        self._known: dict[str, tuple[tuple[int, int, int], str]] = {}
        self._lock = threading.Lock()

    def of(self, path: str) -> str | None:
        """Return the hash of the file, of the names in the folder (a path that ends in a slash), None if there is none."""
        if path.endswith(os.sep):
            return file_digest(path)
        try:
            found = os.stat(path)
        except OSError:
            return None
        state = (found.st_size, found.st_mtime_ns, found.st_ino)
        with self._lock:
            known = self._known.get(path)
        if known is None and self._db is not None and found.st_size >= _WORTH_KEEPING:
            known = self._read(path)
        if known is not None and known[0] == state:
            return known[1]
        sha = file_digest(path)
        # A file that changed a moment ago can change again without a change of its time.
        if sha is not None and time.time_ns() - found.st_mtime_ns > _SETTLED_NS:
            with self._lock:
                self._known[path] = (state, sha)
            if self._db is not None and found.st_size >= _WORTH_KEEPING:
                self._write(path, state, sha)
        return sha

    def matching(self, patterns: Iterable[str], root: Path) -> dict[str, str]:
        """Return the hashes of the files under `root` that match any of the glob patterns, by their paths from it."""
        found: dict[str, str] = {}
        for pattern in patterns:
            base, relative = (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (root, pattern)
            for path in sorted(base.glob(relative)):
                if path.is_file() and (sha := self.of(str(path))) is not None:
                    found[os.path.relpath(path, root)] = sha
        return found

    def _read(self, path: str) -> tuple[tuple[int, int, int], str] | None:
        assert self._db is not None
        with self._db.read() as connection:
            rows = Kept.having(connection, path=path)
        return next((((row["size"], row["mtime_ns"], row["inode"]), row["sha"]) for row in rows), None)

    def _write(self, path: str, state: tuple[int, int, int], sha: str) -> None:
        assert self._db is not None
        size, mtime_ns, inode = state
        with self._db.write() as connection:
            Kept.put(connection, path=path, size=size, mtime_ns=mtime_ns, inode=inode, sha=sha)
