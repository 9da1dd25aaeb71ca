"""Helpers of a service that nbprod generated: read the model's files, and turn answers into plain values.

Copied into each service as `nbprod_support.py`, so that a service does not need nbprod; used by the capture too, so
that the notebook's answers and the service's are written down by the same code.
"""

from __future__ import annotations

import ast
import base64
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ARTIFACTS = HERE / "artifacts"
NUMBERS = frozenset(f"{kind}{bits}" for kind in ("float", "int", "uint") for bits in (8, 16, 32, 64)) - {"float8"}
"""Types of columns that NumPy makes from a list."""


def load_skops(file: str, trusted: Sequence[str] = ()) -> Any:
    """Read a scikit-learn object; a type that is neither known to skops nor in `trusted` is refused."""
    import skops.io

    return skops.io.load(ARTIFACTS / file, trusted=list(trusted))


def load_keras(file: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Read a Keras model in safe mode and make its `predict` compile for few batch sizes only."""
    import keras

    return steady_batches(keras.saving.load_model(ARTIFACTS / file, custom_objects=custom_objects, safe_mode=True))


def load_literal(file: str) -> Any:
    """Read lists, tuples, dicts, sets, numbers and texts, written as in Python; nothing else is understood."""
    return ast.literal_eval((ARTIFACTS / file).read_text("utf-8"))


def load_array(file: str) -> Any:
    """Read a NumPy array; object arrays (pickle) are refused."""
    import numpy as np

    return np.load(ARTIFACTS / file, allow_pickle=False)


def load_table(file: str) -> Any:
    """Read a pandas DataFrame."""
    import pandas as pd

    return pd.read_parquet(ARTIFACTS / file)


def load_index(file: str, name: Any = None) -> Any:
    """Read a pandas Index."""
    import pandas as pd

    return pd.Index(load_table(file)["values"], name=name)


def scalar(value: Any, dtype: str) -> Any:
    """Return a number as the NumPy type that the notebook computed."""
    import numpy as np

    return np.dtype(dtype).type(value)


def load_pickle(file: str) -> Any:
    """Read a pickle. This runs whatever code the file holds: it was promoted with the flag that allows it."""
    import pickle

    return pickle.loads((ARTIFACTS / file).read_bytes())


def as_table(rows: Sequence[Any], types: Mapping[Any, Any]) -> Any:
    """Turn validated rows into a DataFrame with the columns and types of the training data.

    `types` maps each column to a pandas dtype, to `{"categories": [...], "ordered": ...}`, or to `{"dtype": "object", "missing": "nan"}`
    where null is NaN. A value that a type cannot hold is refused.
    """
    import pandas as pd

    given = [as_dict(row) for row in rows]
    names = [name for name in types if any(str(name) in row for row in given)]
    kinds = {types[name] if isinstance(types[name], str) else None for name in names}
    values: Any
    if len(kinds) == 1 and kinds <= NUMBERS:  # ten times quicker than column by column
        import numpy as np

        labels = [str(name) for name in names]
        try:
            values = np.array([[row[label] for label in labels] for row in given], dtype=str(next(iter(kinds))))
        except (KeyError, TypeError, ValueError, OverflowError):
            pass  # some rows lack some columns, or hold what this type cannot: it is said of the column below
        else:
            return pd.DataFrame(values, columns=_columns(tuple(names)).copy(), copy=False)
    columns = {}
    for name in names:
        values = [row.get(str(name)) for row in given]
        try:
            columns[name] = _column(values, types[name])
        except (TypeError, ValueError, OverflowError) as error:
            raise unfit(f"{name}: {error}") from error
    return pd.DataFrame(columns)


def _column(values: list[Any], kind: Any) -> Any:
    """Return a column of a table. What has no missing value in this type must not get one by a row that lacks the column."""
    import pandas as pd

    if isinstance(kind, dict):
        if "categories" in kind:
            return pd.Categorical(values, **kind)
        return pd.Series([math.nan if value is None else value for value in values], dtype=kind["dtype"])
    if kind in NUMBERS and None not in values:
        return pd.array(values, dtype=kind).to_numpy()
    if None in values and (kind == "bool" or (kind in NUMBERS and not kind.startswith("float"))):
        raise ValueError(f"row {values.index(None)} has none, and other rows do")
    if kind == "object":  # as they are: pandas would make floats of integers beside a missing value
        return pd.Series(values, dtype="object")
    if kind.startswith("datetime64"):
        return pd.Series(values).astype(kind)
    return pd.Series(values, dtype=kind)


def unfit(text: str) -> Exception:
    """Return the error that a service answers with 400."""
    try:
        from bentoml.exceptions import InvalidArgument
    except ImportError:  # where samples are captured there need be no BentoML
        return ValueError(text)
    error: Exception = InvalidArgument(text)
    return error


@functools.lru_cache(64)
def _columns(names: tuple[Any, ...]) -> Any:
    """An Index; making one of texts takes longer than the table around it."""
    import pandas as pd

    return pd.Index(list(names))


def as_dict(row: Any, nan: Sequence[str] = ()) -> dict[str, Any]:
    """Turn a validated row into a dict by the notebook's own names; optional fields that were not sent are left out.

    `nan` are those in which null stands for NaN.
    """
    fields: dict[str, Any] = row.model_dump(by_alias=True, exclude_unset=True)
    for name in nan:
        if name in fields and fields[name] is None:
            fields[name] = math.nan
    return fields


def as_series(row: Any, dtype: str | None = None, nan: Sequence[str] = ()) -> Any:
    """Turn a validated row into a pandas Series; of pandas' own choice without a type."""
    import pandas as pd

    try:
        return pd.Series(as_dict(row, nan), dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise unfit(str(error)) from error


def as_array(values: Sequence[Any], dtype: str) -> Any:
    """Turn nested lists into a NumPy array; null becomes NaN."""
    import numpy as np

    try:
        return np.array(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise unfit(f"it is no array of {dtype}: {error}") from error


def as_bytes(text: str) -> bytes:
    """Turn base64 into bytes."""
    return base64.b64decode(text, validate=True)


def as_image(value: Any) -> Any:
    """Turn a picture, a base64 PNG (or JPEG) or nested lists, into an array of height, width and colours (uint8)."""
    import io

    import numpy as np

    try:
        if not isinstance(value, str):
            return np.array(value, dtype="uint8")
        from PIL import Image

        with Image.open(io.BytesIO(as_bytes(value))) as image:
            return np.array(image if image.mode in ("RGB", "RGBA") else image.convert("RGB"))
    except (ValueError, OSError, OverflowError, SyntaxError) as error:
        raise unfit(f"this is no picture: {error}") from error


def png(image: Any) -> str:
    """Return an array of height, width and colours (uint8) as a base64 PNG, which loses nothing."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def steady_batches(model: Any) -> Any:
    """Make `model.predict` run at 1, 2, 4, ... 32 rows, or in batches of 32: JAX compiles anew (0.15 s) for each size.

    Rows are padded with copies of the last one, and the answers to those are dropped. A call with more than one array
    of rows, or with options, goes to Keras's own `predict`.
    """
    import numpy as np

    keep_weights(model)
    if any(getattr(layer, "stateful", False) for layer in model.layers):
        return model  # what it answers depends on what it was asked before; such a model is left as it is
    predict = model.predict

    def padded(x: Any, *args: Any, **options: Any) -> Any:
        options.setdefault("verbose", 0)
        shape = getattr(x, "shape", None)
        if args or set(options) != {"verbose"} or not shape or shape[0] == 0:
            return predict(x, *args, **options)
        rows = np.asarray(x)
        count = len(rows)
        size = 1 << (count - 1).bit_length() if count <= 32 else -(-count // 32) * 32
        rows = np.concatenate([rows, np.repeat(rows[-1:], size - count, axis=0)])
        parts = [model.predict_on_batch(rows[at : at + 32]) for at in range(0, size, 32)]
        answer = parts[0]
        if isinstance(answer, (list, tuple)):
            return [np.concatenate([part[at] for part in parts])[:count] for at in range(len(answer))]
        if isinstance(answer, dict):
            return {key: np.concatenate([part[key] for part in parts])[:count] for key in answer}
        return np.concatenate(parts)[:count]

    object.__setattr__(model, "predict", padded)
    return model


def keep_weights(model: Any) -> Any:
    """Make a `model.predict` that fails leave the model as it was: Keras on JAX takes the weights out of it meanwhile, and does not put them back."""
    predict = model.predict

    def guarded(*args: Any, **options: Any) -> Any:
        before = [(variable, getattr(variable, "_value", None)) for variable in model.variables]
        try:
            return predict(*args, **options)
        except BaseException:
            for variable, value in before:
                if value is not None and getattr(variable, "_value", None) is None:
                    object.__setattr__(variable, "_value", value)
            raise

    object.__setattr__(model, "predict", guarded)
    return model


def plain(value: Any) -> Any:
    """Turn a value into what JSON can carry.

    Arrays and series become lists (a series labelled by strings becomes an object), tables become lists of rows,
    dates become ISO 8601 text, bytes become base64, and what is missing or not finite becomes null.

    Raises:
        TypeError: The value, or something in it, has no JSON form.

    >>> plain({"a": (1, float("nan")), 2: {"x"}})
    {'a': [1, None], '2': ['x']}
    """
    if value is None or isinstance(value, str) and type(value) is str or type(value) in (bool, int):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    return _foreign(value)


def _foreign(value: Any) -> Any:
    """The plain form of what numpy, pandas and other libraries return, told by what it can do."""
    kind = type(value)
    if hasattr(value, "columns") and hasattr(value, "iloc"):  # a DataFrame
        columns = [str(name) for name in value.columns]
        lists = [plain(list(value.iloc[:, place])) for place in range(len(columns))]
        return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)] if columns else []
    if hasattr(value, "iloc") and hasattr(value, "index"):  # a Series
        items = plain(list(value))
        labels = list(value.index)
        return (
            dict(zip(labels, items, strict=True))
            if labels and all(isinstance(label, str) for label in labels)
            else items
        )
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bool, int, float, str)):  # subclasses: numpy.float64, numpy.str_, IntEnum
        return plain(next(base for base in (bool, int, float, str) if isinstance(value, base))(value))
    if isinstance(value, decimal.Decimal):
        return plain(float(value))
    if kind.__module__ == "numpy" and kind.__name__.startswith("datetime64"):
        return None if str(value) == "NaT" else str(value)
    if kind.__module__ == "numpy" and value.__class__.__name__ == "ndarray" and value.dtype.kind in "mM":
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # arrays and scalars of numpy, jax, torch
        return plain(value.tolist())
    if hasattr(value, "numpy"):  # tensors
        return plain(value.numpy())
    raise TypeError(f"a {kind.__module__}.{kind.__qualname__} has no JSON form")
