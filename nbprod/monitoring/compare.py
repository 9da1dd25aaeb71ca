"""Whether newer values come from the same distribution as a profile's: tests on counts alone, no raw rows.

All functions take counts of the live values as an array whose last axis is the bins; what stands before it is a batch,
so that many windows are tested in one go. p-values are of two-sample tests, so a small profile costs power, not
false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
GROUPS = 10
"""Bins of the population stability index, as equal in the profile as ties allow."""
RARE = 20
"""Categories of which fewer live rows than this are expected are tested together, exactly."""


@dataclass(frozen=True)
class Comparison:
    """What was found of one column: `psi` (the population stability index, its bias by sample size taken away), and p-values
    (NaN where a test does not apply).

    `threshold` is the index that the same rows without drift exceed once in a thousand times (facts: classic thresholds of 0.1 and 0.25
    are wrong for all but one sample size).
    """

    psi: Array
    threshold: Array
    p_psi: Array
    p_ks: Array
    p_rank: Array
    p_rare: Array
    p_missing: Array
    missing_change: Array
    """By how much the fraction of missing values is another."""

    @property
    def p(self) -> Array:
        """One p-value: the smallest of those that apply, times their number (Bonferroni)."""
        tests = np.stack([self.p_psi, self.p_ks, self.p_rank, self.p_rare, self.p_missing])
        applied = np.isfinite(tests).sum(axis=0)
        smallest = np.nanmin(np.where(np.isfinite(tests), tests, 1.0), axis=0)
        return np.asarray(np.minimum(1.0, smallest * np.maximum(applied, 1)))


def compare_numbers(
    reference: Any, live: Any, missing: tuple[float, int] = (0.0, 0), live_missing: Any = 0
) -> Comparison:
    """Compare counts of the profile's fine bins: population stability index over ten groups of them, Kolmogorov-Smirnov, and
    a rank test (Wilcoxon with ties), which finds a shift with the fewest rows.

    `missing` is the profile's fraction of missing values and its number of rows.
    """
    from scipy.special import ndtr

    ref, new = np.asarray(reference, float), np.asarray(live, float)
    m, n = ref.sum(), new.sum(axis=-1)
    groups = _groups(ref)
    psi, threshold, p_psi = _stability(_merged(ref, groups), _merged(new, groups), m, n)
    effective = m * n / np.maximum(m + n, 1.0)
    gap = np.abs(np.cumsum(ref) / m - np.cumsum(new, axis=-1) / np.maximum(n, 1.0)[..., None]).max(axis=-1)
    pooled = ref + new
    total = (m + n)[..., None]
    scores = (np.cumsum(pooled, axis=-1) - pooled / 2) / total  # mid-ranks of both samples together, in 0..1
    mean = (scores * pooled).sum(axis=-1) / (m + n)
    variance = ((scores - mean[..., None]) ** 2 * pooled).sum(axis=-1) / (m + n)
    difference = (scores * new).sum(axis=-1) / np.maximum(n, 1.0) - (scores * ref).sum(axis=-1) / m
    spread = np.sqrt(variance / np.maximum(effective, 1e-9))
    z = np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0)
    return Comparison(
        psi,
        threshold,
        p_psi,
        _kolmogorov(gap, effective),
        2 * np.asarray(ndtr(-np.abs(z))),
        np.full_like(psi, np.nan),
        _p_missing(missing, live_missing, n),
        _missing_change(missing, live_missing, n),
    )


def compare_categories(
    reference: Any, live: Any, missing: tuple[float, int] = (0.0, 0), live_missing: Any = 0
) -> Comparison:
    """Compare counts of categories (chi-square); the last one of `live` and of `reference` is all that the profile does not know.

    Categories too rare for a chi-square are put together and tested with the binomial distribution.
    """
    from scipy.special import chdtrc

    ref, new = np.asarray(reference, float), np.asarray(live, float)
    m, n = ref.sum(), new.sum(axis=-1)
    share = ref / m
    rare = share * float(np.max(n, initial=0.0)) < RARE
    rare[-1] = True
    merged_ref = np.append(ref[~rare], ref[rare].sum())
    merged_new = np.concatenate([new[..., ~rare], new[..., rare].sum(axis=-1, keepdims=True)], axis=-1)
    psi, threshold, _ = _stability(merged_ref, merged_new, m, n)
    common_ref, common_new = merged_ref[:-1], merged_new[..., :-1]
    degrees = len(common_ref) - 1
    if degrees >= 1:
        a, b = common_ref.sum(), common_new.sum(axis=-1)
        expected = (common_ref + common_new) * (b / np.maximum(a + b, 1.0))[..., None]
        others = (common_ref + common_new) * (a / np.maximum(a + b, 1.0))[..., None]
        squares = (common_new - expected) ** 2
        statistic = (squares / np.maximum(expected, 1e-9) + squares / np.maximum(others, 1e-9)).sum(axis=-1)
        p_square = np.asarray(chdtrc(degrees, statistic))
    else:
        p_square = np.full_like(psi, np.nan)
    seen, together = merged_new[..., -1], merged_new[..., -1] + merged_ref[-1]
    chance = n / (m + n)
    p_rare = _binomial(seen, together, chance)
    return Comparison(
        psi,
        threshold,
        p_square,
        np.full_like(psi, np.nan),
        np.full_like(psi, np.nan),
        p_rare,
        _p_missing(missing, live_missing, n),
        _missing_change(missing, live_missing, n),
    )


def holm(p: Array) -> Array:
    """Adjust p-values over the first axis (Holm): one below `a` is a false alarm among all of them with chance below `a`."""
    order = np.argsort(p, axis=0, kind="stable")
    ordered = np.take_along_axis(p, order, axis=0)
    count = len(p)
    factors = np.arange(count, 0, -1, dtype=float).reshape([count] + [1] * (p.ndim - 1))
    adjusted = np.minimum(1.0, np.maximum.accumulate(ordered * factors, axis=0))
    result = np.empty_like(adjusted)
    np.put_along_axis(result, order, adjusted, axis=0)
    return result


def _groups(reference: Array) -> npt.NDArray[np.intp]:
    """The group of each fine bin."""
    middle = (np.cumsum(reference) - reference / 2) / reference.sum()
    raw = np.minimum(GROUPS - 1, (middle * GROUPS).astype(int))
    return np.unique(raw, return_inverse=True)[1].astype(np.intp)


def _merged(counts: Array, groups: npt.NDArray[np.intp]) -> Array:
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.add.reduceat(counts, starts, axis=-1)


def _stability(reference: Array, live: Array, m: Any, n: Any) -> tuple[Array, Array, Array]:
    """The index less its mean without drift, the threshold for it, and the p-value."""
    from scipy.special import chdtrc, chdtri

    bins = len(reference)
    p = (reference + 0.5) / (m + 0.5 * bins)
    q = (live + 0.5) / (n + 0.5 * bins)[..., None]
    index = ((q - p) * np.log(q / p)).sum(axis=-1)
    scale = 1 / np.maximum(n, 1.0) + 1 / m
    degrees = bins - 1
    if degrees < 1:
        zero = np.zeros_like(index)
        return zero, zero, np.full_like(index, np.nan)
    return (
        np.maximum(0.0, index - degrees * scale),
        (chdtri(degrees, 0.001) - degrees) * scale,
        np.asarray(chdtrc(degrees, index / scale)),
    )


def _kolmogorov(gap: Array, effective: Array) -> Array:
    from scipy.special import kolmogorov

    return np.asarray(kolmogorov(np.sqrt(effective) * gap))


def _p_missing(reference: tuple[float, int], live: Any, present: Any) -> Array:
    """The p-value of the fraction of missing values (conditional binomial test, two-sided); NaN where nothing ever is."""
    fraction, rows = reference
    seen = np.broadcast_to(np.asarray(live, float), np.shape(present))
    before = round(fraction * rows)
    size = seen + present
    together = seen + before
    chance = size / np.maximum(size + rows, 1.0)
    return np.where(together > 0, _binomial(seen, together, chance), np.nan)


def _missing_change(reference: tuple[float, int], live: Any, present: Any) -> Array:
    seen = np.broadcast_to(np.asarray(live, float), np.shape(present))
    return np.asarray(np.abs(seen / np.maximum(seen + present, 1.0) - reference[0]))


def _binomial(seen: Any, together: Any, chance: Any) -> Array:
    """The two-sided p-value of so many of the ones together, each here with this chance."""
    from scipy.special import betainc

    upper = np.where(seen > 0, betainc(np.maximum(seen, 1), np.maximum(together - seen, 0) + 1, chance), 1.0)
    lower = np.where(seen < together, betainc(np.maximum(together - seen, 1), seen + 1, 1 - chance), 1.0)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(upper, lower)))
