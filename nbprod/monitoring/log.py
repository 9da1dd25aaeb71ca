"""The prediction log of a service, as it is read: JSON Lines in files that other processes are writing meanwhile."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbprod.errors import Location
from nbprod.monitoring.lines import (
    DETAILS,
    Line,
    LogError,
    backwards,
    forwards,
    head,
    modified,
    parse,
    size_of,
    unreadable,
    was_cut,
    whole_size,
)

EARLY = 100
PREDICTIONS, FEEDBACK, SHADOW = "predictions", "feedback", "shadow"


@dataclass
class Losses:
    """What a reader could not take in: lines that are no JSON object, and lines that the service says it dropped."""

    broken: int = 0
    dropped: int = 0
    future: int = 0
    """Lines dated more than a minute after now: the clock of this machine, or of the service's, was set back."""


@dataclass
class Versions:
    """Which versions the files hold, up to a place in each; what was read whole once is not read again for another version."""

    known: dict[str, tuple[int, frozenset[int]]] = field(default_factory=dict)

    def without(self, path: Path, version: int | None) -> int:
        """The place in a file up to which it does not hold the version."""
        place, versions = self.known.get(path.name, (0, frozenset()))
        return place if version is not None and version not in versions and place <= size_of(path) else 0

    def note(self, path: Path, start: int, end: int, versions: Iterable[int]) -> None:
        """Take note of what a file holds between two places; nothing is known where what stands before is not."""
        place, before = self.known.get(path.name, (0, frozenset()))
        if start <= place <= end:
            self.known[path.name] = end, before.union(versions)


@dataclass
class PredictionLog:
    """The log in a service's folder `predictions/`; files of one kind are named `KIND-*.jsonl`.

    What a reader keeps of it from one look to the next are `versions`.
    """

    folder: Path
    losses: Losses = field(default_factory=Losses)
    versions: Versions = field(default_factory=Versions)

    def files(self, kind: str) -> list[Path]:
        """The files of a kind, the one written last at the end. Raises `LogError` if the folder cannot be read."""
        try:
            with os.scandir(self.folder) as entries:
                found = [
                    (_written(entry), entry.path)
                    for entry in entries
                    if entry.name.startswith(f"{kind}-") and entry.name.endswith(".jsonl")
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(self.folder, error) from error
        return [Path(path) for _, path in sorted(found)]

    def size(self) -> int:
        """How many bytes of predictions and feedback there are; another number when something was added, whatever clocks say."""
        return sum(size_of(path) for kind in (PREDICTIONS, FEEDBACK) for path in self.files(kind))

    def lines(self, kind: str = PREDICTIONS, since: float | None = None) -> Iterator[Line]:
        """Yield the lines of a kind, file by file, from the time `since` on (epoch seconds)."""
        for path in self.files(kind):
            if since is not None and modified(path) < since:
                continue
            for line in self.parsed(forwards(path)):
                if since is None or line.get("ts", 0) >= since:
                    yield line

    def newest(self, rows: int, version: int | None = None, kind: str = PREDICTIONS) -> list[Line]:
        """Return the newest answered requests (of a version) that hold so many rows together, the oldest first.

        Files are read from their ends, so this takes as long for a big log as for a small one.
        """
        heap: list[tuple[float, int, int, Line]] = []  # the newest so far, the oldest of them on top
        held = count = 0
        for path in reversed(self.files(kind)):
            if held >= rows and heap and modified(path) < heap[0][0]:
                break
            own = 0
            for line in self._of_version(path, version):
                if not is_answered(line) or (version is not None and line.get("version") != version):
                    continue
                size = rows_in(line)
                own += size
                held += size
                count += 1
                heapq.heappush(heap, (float(line.get("ts", 0)), -count, size, line))
                while held - heap[0][2] >= rows:
                    held -= heapq.heappop(heap)[2]
                if own >= rows:
                    break
        return [line for *_, line in sorted(heap, key=lambda item: item[:2])]

    def since(self, start: float, most: int) -> list[Line]:
        """Return the newest requests from the time `start` on, at most so many of each file, without what was asked and answered.

        Read from the files' ends.
        """
        found: list[Line] = []
        for path in self.files(PREDICTIONS):
            if modified(path) < start:
                continue
            own = early = 0
            for line in self.heads(backwards(path)):
                if float(line.get("ts", 0)) < start:
                    early += 1
                    if early > EARLY:  # several threads write, so lines are only nearly in order
                        break
                    continue
                found.append(line)
                own += 1
                if own >= most:
                    break
        return sorted(found, key=lambda line: float(line.get("ts", 0)))

    def count_cut(self) -> None:
        """Count the files that end in the middle of a line: whoever wrote them was killed."""
        self.losses.broken += sum(map(was_cut, self.files(PREDICTIONS)))

    def parsed(self, lines: Iterable[bytes]) -> Iterator[Line]:
        """Parse lines; what is broken or dropped is counted."""
        losses = self.losses
        for text in lines:
            try:
                line = parse(text)
            except ValueError:
                losses.broken += bool(text.strip())
                continue
            if type(line) is not dict:
                losses.broken += 1
            elif "dropped" in line:
                losses.dropped += line["dropped"] if isinstance(line["dropped"], int) else 0
            else:
                yield line

    def heads(self, lines: Iterable[bytes]) -> Iterator[Line]:
        """Parse lines without what was asked and answered."""
        for text in lines:
            line = head(text)
            if line is not None:
                yield line
            else:
                for other in self.parsed((text,)):
                    yield {key: value for key, value in other.items() if key not in DETAILS}

    def _of_version(self, path: Path, version: int | None) -> Iterator[Line]:
        """The lines of a file, the last one first, those of other versions left out where that is easily seen."""
        stop, end, others = self.versions.without(path, version), whole_size(path), set[int]()
        for text in backwards(path, stop):
            line = head(text) if version is not None else None
            if line is not None and line["version"] != version:
                others.add(line["version"])
                continue
            for found in self.parsed((text,)):
                told = found.get("version")
                if isinstance(told, int):
                    others.add(told)
                yield found
        self.versions.note(path, stop, end, others)


@dataclass
class Tail:
    """Follows the files of a kind: `new` gives what was written since the last call, whole lines only.

    `places` are the byte offsets by file name; keep them to go on in another process.
    """

    log: PredictionLog
    kind: str = PREDICTIONS
    places: dict[str, int] = field(default_factory=dict)

    def new(self) -> list[Line]:
        """Return the lines that are new, those of one file together."""
        return list(self.log.parsed(text for _, _, text in self.raw()))

    def heads(self) -> Iterator[Line]:
        """Yield the lines that are new, without what was asked and answered."""
        return self.log.heads(text for _, _, text in self.raw())

    def raw(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield what is new as it stands in the files: the file's name, place and text of each line."""
        paths = self.log.files(self.kind)
        names = {path.name for path in paths}
        self.places = {name: place for name, place in self.places.items() if name in names}
        for path in paths:
            name = path.name
            place, size = self.places.get(name, 0), size_of(path)
            if size < place:  # another file of that name
                place = 0
            if size > place:
                for text in forwards(path, place):
                    yield name, place, text
                    place += len(text)
                    self.places[name] = place

    def skip(self) -> None:
        """Take all that is there now as seen."""
        self.places = {path.name: whole_size(path) for path in self.log.files(self.kind)}


def is_answered(line: Mapping[str, object]) -> bool:
    """Whether a line is of a request that got its answer."""
    return line.get("status", 200) == 200 and "arguments" in line


def rows_in(line: Mapping[str, object]) -> int:
    """How many rows a request asked about."""
    arguments = line.get("arguments")
    if isinstance(arguments, dict):
        for value in arguments.values():
            if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
                return len(value)
    return 1


def check_log(folder: Path, name: str) -> PredictionLog:
    """Return the log of a service. Raises `LogError` if there is none, or it cannot be read."""
    log = PredictionLog(folder)
    if not folder.is_dir():
        raise LogError(
            f"{name} has no prediction log",
            where=Location(file=str(folder)),
            fix=f"Serve it and ask it something: nbprod serve {name}, nbprod predict {name} --sample.",
        )
    log.files(PREDICTIONS)
    return log


def _written(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return 0.0
