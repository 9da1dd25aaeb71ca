"""Feedback: what the right answers would have been, joined to the predictions by request id and row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nbprod.monitoring.layout import Seen, lay_out
from nbprod.monitoring.log import FEEDBACK, PredictionLog

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


def read_feedback(log: PredictionLog) -> dict[tuple[str, int], Any]:
    """All labels by request id and row, and how often one was changed under the key `("", -1)`."""
    found: dict[tuple[str, int], Any] = {}
    changed = 0
    for line in log.lines(FEEDBACK):
        if "label" not in line or not isinstance(line.get("id"), str):
            log.losses.broken += 1
            continue
        label, row = line["label"], line.get("row")
        many = row is None and isinstance(label, list)
        for at, item in enumerate(label) if many else [(row if isinstance(row, int) else 0, label)]:
            key = (line["id"], at)
            changed += key in found and found[key] != item
            found[key] = item
    found["", -1] = changed
    return found


def labelled(
    log: PredictionLog, *, version: int | None = None, route: str = "predict", newest: int | None = None
) -> Labelled:
    """Join feedback to the predictions; with `newest` only the last so many rows, by the time of the request."""
    labels = read_feedback(log)
    changed = labels.pop(("", -1), 0)
    if not labels:
        return Labelled()
    wanted = {key[0] for key in labels}
    lines = [
        line
        for line in log.lines()
        if line.get("id") in wanted
        and (version is None or line.get("version") == version)
        and line.get("route", route) == route
    ]
    lines.sort(key=lambda line: float(line.get("ts", 0)))
    joined = join(lay_out(lines), labels, route)
    joined.changed = changed
    if version is None:
        joined.unknown = len(labels) - len(joined)
    return joined if newest is None or len(joined) <= newest else joined.part(slice(len(joined) - newest, None))


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
