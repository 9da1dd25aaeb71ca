"""Whether a value has changed between two moments of one process."""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
from typing import Any, Dict, List, NamedTuple, Set, Tuple

from . import container, pickling

_PAGE = 4096
_PRESENT, _SWAPPED, _FILE = 1 << 63, 1 << 62, 1 << 61
_ATOMS = (str, bytes, int, float, complex, bool, type(None))


class Scan(NamedTuple):
    """A value as seen at one moment: a digest, and what it could share with others."""

    digest: str
    saver: pickling.Saver | None

    @property
    def identities(self) -> Dict[int, Any]:
        """Everything mutable that is in it, by id."""
        return {} if self.saver is None else self.saver.identities()

    @property
    def needs(self) -> Set[str]:
        """The notebook names that it refers to."""
        return set() if self.saver is None else self.saver.needs

    @property
    def arrays(self) -> List[Tuple[Any, bool]]:
        """The arrays in it, each with whether it is copied before it is written to."""
        return [] if self.saver is None else self.saver.arrays


class Mapped:
    """The artifacts mapped into this process. What was never written to need not be read to be known unchanged."""

    def __init__(self) -> None:
        self._spans: List[tuple[int, int, str, Any]] = []

    def add(self, path: str, opened: container.Opened) -> None:
        """Know an artifact that was loaded."""
        size = len(opened.mapping)
        start = ctypes.addressof(ctypes.c_char.from_buffer(opened.mapping))
        self._spans.append((start, start + size, path, opened))

    def token(self, view: memoryview) -> bytes | None:
        """Return a short stand-in for a buffer that still is what an artifact's file holds; None for any other."""
        if not view.nbytes or not self._spans:
            return None
        at = _address(view)
        for start, end, path, _ in self._spans:
            if start <= at and at + view.nbytes <= end:
                clean = _unchanged(at, view.nbytes, path, at - start)
                return f"{path}:{at - start}:{view.nbytes}".encode() if clean else None
        return None


class _Buffer(ctypes.Structure):
    """CPython's `Py_buffer`, as far as its first fields go; the rest is room."""

    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.py_object), ("rest", ctypes.c_char * 128)]


def _address(view: memoryview) -> int:
    """Return where the memory of a buffer is, writable or not."""
    if not view.readonly:
        return ctypes.addressof(ctypes.c_char.from_buffer(view))
    buffer = _Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)
    try:
        return int(buffer.buf or 0)
    finally:
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))


def _unchanged(address: int, size: int, path: str, offset: int) -> bool:
    """Return whether private memory still equals the file it maps; reads only the pages that were written to."""
    first = address // _PAGE
    count = (address + size - 1) // _PAGE - first + 1
    with open(path, "rb", buffering=0) as file:
        for page in _written_pages(first, count):
            low = max(page * _PAGE, address)
            high = min((page + 1) * _PAGE, address + size)
            if os.pread(file.fileno(), high - low, offset + low - address) != ctypes.string_at(low, high - low):
                return False
    return True


def _written_pages(first: int, count: int) -> Any:
    """Yield the pages that have been written to; all of them where the system does not tell."""
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
            pagemap.seek(first * 8)
            raw = pagemap.read(count * 8)
    except OSError:
        raw = b""
    if len(raw) != count * 8 or os.sysconf("SC_PAGE_SIZE") != _PAGE:
        yield from range(first, first + count)
        return
    for index, entry in enumerate(struct.unpack(f"<{count}Q", raw)):
        if entry & (_PRESENT | _SWAPPED) and not entry & _FILE:
            yield first + index


class _HashFile:
    def __init__(self) -> None:
        self.sha = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.sha.update(data)
        return len(data)


def scan(value: Any, names: pickling.Names, mapped: Mapped | None = None) -> Scan:
    """Look at a value. Two scans in one process give the same digest if nothing about the value changed in between.

    Raises whatever pickling it raises.
    """
    if type(value) in _ATOMS:
        return Scan(repr((type(value).__name__, value)), None)
    try:
        return _scan(value, names, mapped)
    except RecursionError:
        return pickling.deeply(_scan, value, names, mapped)  # type: ignore[no-any-return]


def _scan(value: Any, names: pickling.Names, mapped: Mapped | None) -> Scan:
    file = _HashFile()
    extra: list[bytes] = []

    def buffer(data: Any) -> bool:
        raw = data.raw()
        token = mapped.token(raw) if mapped is not None else None
        extra.append(token if token is not None else hashlib.sha256(raw).digest())
        return False

    saver = pickling.Saver(file, names, buffer, {})
    saver.save_all(value)
    for part in extra:
        file.sha.update(part)
    return Scan(file.sha.hexdigest(), saver)
