"""Feedback: what the right answers would have been, joined to the predictions by request id and row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nbprod.monitoring.index import Index, Place
from nbprod.monitoring.layout import Seen, lay_out
from nbprod.monitoring.log import FEEDBACK, PredictionLog, Tail

T = TypeVar("T")


@dataclass
class Labelled:
    """Rows whose right answer is known, in the order in which the requests came: features, answer, label, request time."""

    features: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    """By column: `predict`, or `predict.field`."""
    labels: list[Any] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)
    unknown: int = 0
    """Feedback for requests, or rows, that the log does not hold."""
    changed: int = 0
    """Rows that were given another label later; the last one counts."""

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: Sequence[bool]) -> Labelled:
        """Those rows that are chosen."""

        def taken(values: list[T]) -> list[T]:
            return [value for value, yes in zip(values, chosen, strict=True) if yes]

        return Labelled(
            taken(self.features),
            taken(self.answers),
            taken(self.labels),
            taken(self.times),
            taken(self.keys),
            self.unknown,
            self.changed,
        )

    def part(self, which: slice) -> Labelled:
        """Some of the rows."""
        return Labelled(
            self.features[which],
            self.answers[which],
            self.labels[which],
            self.times[which],
            self.keys[which],
            self.unknown,
            self.changed,
        )


@dataclass(frozen=True, order=True)
class _Asked:
    """A request that was labelled, as its line's head tells it."""

    ts: float
    place: Place
    version: int | None
    route: str | None


class Feedback:
    """Labels beside the requests they are of. `update` reads what is new, so that a watcher pays for new lines only."""

    def __init__(self, log: PredictionLog) -> None:
        self.log = PredictionLog(log.folder)  # what it cannot read is counted here
        self.labels: dict[tuple[str, int], Any] = {}
        self.changed = 0
        self._tail, self._index = Tail(self.log, FEEDBACK), Index(self.log)
        self._asked: dict[str, list[_Asked]] = {}

    @property
    def broken(self) -> int:
        """Lines of feedback that could not be read."""
        return self.log.losses.broken

    def update(self) -> None:
        """Read what is new. Raises `LogError`."""
        fresh = self._read_labels() - self._asked.keys()
        if not self.labels:
            return
        if self._index.empty:
            self._asked, fresh = {name: [] for name in fresh}, set()
        for name, place, text in self._index.new():
            if name in self._asked:
                self._take(name, place, text)
        self._asked.update((name, []) for name in fresh)
        for name, place, text in self._index.find(fresh):
            self._take(name, place, text)

    def rows(self, *, version: int | None = None, route: str = "predict", newest: int | None = None) -> Labelled:
        """The labelled rows (of a version); with `newest` only the last so many, by the time of the request."""
        asked = sorted(
            one
            for several in self._asked.values()
            for one in several
            if version in (None, one.version) and one.route in (None, route)
        )
        most = len(asked) if newest is None else newest
        while True:
            chosen = asked[max(0, len(asked) - most) :]
            texts = dict(self._index.read([one.place for one in chosen]))
            lines = PredictionLog(self.log.folder).parsed(texts[one.place] for one in chosen if one.place in texts)
            joined = join(lay_out(lines), self.labels, route)
            if newest is None or len(joined) >= newest or most >= len(asked):
                break
            most *= 2  # some labels are of rows that their requests do not have
        joined.changed = self.changed
        if version is None and newest is None:
            joined.unknown = len(self.labels) - len(joined)
        return joined if newest is None or len(joined) <= newest else joined.part(slice(len(joined) - newest, None))

    def _take(self, name: str, place: Place, text: bytes) -> None:
        for line in PredictionLog(self.log.folder).heads((text,)):
            version, route = line.get("version"), line.get("route")
            self._asked[name].append(_Asked(float(line.get("ts", 0)), place, version, route))

    def _read_labels(self) -> set[str]:
        """Read new feedback; returns the requests that it is about."""
        fresh = set()
        for line in self._tail.new():
            name = line.get("id")
            if "label" not in line or not isinstance(name, str):
                self.log.losses.broken += 1
                continue
            for row, label in rows_of(line):
                changed = (name, row) in self.labels and self.labels[name, row] != label
                self.changed += changed
                self.labels[name, row] = label
            fresh.add(name)
        return fresh


def rows_of(line: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """The rows that a line of feedback is about, and their labels."""
    label, row = line["label"], line.get("row")
    if row is None and isinstance(label, list):
        yield from enumerate(label)
    else:
        yield row if isinstance(row, int) else 0, label


def labelled(
    log: PredictionLog, *, version: int | None = None, route: str = "predict", newest: int | None = None
) -> Labelled:
    """Join feedback to the predictions; with `newest` only the last so many rows, by the time of the request."""
    feedback = Feedback(log)
    feedback.update()
    return feedback.rows(version=version, route=route, newest=newest)


def join(seen: Seen, labels: dict[tuple[str, int], Any], route: str = "predict") -> Labelled:
    """Put labels beside the rows they are of."""
    result = Labelled()
    answers = seen.answers.get(route)
    places = (
        {}
        if answers is None
        else dict(zip(zip(answers.requests, answers.rows, strict=True), range(len(answers)), strict=True))
    )
    table = seen.features
    names = list(table.columns)
    for at, key in enumerate(zip(table.requests, table.rows, strict=True)):
        line = seen.lines[key[0]]
        name = (str(line.get("id")), key[1])
        if name not in labels:
            continue
        place = places.get(key)
        result.features.append({column: table.columns[column][at] for column in names})
        result.answers.append(
            {} if answers is None or place is None else {n: v[place] for n, v in answers.columns.items()}
        )
        result.labels.append(labels[name])
        result.times.append(float(line.get("ts", 0)))
        result.keys.append(name)
    return result


def texts(values: Iterable[Any]) -> Sequence[str]:
    """Labels as they are compared: `1`, `1.0` and `"1"` are the same."""
    return [
        f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
        for value in values
    ]
