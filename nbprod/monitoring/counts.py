"""What a column's values are beside its profile's, counted as they come: as much memory for a million rows as for a thousand.

Besides the counts an even sample of the values is kept, for plots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbprod.monitoring.layout import Seen
from nbprod.promotion.profile import bin_counts, edges, split
from nbprod.promotion.signature import is_array

SAMPLED = 20_000
"""Values of a column that are kept at most."""
DISTINCT = 10_000
"""Values that the profile does not know, of which counts are kept at most; the rarest are forgotten."""
Place = tuple[str, str]
"""A column: `feature` or `prediction`, and its name."""


class ColumnCounts:
    """Counts of one column. `live` are those of the profile's bins or categories, and of what it does not know."""

    def __init__(self, name: str, part: str, profile: Mapping[str, Any]) -> None:
        self.name, self.part, self.profile = name, part, profile
        self.rows = self.missing = self.wrong = self.outside = self.numbers = 0
        self.total = 0.0
        self.seen = False
        self.unseen: Counter[str] = Counter()
        self.unknown = 0
        self.sample: list[Any] = []
        self._stride, self._passed = 1, 0
        self.kind: str = profile["kind"]
        self._categories: dict[str, int] = dict.fromkeys(profile["counts"], 0) if self.kind == "category" else {}
        self._ends = [] if self.kind == "category" else edges(profile)
        self._bins = np.zeros(0 if self.kind == "category" else len(self._ends) + 1, np.int64)

    @property
    def reference(self) -> list[int]:
        counts: Any = self.profile.get("counts", [])
        return [*counts.values(), 0] if self.kind == "category" else counts

    @property
    def live(self) -> Any:
        return [*self._categories.values(), self.unknown] if self.kind == "category" else self._bins

    @property
    def mean(self) -> float | None:
        return self.total / self.numbers if self.numbers else None

    def absent(self, rows: int) -> None:
        """Take rows that do not have the column."""
        self.rows += rows
        self.missing += rows
        self._keep([None] * rows)

    def take(self, values: Sequence[Any]) -> None:
        """Take values."""
        numbers, texts, missing = split(values)
        self.seen = True
        self.rows += len(values)
        self.missing += missing
        self._keep(values)
        if self.kind == "category":
            self._take_categories(texts, numbers)
            return
        self.wrong += len(numbers if self.kind == "text" else texts)
        if self.kind == "text":
            numbers = np.asarray([len(text) for text in texts], float)
        low, high = self.profile.get("low"), self.profile.get("high")
        if low is not None and high is not None:
            self.outside += int(((numbers < low) | (numbers > high)).sum())
        self.numbers += len(numbers)
        self.total += float(numbers.sum())
        self._bins += np.asarray(bin_counts(numbers, self._ends), np.int64)

    def _take_categories(self, texts: Sequence[str], numbers: Any) -> None:
        self.wrong += len(numbers)
        for text, count in Counter([*texts, *(f"{number:g}" for number in numbers)]).items():
            if text in self._categories:
                self._categories[text] += count
            else:
                self.unknown += count
                self.unseen[text] += count
        if len(self.unseen) > DISTINCT:
            self.unseen = Counter(dict(self.unseen.most_common(DISTINCT // 2)))

    def _keep(self, values: Sequence[Any]) -> None:
        """Keep each `stride`-th value of all."""
        chosen = values[-self._passed % self._stride :: self._stride]
        self._passed += len(values)
        self.sample.extend(np.asarray(chosen).tolist() if is_array(values) else chosen)
        while len(self.sample) > SAMPLED:
            self.sample = self.sample[::2]
            self._stride *= 2


class Counts:
    """Counts of all columns of a profile over some requests. `rows` are the features' rows."""

    def __init__(self, profile: Mapping[str, Any] | None) -> None:
        self.rows = self.requests = self.future = 0
        self.start: float | None = None
        told = profile or {}
        self.features = [ColumnCounts(name, "feature", one) for name, one in told.get("features", {}).items()]
        self.predictions = [ColumnCounts(name, "prediction", one) for name, one in told.get("prediction", {}).items()]

    def take(self, seen: Seen, now: float) -> None:
        """Take requests; those that are dated later than a minute after `now` are counted as of the `future`."""
        self.rows += len(seen.features)
        self.requests += len(seen.lines)
        stamps = [float(line.get("ts", 0)) for line in seen.lines]
        if stamps:
            self.start = min(stamps) if self.start is None else min(self.start, *stamps)
        self.future += sum(1 for stamp in stamps if stamp > now + 60)
        for column in self.features:
            _take(column, seen.features.columns, len(seen.features))
        for column in self.predictions:
            route = column.name.partition(".")[0].partition("[")[0]
            if route in seen.answers:
                _take(column, seen.answers[route].columns, len(seen.answers[route]))

    @property
    def columns(self) -> list[ColumnCounts]:
        """Those that some request had; a feature that none has is optional."""
        return [column for column in (*self.features, *self.predictions) if column.seen]

    @property
    def sample(self) -> dict[Place, list[Any]]:
        """The values that were kept of each column."""
        return {(column.part, column.name): column.sample for column in self.columns}


def count(profile: Mapping[str, Any] | None, seen: Seen, now: float = float("inf")) -> Counts:
    """Count the columns of these requests."""
    counts = Counts(profile)
    counts.take(seen, now)
    return counts


def _take(column: ColumnCounts, columns: Mapping[str, Any], rows: int) -> None:
    if column.name in columns:
        column.take(columns[column.name])
    elif rows:
        column.absent(rows)
