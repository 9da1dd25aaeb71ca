"""Metrics of predictions whose right answers are known by now, under the names that notebooks give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nbprod.monitoring.feedback import Labelled, texts

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """A live metric: its value over `rows`, the run's own, and whether it is worse than chance allows (`alarm`).

    `why` says against what it was held.
    """

    metric: str
    value: float
    rows: int
    run: float | None = None
    alarm: bool = False
    why: str = ""


def _accuracy(truth: Sequence[str], guess: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(truth, guess, strict=True)) / len(truth)


def _recalls(truth: Sequence[str], guess: Sequence[str]) -> list[tuple[float, float, float]]:
    """Precision, recall and F1 of each class of the labels."""
    found = []
    for kind in sorted(set(truth) | set(guess)):
        hit = sum(a == kind == b for a, b in zip(truth, guess, strict=True))
        said, real = sum(b == kind for b in guess), sum(a == kind for a in truth)
        precision, recall = hit / said if said else 0.0, hit / real if real else 0.0
        found.append((precision, recall, 2 * precision * recall / (precision + recall) if hit else 0.0))
    return found


def _macro(at: int) -> Callable[[Sequence[str], Sequence[str]], float]:
    return lambda truth, guess: float(np.mean([item[at] for item in _recalls(truth, guess)]))


def _balanced(truth: Sequence[str], guess: Sequence[str]) -> float:
    kinds = sorted(set(truth) | set(guess))
    return float(
        np.mean([item[1] for kind, item in zip(kinds, _recalls(truth, guess), strict=True) if kind in set(truth)])
    )


OF_CLASSES: Mapping[str, Callable[[Sequence[str], Sequence[str]], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
    "precision_macro": _macro(0),
    "recall_macro": _macro(1),
    "f1_macro": _macro(2),
}
OF_NUMBERS: Mapping[str, Callable[[Numbers, Numbers], float]] = {
    "mae": lambda y, p: float(np.abs(y - p).mean()),
    "mse": lambda y, p: float(((y - p) ** 2).mean()),
    "rmse": lambda y, p: float(np.sqrt(((y - p) ** 2).mean())),
    "r2": lambda y, p: float(1 - ((y - p) ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-300)),
    "mape": lambda y, p: float((np.abs(y - p) / np.maximum(np.abs(y), 1e-12)).mean()),
}
_SAME = {
    "acc": "accuracy", "test_accuracy": "accuracy", "val_accuracy": "accuracy", "accuracy_score": "accuracy", "test_acc": "accuracy",
    "mean_absolute_error": "mae", "test_mae": "mae", "mean_squared_error": "mse", "test_mse": "mse",
    "root_mean_squared_error": "rmse", "test_rmse": "rmse", "r2_score": "r2", "test_r2": "r2", "r_squared": "r2",
    "macro_f1": "f1_macro", "f1_score_macro": "f1_macro",
}  # fmt: skip
LOWER = frozenset({"mae", "mse", "rmse", "mape"})


def known(metric: str) -> str | None:
    """The metric that a notebook's name stands for, if it is one that can be computed from answers and labels."""
    name = _SAME.get(metric.lower(), metric.lower())
    return name if name in OF_CLASSES or name in OF_NUMBERS else None


def answer_column(rows: Labelled, wanted: str | None = None) -> str | None:
    """The column of the answers that the labels are of: the one asked for, the only one, or that whose values look like labels."""
    names = list(dict.fromkeys(name for answer in rows.answers for name in answer))
    if wanted is not None:
        return next((name for name in names if wanted in (name, name.partition(".")[2])), None)
    if len(names) < 2:
        return names[0] if names else None
    labels = set(texts(rows.labels))
    numeric = all(isinstance(label, (int, float)) and not isinstance(label, bool) for label in rows.labels)

    def alike(name: str) -> float:
        values = [answer.get(name) for answer in rows.answers]
        shared = sum(text in labels for text in texts(values)) / len(values)
        kind = numeric and all(isinstance(value, (int, float)) for value in values)
        return shared + 0.5 * kind

    best = max(names, key=alike)
    return best if alike(best) > 0 else None


def scores(
    rows: Labelled,
    run: Mapping[str, float],
    require: Mapping[str, Any],
    *,
    column: str | None = None,
    level: float = 1e-3,
    enough: int = 50,
) -> list[Score]:
    """Compute the run's metrics, and those that are required, on labelled rows.

    A required one alarms when it fails its requirement. Another alarms when accuracy, or the mean of absolute or squared errors, is worse than
    the run's by more than chance explains (normal approximation, one-sided at `level`). Fewer than `enough` rows never alarm.
    """
    name = answer_column(rows, column) if len(rows) else None
    if name is None:
        return []
    pairs = [
        (label, answer[name])
        for label, answer in zip(rows.labels, rows.answers, strict=True)
        if answer.get(name) is not None and label is not None
    ]
    if not pairs:
        return []
    truth, guess = texts([a for a, _ in pairs]), texts([b for _, b in pairs])
    numeric = _as_numbers([a for a, _ in pairs]), _as_numbers([b for _, b in pairs])
    found = []
    for metric in dict.fromkeys([*require, *run]):
        kind = known(metric)
        if kind in OF_CLASSES and kind is not None:
            value = OF_CLASSES[kind](truth, guess)
        elif kind is not None and numeric[0] is not None and numeric[1] is not None:
            value = OF_NUMBERS[kind](numeric[0], numeric[1])
        else:
            continue
        if kind == "r2" and len(pairs) < 2:
            continue
        before = run.get(metric)
        if metric in require:
            bad, why = not require[metric].holds(value), str(require[metric])
        else:
            bad, why = _worse(kind, value, before, truth, guess, numeric, level)
        found.append(Score(metric, value, len(pairs), before, bad and len(pairs) >= enough, why))
    return found


def _as_numbers(values: Sequence[Any]) -> Numbers | None:
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError):
        return None
    return array if array.ndim == 1 else None


def _worse(
    kind: str,
    value: float,
    before: float | None,
    truth: Sequence[str],
    guess: Sequence[str],
    numeric: tuple[Numbers | None, Numbers | None],
    level: float,
) -> tuple[bool, str]:
    from scipy.special import ndtri

    if before is None:
        return False, ""
    if kind == "accuracy":
        losses, base = np.array([a != b for a, b in zip(truth, guess, strict=True)], float), 1 - before
        spread = math.sqrt(max(base * (1 - base), 1 / len(losses)) / len(losses))
    elif kind in ("mae", "mse", "rmse") and numeric[0] is not None and numeric[1] is not None:
        errors = np.abs(numeric[0] - numeric[1])
        losses, base = (errors, before) if kind == "mae" else (errors**2, before if kind == "mse" else before**2)
        spread = float(losses.std()) / math.sqrt(len(losses))
    else:
        return False, f"the run's {before:.4g}"
    return bool(losses.mean() - base > -float(ndtri(level)) * spread and spread > 0), f"the run's {before:.4g}"
