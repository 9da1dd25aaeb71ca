"""Where each request stands in the log, by its id: 16 bytes a request, so that a label that comes late finds the line it is about."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprod.monitoring.lines import name_of, parse, unreadable
from nbprod.monitoring.log import PREDICTIONS, PredictionLog, Tail

Place = tuple[str, int]
"""A file's name, and the byte at which a line begins."""


@dataclass
class _File:
    hashes: array[int] = field(default_factory=lambda: array("q"))
    places: array[int] = field(default_factory=lambda: array("q"))


class Index:
    """The requests of a log. `new` takes in what was written since it was last called."""

    def __init__(self, log: PredictionLog) -> None:
        self.log = log
        self.empty = True
        self._tail = Tail(log, PREDICTIONS)
        self._files: dict[str, _File] = {}

    def new(self) -> Iterator[tuple[str, Place, bytes]]:
        """Take in new lines and yield them, each with the id of its request and its place; to be read to its end."""
        self.empty = False
        for where, place, text in self._tail.raw():
            name = name_of(text) or _parsed_name(text)
            if name is None:
                continue
            file = self._files.get(where) or self._files.setdefault(where, _File())
            file.hashes.append(hash(name))
            file.places.append(place)
            yield name.decode(), (where, place), text
        for gone in self._files.keys() - self._tail.places.keys():
            del self._files[gone]

    def find(self, names: Collection[str]) -> Iterator[tuple[str, Place, bytes]]:
        """Yield the lines of these requests."""
        if not names:
            return
        wanted = {hash(name.encode()) for name in names}
        listed = np.fromiter(wanted, np.int64, len(wanted))
        places = [
            (name, int(place))
            for name, file in self._files.items()
            for place in np.asarray(file.places)[np.isin(np.asarray(file.hashes), listed)]
        ]
        for place, text in self.read(places):
            found = name_of(text) or _parsed_name(text)
            if found is not None and found.decode() in names:
                yield found.decode(), place, text

    def read(self, places: Collection[Place]) -> Iterator[tuple[Place, bytes]]:
        """Yield the lines at these places, file by file; those of a file that is gone are left out."""
        by_file: dict[str, list[int]] = {}
        for name, place in places:
            by_file.setdefault(name, []).append(place)
        for name, some in by_file.items():
            path = self.log.folder / name
            try:
                with path.open("rb") as file:
                    for place in sorted(some):
                        file.seek(place)
                        yield (name, place), file.readline()
            except FileNotFoundError:  # retention removed it
                continue
            except OSError as error:
                raise unreadable(path, error) from error


def _parsed_name(text: bytes) -> bytes | None:
    try:
        line: Any = parse(text)
    except ValueError:
        return None
    name = line.get("id") if isinstance(line, dict) else None
    return name.encode() if isinstance(name, str) else None
