"""The prediction log of a service, as it is read: JSON Lines in files that other processes are writing meanwhile."""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod.errors import Location, NbprodError

Line = dict[str, Any]
BLOCK = 1 << 20
EARLY = 100
PREDICTIONS, FEEDBACK, SHADOW = "predictions", "feedback", "shadow"


class LogError(NbprodError, OSError):
    """A prediction log cannot be read."""


@dataclass
class Losses:
    """What a reader could not take in: lines that are no JSON object, and lines that the service says it dropped."""

    broken: int = 0
    dropped: int = 0
    future: int = 0
    """Lines dated more than a minute after now: the clock of this machine, or of the service's, was set back."""


@dataclass
class PredictionLog:
    """The log in a service's folder `predictions/`; files of one kind are named `KIND-*.jsonl`."""

    folder: Path
    losses: Losses = field(default_factory=Losses)

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

    def lines(self, kind: str = PREDICTIONS, since: float | None = None) -> Iterator[Line]:
        """Yield the lines of a kind, file by file, from the time `since` on (epoch seconds)."""
        for path in self.files(kind):
            if since is not None and _mtime(path) < since:
                continue
            for line in self.parsed(_whole_lines(path)):
                if since is None or line.get("ts", 0) >= since:
                    yield line

    def newest(self, rows: int, version: int | None = None, kind: str = PREDICTIONS) -> list[Line]:
        """Return the newest answered requests (of a version) that hold so many rows together, the oldest first.

        Files are read from their ends, so this takes as long for a big log as for a small one.
        """
        heap: list[tuple[float, int, int, Line]] = []  # the newest so far, the oldest of them on top
        held = count = 0
        for path in reversed(self.files(kind)):
            if held >= rows and heap and _mtime(path) < heap[0][0]:
                break
            own = 0
            for line in self.parsed(_backwards(path)):
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
        """Return the newest lines from the time `start` on, at most so many of each file; read from the files' ends."""
        found: list[Line] = []
        for path in self.files(PREDICTIONS):
            if _mtime(path) < start:
                continue
            own = early = 0
            for line in self.parsed(_backwards(path)):
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

    def parsed(self, lines: Iterator[bytes]) -> Iterator[Line]:
        """Parse lines; what is broken or dropped is counted."""
        loads, losses = json.loads, self.losses
        for text in lines:
            try:
                line = loads(text)
            except ValueError:
                losses.broken += bool(text.strip())
                continue
            if type(line) is not dict:
                losses.broken += 1
            elif "dropped" in line:
                losses.dropped += line["dropped"] if isinstance(line["dropped"], int) else 0
            else:
                yield line


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
        found: list[Line] = []
        paths = self.log.files(self.kind)
        for path in paths:
            place = self.places.get(path.name, 0)
            size = _size(path)
            if size < place:  # another file of that name
                place = 0
            if size > place:
                reader = _Whole(path, place)
                found.extend(self.log.parsed(iter(reader)))
                self.places[path.name] = reader.place
        names = {path.name for path in paths}
        self.places = {name: place for name, place in self.places.items() if name in names}
        return found

    def skip(self) -> None:
        """Take all that is there now as seen."""
        self.places = {path.name: _size(path) for path in self.log.files(self.kind)}


def is_answered(line: Mapping[str, Any]) -> bool:
    """Whether a line is of a request that got its answer."""
    return line.get("status", 200) == 200 and "arguments" in line


def rows_in(line: Mapping[str, Any]) -> int:
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


class _Whole:
    """The whole lines of a file from a place on; `place` is the end of the last one given."""

    def __init__(self, path: Path, place: int = 0) -> None:
        self.path, self.place = path, place

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb", BLOCK) as file:
                file.seek(self.place)
                for text in file:
                    if not text.endswith(b"\n"):  # still being written
                        return
                    self.place += len(text)
                    yield text
        except FileNotFoundError:  # retention removed it
            return
        except OSError as error:
            raise unreadable(self.path, error) from error


def _whole_lines(path: Path) -> Iterator[bytes]:
    return iter(_Whole(path))


def _backwards(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, the last one first."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            rest, first = b"", True
            while end > 0:
                start = max(0, end - BLOCK)
                file.seek(start)
                parts = (file.read(end - start) + rest).split(b"\n")
                rest, end = parts[0], start
                tail = parts[:0:-1]
                if first and parts:  # what follows the last line break is still being written
                    tail, first = tail[1:], False
                yield from tail
            if rest and not first:
                yield rest
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> LogError:
    """The error for a log that the system does not let us read."""
    return LogError(
        f"the prediction log cannot be read: {error.strerror}",
        where=Location(file=str(path)),
        fix="The user who reads it needs the rights of the one whom the service runs as.",
    )


def _written(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def times(lines: Sequence[Line]) -> tuple[float, float] | None:
    """The times of the oldest and the newest line."""
    stamps = [line["ts"] for line in lines if isinstance(line.get("ts"), (int, float))]
    return (min(stamps), max(stamps)) if stamps else None
