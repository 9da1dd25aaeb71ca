"""The file of one artifact: a pickle stream, the buffers that it refers to, and an index at the end.

Layout: `MAGIC`, the pickle, each buffer at a multiple of `ALIGN` bytes, the index as JSON, and a trailer of 16 bytes:
the length of the index (little endian, 8 bytes) and `END`. The address of an artifact is the SHA-256 of the whole
file. Loading maps the file privately: arrays cost nothing until they are read, and may be changed without the file
changing.
"""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import mmap
import os
import queue
import threading
from contextlib import suppress
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

MAGIC = b"nbprod1\n"
END = b"\nnbprod\n"
ALIGN = 64
CHUNK = 4 << 20
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_counter = itertools.count()


class BrokenArtifact(Exception):
    """A file of the store is not, or not wholly, an artifact."""


class DiskFull(OSError):
    """There is no room for an artifact."""


class Written(NamedTuple):
    """A file that is complete but not yet visible: `publish` gives it its name, `discard` removes it."""

    temporary: str
    digest: str
    size: int

    def publish(self, store: str) -> str:
        """Move the file to its address (if there is none yet) and return the digest."""
        target = path_of(store, self.digest)
        if os.path.exists(target):
            self.discard()
            return self.digest
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.chmod(self.temporary, 0o444)
        os.replace(self.temporary, target)
        return self.digest

    def discard(self) -> None:
        """Remove the file."""
        with suppress(FileNotFoundError):
            os.unlink(self.temporary)


def path_of(store: str, digest: str) -> str:
    """Return where the artifact `digest` lies in the store."""
    return os.path.join(store, digest[:2], digest)


class _Hasher:
    """Hashes in a thread of its own while the caller writes; small data never starts the thread."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self.queue: Optional[queue.Queue[Any]] = None
        self.thread: Optional[threading.Thread] = None

    def update(self, data: Any) -> None:
        if self.thread is None and len(data) < CHUNK // 4:
            self.sha.update(data)
            return
        if self.queue is None:
            self.queue = queue.Queue(maxsize=4)
            self.thread = threading.Thread(target=self._run, args=(self.queue,), name="nbprod-hash", daemon=True)
            self.thread.start()
        self.queue.put(data)

    def _run(self, todo: queue.Queue[Any]) -> None:
        while True:
            data = todo.get()
            if data is None:
                return
            self.sha.update(data)
            del data

    def close(self) -> str:
        if self.queue is not None and self.thread is not None:
            self.queue.put(None)
            self.thread.join()
            self.queue = self.thread = None
        return self.sha.hexdigest()


class Writer:
    """The file of an artifact while it is written: first the pickle through `write`, then `finish`, or else `discard`.

    What is small stays in memory until it is finished. Whatever fails leaves no file behind; `DiskFull` is raised when there is no room.
    """

    def __init__(self, store: str) -> None:
        self.store = store
        self.temporary = ""
        self._file: Any = io.BytesIO()
        self._hasher = _Hasher()
        self._offset = 0
        self.write(MAGIC)

    def write(self, data: Any) -> int:
        """Append bytes, or a buffer."""
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        try:
            if not self.temporary and self._offset + size > CHUNK:
                self._to_disk()
            if size > CHUNK:
                view = memoryview(data).cast("B")
                for start in range(0, size, CHUNK):
                    self._append(view[start : start + CHUNK])
            else:
                # The pickler may reuse what it hands over, so the thread must get bytes of its own.
                self._append(data if isinstance(data, memoryview) else bytes(data))
        except BaseException as error:
            self.discard()
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise DiskFull(error.errno, f"no room left for an artifact in {self.store}") from error
            raise
        return size

    def _append(self, part: Any) -> None:
        self._hasher.update(part)
        self._file.write(part)
        self._offset += len(part)

    def _to_disk(self) -> None:
        os.makedirs(self.store, exist_ok=True)
        self.temporary = os.path.join(self.store, f"tmp-{os.getpid()}-{next(_counter)}")
        started = self._file.getbuffer()
        self._file = open(self.temporary, "wb", buffering=1 << 16)  # noqa: SIM115 (closed by finish or discard)
        self._file.write(started)

    def finish(self, buffers: Sequence[Any], about: Dict[str, Any]) -> Written:
        """Append the buffers (`pickle.PickleBuffer`) that the pickle refers to, and the index; return the whole file."""
        stream = [len(MAGIC), self._offset - len(MAGIC)]
        places: List[List[int]] = []
        for buffer in buffers:
            self.write(bytes(-self._offset % ALIGN))
            raw = buffer.raw()
            places.append([self._offset, raw.nbytes])
            self.write(raw)
        tail = json.dumps({**about, "pickle": stream, "buffers": places}, sort_keys=True).encode()
        self.write(tail + len(tail).to_bytes(8, "little") + END)
        try:
            if not self.temporary:
                self._to_disk()
            self._file.close()
        except OSError as error:
            self.discard()
            if error.errno in _NO_ROOM:
                raise DiskFull(error.errno, f"no room left for an artifact in {self.store}") from error
            raise
        return Written(self.temporary, self._hasher.close(), self._offset)

    def discard(self) -> None:
        """Give up: remove the file."""
        self._hasher.close()
        with suppress(OSError):
            self._file.close()
        if self.temporary:
            Written(self.temporary, "", 0).discard()


class Opened(NamedTuple):
    """An artifact mapped into memory; `buffers` are writable and private to this process."""

    about: Dict[str, Any]
    pickle: memoryview
    buffers: List[memoryview]
    mapping: mmap.mmap


def open_artifact(path: str) -> Opened:
    """Map an artifact copy-on-write. Raises `BrokenArtifact` when the file is not whole."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < len(MAGIC) + 16:
            raise BrokenArtifact(f"{path} is not a whole artifact ({size} bytes)")
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    view = memoryview(mapping)
    length = int.from_bytes(view[size - 16 : size - 8], "little")
    if view[:8] != MAGIC or view[size - 8 :] != END or length > size - 24:
        raise BrokenArtifact(f"{path} is not a whole artifact")
    index = json.loads(bytes(view[size - 16 - length : size - 16]))
    start, count = index["pickle"]
    buffers = [view[at : at + n] for at, n in index["buffers"]]
    return Opened(index, view[start : start + count], buffers, mapping)
