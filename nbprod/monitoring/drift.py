"""Drift of each feature and of the prediction, against the profile kept at promotion; and the quality of what came in.

**How often it cries wolf.** A look is a set of tests, one for each column, and alarms with chance `alpha` at most when nothing has
changed (Holm over columns, Bonferroni over the tests of a column). Looks are at least `every` seconds apart, so `alpha = false_alarms *
every / 86400` keeps false alarms below `false_alarms` a day, however the windows of two looks overlap. What costs power is small:
a shift of 0.3 standard deviations is still found in a window of 1,000 rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprod.monitoring.compare import Comparison, compare_categories, compare_numbers, holm
from nbprod.monitoring.layout import Seen
from nbprod.promotion.profile import bin_counts, edges, split

DAY = 86400.0
ENOUGH = 200
"""Rows (of the window and of the profile) below which there is no verdict."""
ENOUGH_REFERENCE = 50
SMALL, MODERATE, LARGE = 0.02, 0.1, 0.25
"""Of the population stability index. Below `SMALL` (a shift of 0.14 standard deviations) there is no alarm, however certain it is."""
MISSING = 0.01
"""A change of the missing fraction that is worth an alarm."""
LISTED = 10


def alpha(false_alarms: float, every: float) -> float:
    """The chance of a false alarm that one look may have, for at most `false_alarms` a day with a look each `every` seconds."""
    return min(0.5, false_alarms * every / DAY)


@dataclass(frozen=True)
class ColumnDrift:
    """A column of the window beside the profile's.

    `p` is adjusted for all columns and tests; `psi` has its bias by sample size taken away, and exceeds `threshold` once in a thousand
    windows without drift. Fractions are of the window's rows. `verdict` is `fine`, `drift`, `changed` (significant, but too small to
    matter), `unsure` (an answer whose profile is of training rows) or `too few rows`.
    """

    name: str
    part: str
    kind: str
    rows: int
    verdict: str
    psi: float | None = None
    threshold: float | None = None
    p: float | None = None
    size: str = ""
    before: float | None = None
    after: float | None = None
    """The mean, before and now (of numbers)."""
    missing_before: float = 0.0
    missing: float = 0.0
    out_of_range: float = 0.0
    wrong_type: float = 0.0
    unseen: Mapping[str, int] = field(default_factory=dict)
    """Categories that the profile does not know, with their counts."""

    @property
    def alarm(self) -> bool:
        return self.verdict == "drift"


@dataclass(frozen=True)
class _Counted:
    name: str
    part: str
    profile: Mapping[str, Any]
    rows: int
    numbers: Any
    missing: int
    wrong: int
    reference: list[int]
    live: list[int]
    unseen: Mapping[str, int]


def columns_drift(profile: Mapping[str, Any], seen: Seen, level: float, enough: int = ENOUGH) -> list[ColumnDrift]:
    """Compare all columns of a window with the profile; the chance of any false alarm among them is below `level`.

    A feature of the profile that no request has is left out (it is optional).
    """
    counted = [
        _counted(name, "feature", described, seen.features.columns[name])
        for name, described in profile.get("features", {}).items()
        if name in seen.features.columns
    ]
    answers = {name: values for table in seen.answers.values() for name, values in table.columns.items()}
    counted += [
        _counted(name, "prediction", described, answers[name])
        for name, described in profile.get("prediction", {}).items()
        if name in answers
    ]
    sure = [item for item in counted if _testable(item, enough)]
    compared = [_compare(item) for item in sure]
    adjusted = holm(np.array([float(result.p) for result in compared])) if compared else np.zeros(0)
    verdicts = {id(item): (result, float(p)) for item, result, p in zip(sure, compared, adjusted, strict=True)}
    return [_verdict(item, verdicts.get(id(item)), level) for item in counted]


def _testable(item: _Counted, enough: int) -> bool:
    return item.rows >= enough and sum(item.reference) >= ENOUGH_REFERENCE


def _counted(name: str, part: str, described: Mapping[str, Any], values: Sequence[Any]) -> _Counted:
    numbers, texts, missing = split(values)
    kind, rows = described["kind"], len(values)
    if kind == "category":
        known = described["counts"]
        live = dict.fromkeys(known, 0)
        unseen: dict[str, int] = {}
        for text in texts:
            if text in live:
                live[text] += 1
            else:
                unseen[text] = unseen.get(text, 0) + 1
        for number in numbers:
            unseen[f"{number:g}"] = unseen.get(f"{number:g}", 0) + 1
        return _Counted(
            name,
            part,
            described,
            rows,
            numbers,
            missing,
            len(numbers),
            [*known.values(), 0],
            [*live.values(), sum(unseen.values())],
            unseen,
        )
    wrong = len(texts)
    if kind == "text":
        wrong, numbers = len(numbers), np.asarray([len(text) for text in texts], float)
    return _Counted(
        name,
        part,
        described,
        rows,
        numbers,
        missing,
        wrong,
        described.get("counts", []),
        bin_counts(numbers, edges(described)),
        {},
    )


def _compare(item: _Counted) -> Comparison:
    missing = (float(item.profile["missing"]), int(item.profile["rows"]))
    test = compare_categories if item.profile["kind"] == "category" else compare_numbers
    return test(item.reference, item.live, missing, item.missing)


def _verdict(item: _Counted, found: tuple[Comparison, float] | None, level: float) -> ColumnDrift:
    result, p = found or (None, None)
    described, rows = item.profile, max(item.rows, 1)
    low, high = described.get("low"), described.get("high")
    numbers = item.numbers if described["kind"] != "category" else np.zeros(0)
    outside = 0 if low is None or high is None else int(((numbers < low) | (numbers > high)).sum())
    missing = item.missing / rows
    psi = float(result.psi) if result else None
    verdict = "too few rows"
    if psi is not None and p is not None:
        matters = psi >= SMALL or abs(missing - float(described["missing"])) >= MISSING
        verdict = "fine" if p >= level else "changed" if not matters else "drift"
        if verdict == "drift" and described.get("seen") == "training" and described["kind"] == "number":
            verdict = "unsure"  # a model is surer of the rows it was trained on
    return ColumnDrift(
        name=item.name,
        part=item.part,
        kind=described["kind"],
        rows=item.rows,
        verdict=verdict,
        psi=psi,
        threshold=float(result.threshold) if result else None,
        p=p,
        size=""
        if psi is None or psi < SMALL
        else "small"
        if psi < MODERATE
        else "moderate"
        if psi < LARGE
        else "large",
        before=described.get("mean"),
        after=float(numbers.mean()) if len(numbers) else None,
        missing_before=float(described["missing"]),
        missing=missing,
        out_of_range=outside / rows,
        wrong_type=item.wrong / rows,
        unseen=dict(sorted(item.unseen.items(), key=lambda entry: -entry[1])[:LISTED]),
    )
