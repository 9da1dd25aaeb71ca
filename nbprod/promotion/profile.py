"""The profile of a model version: what its inputs and answers looked like when it was made, as a few numbers each.

Runs in the notebook's kernel environment (NumPy is imported where there are rows; pandas is met there, never
imported here), and in nbprod's own to lay out what a service was asked in the same columns. No row is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbprod.promotion.signature import is_array, is_frame, is_series

QUANTILES = 101
MAX_CATEGORIES = 50
"""A column of more distinct texts is text: of those only the lengths are kept."""
MAX_COLUMNS = 200
"""An array with more columns is told by the mean and the spread of each row."""
ASKED = 2000
"""Rows of the reference that the model is asked for the profile of its answers."""
PATIENCE = 10.0
"""Seconds for asking them."""
BATCH = 200

Answer = Callable[[Mapping[str, Any]], Any]


def profile(
    arguments: Mapping[str, Any],
    reference: Any = None,
    routes: Mapping[str, Answer] | None = None,
    held_out: Any = None,
) -> dict[str, Any]:
    """Describe what a service takes and answers.

    Args:
        arguments: A sample call by argument name.
        reference: The table (or array) of training data that `arguments` were taken from, if it is known.
        routes: For each route a function that answers such arguments.
        held_out: Rows like the reference that the model was not trained on: its answers to those are what a service
            will see. Without them it is asked the reference, and `seen` of each answer says `training`.

    Returns:
        `{"rows": n, "features": {name: P}, "prediction": {route or route.field: P}}` with plain values. P has `kind`
        (`number`, `category`, `text`), `rows`, `missing` (a fraction), and what `describe` says of its kind.
    """
    whole = _replaced(arguments, reference)
    features = columns_of_arguments(whole)
    rows = max((len(values) for values in features.values()), default=0)
    table = {name: describe(values) for name, values in features.items() if len(values) == rows}
    answers: dict[str, Any] = {}
    unseen = held_out is not None
    asked = _replaced(arguments, held_out) if unseen else whole
    for route, answer in (routes or {}).items():
        for name, values in _answers(route, answer, asked).items():
            answers[name] = {**describe(values), "seen": "held-out" if unseen else "training"}
    return {"rows": rows, "features": table, "prediction": answers}


def describe(values: Sequence[Any]) -> dict[str, Any]:
    """Describe one column.

    A number has `low`, `high`, `mean`, `std`, 101 `quantiles`, `counts` of the bins that the distinct quantiles cut
    (`(-inf, q0], (q0, q1], ..., (qk, inf)`, see `edges`), and `deciles` with `edges` and `counts`. A category has
    `counts` by value. A text has the same as a number, of its lengths.
    """
    import numpy as np

    rows = len(values)
    numbers, texts, missing = split(values)
    common = {"rows": rows, "missing": missing / rows if rows else 0.0}
    if len(numbers) >= len(texts):
        return {"kind": "number", **common, **_number(np.asarray(numbers, float))}
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    if len(counts) <= MAX_CATEGORIES and (len(counts) <= 10 or len(counts) * 2 <= len(texts)):
        return {"kind": "category", **common, "counts": dict(sorted(counts.items(), key=lambda item: -item[1]))}
    return {"kind": "text", **common, **_number(np.asarray([len(text) for text in texts], float))}


def split(values: Any) -> tuple[Any, list[str], int]:
    """Sort a column into its finite numbers, its texts (booleans among them) and how many values are missing."""
    import numpy as np

    if is_array(values) and values.dtype.kind in "iuf":
        numbers = np.asarray(values, float)
        finite = np.isfinite(numbers)
        return numbers[finite], [], int(len(numbers) - finite.sum())
    kinds = set(map(type, values))
    if kinds <= {int, float, type(None)}:
        return split(np.asarray(values, float)) if kinds else (np.zeros(0), [], 0)
    if kinds <= {str, type(None)}:
        texts = [value for value in values if value is not None]
        return np.zeros(0), texts, len(values) - len(texts)
    found: list[float] = []
    texts = []
    missing = 0
    for value in values:
        if isinstance(value, str):
            texts.append(value)
        elif value is None or value != value:
            missing += 1
        elif isinstance(value, (bool, np.bool_)):
            texts.append("true" if value else "false")
        else:
            try:
                number = float(value)
            except (TypeError, ValueError):
                texts.append(str(value))
                continue
            if math.isfinite(number):
                found.append(number)
            else:
                missing += 1
    return np.asarray(found, float), texts, missing


def edges(described: Mapping[str, Any]) -> list[float]:
    """The upper ends of a number's bins, all but the last: its distinct quantiles."""
    return sorted(set(described.get("quantiles", ())))


def _number(numbers: Any) -> dict[str, Any]:
    import numpy as np

    if not len(numbers):
        return {}
    quantiles = [_short(value) for value in np.quantile(numbers, np.linspace(0, 1, QUANTILES), method="inverted_cdf")]
    ends = sorted(set(quantiles))
    tenths = sorted({_short(value) for value in np.quantile(numbers, np.linspace(0, 1, 11), method="inverted_cdf")})
    return {
        "low": float(numbers.min()),
        "high": float(numbers.max()),
        "mean": _short(numbers.mean()),
        "std": _short(numbers.std()),
        "quantiles": quantiles,
        "counts": bin_counts(numbers, ends),
        "deciles": {"edges": tenths, "counts": bin_counts(numbers, tenths)},
    }


def bin_counts(numbers: Any, ends: Sequence[float]) -> list[int]:
    """How many numbers lie in each of the bins `(-inf, e0], (e0, e1], ..., (ek, inf)`."""
    import numpy as np

    counts: list[int] = np.bincount(np.searchsorted(ends, numbers, side="left"), minlength=len(ends) + 1).tolist()
    return counts


def _short(value: Any) -> float:
    return float(f"{float(value):.7g}")


def columns_of_arguments(arguments: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Lay out the arguments of a call as columns: a table's own, `name` for a plain value, `name[i]` for an array's.

    Columns of several tables are named `argument.column`.
    """
    tables = sum(1 for value in arguments.values() if _is_table(value))
    found: dict[str, Sequence[Any]] = {}
    for name, value in arguments.items():
        for column, values in columns_of(value).items():
            if column == "":
                found[name] = values
            elif column.startswith("["):
                found[f"{name}{column}"] = values
            else:
                found[column if tables <= 1 and column not in found else f"{name}.{column}"] = values
    return found


def columns_of_answer(route: str, answer: Any) -> dict[str, Sequence[Any]]:
    """Lay out an answer as columns: `route`, `route.field` for dicts, `route[i]` for lists of lists."""
    return {
        f"{route}{column}" if column == "" or column.startswith("[") else f"{route}.{column}": values
        for column, values in columns_of(answer).items()
    }


def columns_of(value: Any) -> dict[str, Sequence[Any]]:
    """Lay out a value as columns with one entry for each row; the empty name is the value's own."""
    if is_frame(value):
        return {str(name): _column(value[name]) for name in value.columns}
    if is_series(value):
        return {"": _column(value)}
    if is_array(value):
        return _of_array(value)
    if isinstance(value, dict):
        return {str(key): [item] for key, item in value.items() if _is_plain(item)}
    if isinstance(value, (list, tuple)) and value:
        first = value[0]
        if isinstance(first, dict):
            names = list(dict.fromkeys(key for row in value if isinstance(row, dict) for key in row))
            rows = [row if isinstance(row, dict) else {} for row in value]
            return {str(name): column for name in names if _are_plain(column := [row.get(name) for row in rows])}
        if isinstance(first, (list, tuple)):
            return _of_lists(value)
        return {"": list(value)} if _are_plain(value) else {}
    return {"": [value]} if _is_plain(value) and value is not None else {}


def _of_lists(value: Sequence[Any]) -> dict[str, Sequence[Any]]:
    import numpy as np

    try:
        array = np.array(value)
    except ValueError:  # rows of unequal length
        return {}
    if array.dtype.kind == "O" and array.ndim == 2:
        return {f"[{at}]": list(array[:, at]) for at in range(array.shape[1])} if array.shape[1] <= MAX_COLUMNS else {}
    return _of_array(array)


def _of_array(array: Any) -> dict[str, Sequence[Any]]:
    if array.ndim == 1:
        return {"": array}
    if array.ndim == 2 and array.shape[1] <= MAX_COLUMNS:
        return {f"[{at}]": array[:, at] for at in range(array.shape[1])}
    if array.dtype.kind not in "biuf":
        return {}
    flat = array.reshape(len(array), -1).astype(float)  # images and the like
    return {"[mean]": flat.mean(axis=1), "[std]": flat.std(axis=1)}


def _column(series: Any) -> Sequence[Any]:
    """A pandas column as its numbers, or as a list in which what is missing is None."""
    kind = getattr(series.dtype, "kind", "O")
    if kind in "iuf" and hasattr(series.dtype, "itemsize") and not hasattr(series.dtype, "numpy_dtype"):
        array: Sequence[Any] = series.to_numpy()
        return array
    missing = series.isna()
    if kind in "mM":
        return [None if gone else str(value) for value, gone in zip(series, missing, strict=True)]
    return [None if gone else value for value, gone in zip(series, missing, strict=True)]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float)) or (hasattr(value, "item") and not is_array(value))


def _are_plain(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {str, int, float, bool, type(None)} or all(map(_is_plain, values))


def _is_table(value: Any) -> bool:
    return is_frame(value) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _replaced(arguments: Mapping[str, Any], reference: Any) -> dict[str, Any]:
    """The arguments with the reference's rows in place of the sample's, where it has the same columns."""
    whole = dict(arguments)
    if reference is None:
        return whole
    for name, value in arguments.items():
        if is_frame(reference):
            row = value[0] if isinstance(value, list) and value else value
            if is_frame(value) and set(value.columns) <= set(reference.columns):
                whole[name] = reference[list(value.columns)]
            elif isinstance(row, dict) and row and set(row) <= set(reference.columns):
                whole[name] = reference[list(row)].to_dict("records")
        elif is_array(reference) and is_array(value) and reference.shape[1:] == value.shape[1:]:
            whole[name] = reference
    return whole


def _answers(route: str, answer: Answer, arguments: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The columns of a route's answers to some rows of the arguments, spread evenly, in batches while time lasts."""
    length = max((len(value) for value in arguments.values() if _is_rows(value)), default=1)
    step = max(1, length // ASKED)
    until = time.monotonic() + PATIENCE
    found: dict[str, list[Any]] = {}
    for start in range(0, min(length, ASKED * step), BATCH * step):
        part = {
            name: _rows(value, slice(start, start + BATCH * step, step))
            if _is_rows(value) and len(value) == length
            else value
            for name, value in arguments.items()
        }
        try:
            given = columns_of_answer(route, _plain(answer(part)))
        except Exception:  # noqa: BLE001, S112 - the author's function: one that fails on some rows has no profile of them
            continue
        for name, values in given.items():
            found.setdefault(name, []).extend(values)
        if time.monotonic() > until:
            break
    return found


def _plain(answer: Any) -> Any:
    from nbprod.promotion.support import plain

    return plain(answer)  # the very values that the service's log will hold


def _is_rows(value: Any) -> bool:
    return is_frame(value) or (is_array(value) and value.ndim > 1) or _is_table(value)


def _rows(value: Any, part: slice) -> Any:
    return value.iloc[part] if is_frame(value) else value[part]
