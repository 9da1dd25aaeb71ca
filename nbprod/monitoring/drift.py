"""Drift of each feature and of the prediction, against the profile kept at promotion; and the quality of what came in.

**How often it cries wolf.** A look is a set of tests, one for each column, and alarms with chance `alpha` at most when nothing has
changed (Holm over columns, Bonferroni over the tests of a column). Looks are at least `every` seconds apart, so `alpha = false_alarms *
every / 86400` keeps false alarms below `false_alarms` a day, however the windows of two looks overlap. What costs power is small:
a shift of 0.3 standard deviations is still found in a window of 1,000 rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nbprod.monitoring.compare import Array, Comparison, compare_categories, compare_numbers, holm
from nbprod.monitoring.counts import ColumnCounts

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
class _Judged:
    result: Comparison
    p: float
    sure: bool
    alarm: bool


def columns_drift(columns: Sequence[ColumnCounts], level: float, enough: int = ENOUGH) -> list[ColumnDrift]:
    """Compare the counts of a window with their profiles; the chance of any false alarm among them is below `level`."""
    sure = [column for column in columns if column.rows >= enough and sum(column.reference) >= ENOUGH_REFERENCE]
    judged = {}
    if sure:
        compared = [_compare(column) for column in sure]
        adjusted, alarms = judge(compared, level)
        for column, result, p, alarm in zip(sure, compared, adjusted, alarms, strict=True):
            judged[column.part, column.name] = _Judged(result, float(p), bool(p < level), bool(alarm))
    return [_verdict(column, judged.get((column.part, column.name))) for column in columns]


def judge(compared: Sequence[Comparison], level: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the p-values adjusted for all columns, and which columns alarm; the first axis is the columns, as many as `compared`.

    What is certain alarms if it also matters: the index is not small, or as many values are missing as are worth a word.
    """
    adjusted = holm(np.stack([found.p for found in compared]))
    matters = np.stack([(found.psi >= SMALL) | (found.missing_change >= MISSING) for found in compared])
    return adjusted, (adjusted < level) & matters


def _compare(column: ColumnCounts) -> Comparison:
    missing = (float(column.profile["missing"]), int(column.profile["rows"]))
    test = compare_categories if column.kind == "category" else compare_numbers
    return test(column.reference, column.live, missing, column.missing)


def _verdict(column: ColumnCounts, judged: _Judged | None) -> ColumnDrift:
    described, rows = column.profile, max(column.rows, 1)
    psi = float(judged.result.psi) if judged else None
    verdict = "too few rows"
    if judged:
        verdict = "drift" if judged.alarm else "changed" if judged.sure else "fine"
        if verdict == "drift" and described.get("seen") == "training" and described["kind"] == "number":
            verdict = "unsure"  # a model is surer of the rows it was trained on
    return ColumnDrift(
        name=column.name,
        part=column.part,
        kind=column.kind,
        rows=column.rows,
        verdict=verdict,
        psi=psi,
        threshold=float(judged.result.threshold) if judged else None,
        p=judged.p if judged else None,
        size=_size(psi),
        before=described.get("mean"),
        after=column.mean,
        missing_before=float(described["missing"]),
        missing=column.missing / rows,
        out_of_range=column.outside / rows,
        wrong_type=column.wrong / rows,
        unseen=dict(column.unseen.most_common(LISTED)),
    )


def _size(psi: float | None) -> str:
    if psi is None or psi < SMALL:
        return ""
    return "small" if psi < MODERATE else "moderate" if psi < LARGE else "large"
