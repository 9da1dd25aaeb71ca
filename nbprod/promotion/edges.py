"""Rows on which two forms of a model are compared: rows that were seen, their values mixed anew, and edge cases.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbprod.promotion.signature import is_array, is_frame

THRESHOLDS = 300
"""Values at which a tree decides that are tried at most."""


def rows_of(model: Any, shown: Any, methods: Sequence[str], least: int) -> tuple[Any, bool]:
    """Return at least `least` rows like those shown that the model itself answers, and whether values may be missing in them.

    The rows as shown; their columns' values drawn each by itself; each column at its extremes, beyond them, at zero; each value at which
    a tree decides, with its neighbours in single and in double precision; missing values where there are some.
    """
    import numpy as np

    generator = np.random.default_rng(0)
    drawn = max(least - len(shown), 200)
    parts = [shown, _drawn(shown, drawn, generator)]
    missing = bool(_missing(shown).any())
    parts += [
        part for part in (_extremes(shown), _borders(model, shown)) if len(part) and _answers(model, part, methods)
    ]
    if missing:
        parts.append(_gaps(shown))
    if is_frame(shown):
        import pandas as pd

        table = pd.concat([part.astype(shown.dtypes.to_dict()) for part in parts], ignore_index=True)
        return table, missing
    return np.concatenate([np.asarray(part, dtype=shown.dtype) for part in parts]), missing


def matrix_of(shown: Any, count: int) -> Any:
    """The given number of rows, repeated where there are not enough."""
    import numpy as np

    places = np.arange(count) % len(shown)
    return shown.iloc[places].reset_index(drop=True) if is_frame(shown) else shown[places]


def more_rows(shown: Any, least: int) -> Any:
    """The rows shown, and as many besides that there are `least`: the values of each column drawn by itself."""
    import numpy as np

    few = shown.iloc[:least] if is_frame(shown) else shown[:least]
    if len(few) == least:
        return few.reset_index(drop=True) if is_frame(few) else few
    drawn = _drawn(few, least - len(few), np.random.default_rng(1))
    if is_frame(shown):
        import pandas as pd

        return pd.concat([few, drawn], ignore_index=True).astype(shown.dtypes.to_dict())
    return np.concatenate([few, drawn])


def with_extremes(shown: Any, takes: Callable[[Any], bool], most: int) -> Any:
    """The rows shown, with some besides in which a column is at its extremes or beyond them, spread among them; of those only such as `takes` says."""
    import numpy as np

    generator = np.random.default_rng(2)
    extremes = _extremes(shown) if len(shown) else shown
    some = np.sort(generator.permutation(len(extremes))[:most])
    extremes = extremes.iloc[some] if is_frame(extremes) else extremes[some]
    if not len(extremes) or not takes(extremes):
        return shown
    places = generator.permutation(len(shown) + len(extremes))
    if is_frame(shown):
        import pandas as pd

        return pd.concat([shown, extremes], ignore_index=True).astype(shown.dtypes.to_dict()).iloc[places]
    return np.concatenate([shown, extremes])[places]


def _drawn(shown: Any, count: int, generator: Any) -> Any:
    if is_frame(shown):
        import pandas as pd

        columns = {n: shown[n].iloc[generator.integers(0, len(shown), count)].to_numpy() for n in shown.columns}
        return pd.DataFrame(columns).astype(shown.dtypes.to_dict())
    import numpy as np

    if shown.ndim != 2:
        return shown[generator.integers(0, len(shown), count)]
    parts = [shown[generator.integers(0, len(shown), count), at] for at in range(shown.shape[1])]
    return np.stack(parts, axis=1)


def _extremes(shown: Any) -> Any:
    """The first row with one column at a time at its least, its most, half as much beyond them, and zero."""
    base = matrix_of(shown, 1)
    rows = []
    for at in _numeric(shown):
        column = _column(shown, at)
        column = column[~_missing(column)]
        if not len(column) or column.dtype.kind == "b":
            continue
        low, high = column.min(), column.max()
        spread = (high - low) / 2 if high > low else 1
        rows += [_with(base, at, value) for value in (low, high, low - spread, high + spread, 0)]
    return _together(rows, base)


def _borders(model: Any, shown: Any) -> Any:
    """Rows at the values at which the trees of a model decide, a little below and above."""
    import numpy as np

    trees = [
        getattr(part, "tree_", None)
        for part in np.ravel(getattr(model, "estimators_", np.array([model], dtype=object)))
    ]
    pairs = {
        (int(f), float(v))
        for tree in trees
        if tree is not None
        for f, v in zip(tree.feature, tree.threshold, strict=True)
        if f >= 0
    }
    base, rows = matrix_of(shown, 1), []
    for at, value in sorted(pairs)[:: max(1, len(pairs) // THRESHOLDS)][:THRESHOLDS]:
        single = np.float32(value)
        around = [value, np.nextafter(value, -np.inf), np.nextafter(value, np.inf)]
        around += (np.nextafter(single, np.float32(-np.inf)), single, np.nextafter(single, np.float32(np.inf)))
        rows += [_with(base, at, float(one)) for one in around]
    return _together(rows, base)


def _gaps(shown: Any) -> Any:
    """Rows with a value missing, a column at a time, where one was."""
    base = matrix_of(shown, 1)
    rows = [_with(base, at, float("nan")) for at in _numeric(shown) if _missing(_column(shown, at)).any()]
    return _together(rows, base)


def _answers(model: Any, rows: Any, methods: Sequence[str]) -> bool:
    """Whether the model itself takes such rows."""
    try:
        for method in methods:
            getattr(model, method)(rows)
    except Exception:  # noqa: BLE001 - what the model refuses, nobody is to answer
        return False
    return True


def _numeric(shown: Any) -> list[int]:
    if is_frame(shown):
        return [at for at, kind in enumerate(shown.dtypes) if getattr(kind, "kind", "O") in "iuf"]
    return list(range(shown.shape[1]))


def _column(shown: Any, at: int) -> Any:
    if not is_frame(shown):
        return shown[:, at]
    column = shown.iloc[:, at]
    if (
        type(column.dtype).__module__.partition(".")[0] == "pandas" and column.dtype.kind in "iuf"
    ):  # it may hold pandas' NA
        return column.to_numpy(dtype=float, na_value=float("nan"))
    return column.to_numpy()


def _missing(values: Any) -> Any:
    import numpy as np

    if is_frame(values):
        return values.isna().to_numpy()
    return np.isnan(values) if is_array(values) and values.dtype.kind == "f" else np.zeros(np.shape(values), bool)


def _with(base: Any, at: int, value: Any) -> Any:
    row = base.copy()
    if is_frame(row):
        if row.dtypes.iloc[at].kind in "iu":
            value = int(value)
        row.isetitem(at, [value])
    else:
        row[0, at] = value
    return row


def _together(rows: list[Any], base: Any) -> Any:
    import numpy as np

    if not rows:
        return base[:0]
    if is_frame(base):
        import pandas as pd

        return pd.concat(rows, ignore_index=True).astype(base.dtypes.to_dict())
    return np.concatenate(rows)
