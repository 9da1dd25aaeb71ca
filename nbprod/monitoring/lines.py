"""Lines of a log: whole ones of a file that others are writing, forwards and backwards; parsed, or no further than what is said of the request.

A service writes what it says of a request (when, id, version, route, milliseconds, status) before what was asked and answered, so that it is read without
parsing those: a tenth of what `json.loads` costs. A line in another order is parsed whole.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from nbprod.errors import Location, NbprodError

Line = dict[str, Any]
BLOCK = 1 << 20
DETAILS = ("arguments", "answer")
STILL = 60.0
"""Seconds after which nobody goes on with a line that was begun."""

_HEAD = re.compile(
    rb'\{"ts":([0-9.]+),"id":"([ !#-\[\]-~]*)","version":([0-9]+),"route":"([ !#-\[\]-~]*)",(?:"status":([0-9]+),)?"ms":([0-9.]+)(?:,"status":([0-9]+))?[,}]'
)
_NAME = re.compile(rb'\{"ts":[0-9.]+,"id":"([ !#-\[\]-~]*)"')


class LogError(NbprodError, OSError):
    """A prediction log cannot be read."""


def unreadable(path: Path, error: OSError) -> LogError:
    """The error for a log that the system does not let us read."""
    return LogError(
        f"the prediction log cannot be read: {error.strerror}",
        where=Location(file=str(path)),
        fix="The user who reads it needs the rights of the one whom the service runs as.",
    )


def parse(text: bytes) -> Any:
    """Parse JSON; a third of what `json.loads` takes. Raises `ValueError`."""
    return from_json(text, cache_strings="keys")


def head(text: bytes) -> Line | None:
    """What a line says of its request, or None if it is in another order than a service writes."""
    found = _HEAD.match(text)
    if found is None:
        return None
    ts, name, version, route, status, ms, last = found.groups()
    return {
        "ts": float(ts),
        "id": name.decode(),
        "version": int(version),
        "route": route.decode(),
        "ms": float(ms),
        "status": int(status or last or 200),
    }


def name_of(text: bytes) -> bytes | None:
    """The id of a line's request, or None if it must be parsed for it."""
    found = _NAME.match(text)
    return found and found[1]


def forwards(path: Path, place: int = 0) -> Iterator[bytes]:
    """The whole lines of a file from a place on."""
    try:
        with path.open("rb", BLOCK) as file:
            file.seek(place)
            for text in file:
                if not text.endswith(b"\n"):  # still being written
                    return
                yield text
    except FileNotFoundError:  # retention removed it
        return
    except OSError as error:
        raise unreadable(path, error) from error


def backwards(path: Path, stop: int = 0) -> Iterator[bytes]:
    """The whole lines of a file, the last one first, back to the place `stop` (the beginning of a line)."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            rest, first = b"", True
            while end > stop:
                start = max(stop, end - BLOCK)
                file.seek(start)
                parts = (file.read(end - start) + rest).split(b"\n")
                rest, end = parts[0], start
                tail = parts[:0:-1]
                if first and tail:  # what follows the last line break is still being written
                    tail, first = tail[1:], False
                yield from tail
            if rest and not first:
                yield rest
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from error


def blocks(path: Path, size: int) -> Iterator[bytes]:
    """The whole lines of a file, in blocks of about so many bytes."""
    rest = b""
    try:
        with path.open("rb") as file:
            while block := file.read(size):
                whole, end, rest_now = (rest + block).rpartition(b"\n")
                if end:
                    yield whole + end
                rest = rest_now
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from error


def modified(path: Path) -> float:
    """When a file was last written; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def size_of(path: Path) -> int:
    """The size of a file; 0 if it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def whole_size(path: Path) -> int:
    """The size of a file without a line at its end that is still being written."""
    end = size_of(path)
    for text in blocks_backwards(path, end):
        at = text.rfind(b"\n")
        if at >= 0:
            return end - len(text) + at + 1
        end -= len(text)
    return 0


def was_cut(path: Path) -> bool:
    """Whether a file ends in the middle of a line that nobody goes on with."""
    return time.time() - modified(path) > STILL and whole_size(path) < size_of(path)


def blocks_backwards(path: Path, end: int) -> Iterator[bytes]:
    """The bytes of a file up to a place, the last block first."""
    try:
        with path.open("rb") as file:
            while end > 0:
                start = max(0, end - (1 << 16))
                file.seek(start)
                yield file.read(end - start)
                end = start
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from error
