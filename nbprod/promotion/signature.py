"""What a service takes: inferred from the values that were seen when the notebook ran.

Runs in the notebook's kernel environment (pandas and numpy are met there, never imported here).
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import inspect
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nbprod.promotion.identifiers import identifiers

SMALLEST = 8
"""Height and width from which an array of small numbers with three or four of each is taken for a picture."""
MAX_LISTED = 20
"""Distinct texts of a column that are listed in its description."""


@dataclass(frozen=True)
class Column:
    """A field of a row. `name` is the column's (or key's) own, `field` its Python identifier.

    `dtype` is the pandas dtype to restore; `low` and `high` are the extremes seen; `categories` are all values that a
    pandas categorical allows; `seen` are the texts seen, if they are few.
    """

    name: str | int
    field: str
    type: str
    dtype: str = ""
    nullable: bool = False
    low: Any = None
    high: Any = None
    categories: list[Any] | None = None
    ordered: bool = False
    seen: list[str] | None = None
    optional: bool = False
    """Whether the function gives the same answer without it (the label in a table of training data, say)."""
    nan: bool = False
    """Whether what is missing was NaN where Python has None (in a column of objects, in a dict)."""


@dataclass(frozen=True)
class Input:
    """An argument of the service. `dtype` is that of an array, or of a row that is a Series.

    `kind` says what the function gets: `frame` (a DataFrame, from a list of rows), `series` (one row as a Series),
    `record` (a dict), `records` (a list of dicts), `array` (an ndarray of `dtype`), `image` (an ndarray of height, width and
    colours, from a base64 PNG or nested lists), `bytes` (from base64) or `value` (JSON as it is).
    `type` is the annotation for `array` and `value`; `default` is a literal's text.
    """

    name: str
    kind: str
    type: str = "Any"
    columns: tuple[Column, ...] = ()
    dtype: str = ""
    width: int | None = None
    default: str | None = None


@dataclass(frozen=True)
class Signature:
    """The arguments, and the annotation of the answer of each route (`predict`, `predict_proba`)."""

    inputs: tuple[Input, ...]
    answers: Mapping[str, str] = field(default_factory=dict)
    doc: str = ""
    waits: bool = False
    """Whether the function is a coroutine function."""
    rowwise: bool = False
    """Whether it was seen to answer each row of its one table by itself, so that rows of several requests may be asked at once."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signature:
        """Read what `to_json` wrote."""
        inputs = tuple(
            Input(**{**item, "columns": tuple(Column(**column) for column in item["columns"])})
            for item in value["inputs"]
        )
        return cls(inputs, dict(value["answers"]), value["doc"], value["waits"], value.get("rowwise", False))


def infer_input(name: str, value: Any, annotation: Any, default: Any, reference: Any) -> Input:
    """Say what an argument is, from a value of it, its annotation, and a table that holds the training data (or None).

    Raises:
        TypeError: A service cannot take such a value over HTTP.
    """
    text = default_text(default)
    if is_frame(value):
        return Input(name, "frame", columns=_columns(value, reference))
    if is_series(value):
        return Input(name, "series", columns=_keys([dict(value.items())], reference), dtype=str(value.dtype))
    if isinstance(value, bytes | bytearray):
        return Input(name, "bytes", type="Base64Bytes")
    if is_image(value):
        return Input(name, "image", type="str | list[list[list[int]]]", dtype="uint8")
    if is_array(value):
        return _array(name, value)
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value) and _flat(value.values()):
        return Input(name, "record", columns=_keys([value], reference))
    if isinstance(value, list) and value and all(isinstance(item, dict) and _flat(item.values()) for item in value):
        return Input(name, "records", columns=_keys(value, reference))
    return Input(name, "value", type=_annotation(annotation) or describe(value), default=text)


def default_text(default: Any) -> str | None:
    """The literal of a parameter's default; None without one.

    A default that the notebook computed (`limit=best`) may be a number of NumPy: the service has it as Python's.
    """
    default = _scalar(default) if type(default).__module__ == "numpy" else default
    return repr(default) if default is not inspect.Parameter.empty and _is_literal(default) else None


def without(value: Any, name: Any) -> Any:
    """A table, dict or list of dicts without a column or key; None for anything else."""
    if is_frame(value):
        return value.drop(columns=[name])
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if key != name}
    if isinstance(value, list):
        return [{key: item for key, item in row.items() if key != name} for row in value]
    return None


def is_frame(value: Any) -> bool:
    """Whether it is a pandas DataFrame."""
    return type(value).__name__ == "DataFrame" and hasattr(value, "iloc")


def is_series(value: Any) -> bool:
    """Whether it is a pandas Series."""
    return type(value).__name__ == "Series" and hasattr(value, "iloc")


def is_index(value: Any) -> bool:
    """Whether it is a pandas Index."""
    return type(value).__name__.endswith("Index") and type(value).__module__.partition(".")[0] == "pandas"


def is_array(value: Any) -> bool:
    """Whether it is a NumPy array."""
    return type(value).__module__ == "numpy" and hasattr(value, "ndim") and hasattr(value, "tolist") and value.ndim > 0


def is_image(value: Any) -> bool:
    """Whether it is an array of height, width and colours (RGB or RGBA), and can be read from a PNG."""
    if not is_array(value) or str(value.dtype) != "uint8" or value.ndim != 3:
        return False
    height, width, colours = value.shape
    return colours in (3, 4) and min(height, width) >= SMALLEST and importlib.util.find_spec("PIL") is not None


def reference_for(value: Any, reference: Any) -> Any:
    """The training table when it has the columns of `value` with the same types, else `value` itself."""
    if reference is None or not is_frame(reference) or not set(value.columns) <= set(reference.columns):
        return value
    same = all(str(reference[name].dtype) == str(value[name].dtype) for name in value.columns)
    return reference if same else value


def answer_type(value: Any) -> str:
    """The annotation of an answer: exact for arrays and series, whose type does not change from call to call."""
    if is_frame(value):
        return "list[dict[str, Any]]"
    if is_array(value) or is_series(value):
        item = {"b": "bool", "i": "int", "u": "int", "f": "float | None", "U": "str"}.get(
            getattr(value.dtype, "kind", "O"), "Any"
        )
        labelled = is_series(value) and all(isinstance(label, str) for label in value.index)
        return f"dict[str, {item}]" if labelled else "list[" * value.ndim + item + "]" * value.ndim
    if isinstance(value, dict):
        kinds = {answer_type(item) for item in value.values()}
        inner = next(iter(kinds)) if len(kinds) == 1 else "Any"
        named = all(isinstance(key, str) for key in value)
        return f"dict[str, {inner}]" if named and inner.startswith(("list", "dict")) else "dict[str, Any]"
    if (
        isinstance(value, tuple)
        and value
        and any(is_array(item) or is_series(item) or is_frame(item) for item in value)
    ):
        kinds = {answer_type(item) for item in value}  # JSON has no tuples: it arrives as a list
        return f"list[{next(iter(kinds))}]" if len(kinds) == 1 else "list[Any]"
    # BentoML answers a `str` as plain text, in which "12" and 12 are the same
    return "str | None" if isinstance(value, str | bytes) else "Any"


def describe(value: Any) -> str:
    """The annotation of a plain value, wide enough for other numbers of its kind.

    >>> describe([[1, 2.5], [3, 4]]), describe({"a": "x"}), describe(3), describe([None, "a"])
    ('list[list[int | float]]', 'dict[str, str]', 'int | float', 'list[str | None]')
    """
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "float" if isinstance(value, float) else "int | float"
    if isinstance(value, str):
        return "str"
    if isinstance(value, (list, tuple)):
        return f"list[{_union(describe(item) for item in value) or 'Any'}]"
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return f"dict[str, {_union(describe(item) for item in value.values()) or 'Any'}]"
    raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__} cannot be sent over HTTP")


def _union(types: Iterable[str]) -> str:
    parts = list(dict.fromkeys(part for text in types for part in ([text] if "[" in text else text.split(" | "))))
    parts.sort(key=lambda part: part == "None")
    if len(parts) > 4:
        return "Any"
    return " | ".join(["int", "float", *(p for p in parts if p not in ("int", "float"))] if "int" in parts else parts)


def _annotation(annotation: Any) -> str | None:
    """The text of an annotation made of plain types only, else None."""
    if annotation in (int, float, str, bool):
        return str(annotation.__name__)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, dict) and args:
        inner = [_annotation(arg) for arg in args]
        return f"{origin.__name__}[{', '.join(filter(None, inner))}]" if all(inner) else None
    if origin is not None and type(None) in args and len(args) == 2:
        inner_text = _annotation(next(arg for arg in args if arg is not type(None)))
        return f"{inner_text} | None" if inner_text else None
    if origin is typing.Literal:
        return f"Literal[{', '.join(repr(arg) for arg in args)}]"
    return None


def _array(name: str, value: Any) -> Input:
    item = {"b": "bool", "i": "int", "u": "int", "f": "float", "U": "str"}.get(value.dtype.kind)
    if item is None:
        raise TypeError(f"an array of {value.dtype} cannot be sent over HTTP")
    if item == "float" and bool((value != value).any()):
        item = "float | None"
    annotation = item
    for size in reversed(value.shape[1:]):
        annotation = f"Annotated[list[{annotation}], Field(min_length={size}, max_length={size})]"
    dtype = "str" if value.dtype.kind == "U" else str(value.dtype)
    return Input(name, "array", f"list[{annotation}]", dtype=dtype, width=value.shape[1] if value.ndim > 1 else None)


def _columns(value: Any, reference: Any) -> tuple[Column, ...]:
    """The columns of a table: types and categories are its own, what was seen is of the training table where that is like it."""
    names = list(value.columns)
    if any(not isinstance(name, (str, int)) for name in names) or len({str(name) for name in names}) != len(names):
        raise TypeError("a table whose columns are not named by distinct texts or numbers cannot be sent over HTTP")
    seen = reference_for(value, reference)
    fields = identifiers(names)
    return tuple(_column(name, fields[name], seen[name], value[name].dtype) for name in names)


def _column(name: str | int, identifier: str, series: Any, dtype: Any = None) -> Column:
    dtype, missing = series.dtype if dtype is None else dtype, bool(series.isna().any())
    if hasattr(dtype, "categories"):
        categories = [_scalar(item) for item in dtype.categories]
        odd = next((type(item) for item in categories if type(item) not in (str, int, float, bool)), None)
        if odd is not None:
            raise TypeError(
                f"column {name!r}: its categories are of {odd.__module__}.{odd.__qualname__}; texts can be sent"
            )
        kind_text = "category" if categories else "None"
        return Column(name, identifier, kind_text, "category", missing, categories=categories, ordered=dtype.ordered)
    kind = getattr(dtype, "kind", "O")
    present = series.dropna()
    if kind == "b":
        return Column(name, identifier, "bool", str(dtype), missing)
    if kind in "iuf":
        low, high = (_scalar(present.min()), _scalar(present.max())) if len(present) else (None, None)
        return Column(name, identifier, "float" if kind == "f" else "int", str(dtype), missing, low, high)
    if kind == "M":
        low, high = (str(present.min()), str(present.max())) if len(present) else (None, None)
        return Column(name, identifier, "datetime", str(dtype), missing, low, high)
    values = list(present.head(100_000))
    nan = kind == "O" and str(dtype) == "object" and missing and all(map(_is_nan, series[series.isna()]))
    if all(isinstance(item, str) for item in values):
        distinct = sorted(set(values))
        seen = distinct if len(distinct) <= MAX_LISTED else None
        return Column(name, identifier, "str", str(dtype), missing, seen=seen, nan=nan)
    if all(type(item) is dt.date for item in values):
        return Column(name, identifier, "date", "object", missing, nan=nan)
    try:
        return Column(name, identifier, _union(describe(item) for item in values[:1000]), "object", missing, nan=nan)
    except TypeError as error:
        raise TypeError(f"column {name!r}: {error}") from None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _keys(rows: list[dict[str, Any]], reference: Any) -> tuple[Column, ...]:
    """The fields of dicts: from the training table's columns where it has them, else from the values."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    fields = identifiers(names)
    known = set(reference.columns) if is_frame(reference) else set()
    columns = []
    for name in names:
        values = [row.get(name) for row in rows]
        missing = any(value is None or value != value for value in values)
        seen = _column(name, fields[name], reference[name]) if name in known else None
        text = _union(describe(_scalar(value)) for value in values if value is not None and value == value) or "Any"
        nan = any(map(_is_nan, values)) or (
            seen is not None and seen.nullable and (seen.nan or seen.type == "float" or seen.dtype == "str")
        )
        columns.append(
            Column(
                name,
                fields[name],
                text,
                nullable=missing or bool(seen and seen.nullable),
                low=seen.low if seen else None,
                high=seen.high if seen else None,
                seen=seen.seen if seen else None,
                nan=nan,
            )
        )
    return tuple(columns)


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and not isinstance(value, (str, bytes)) else value


def _flat(values: Iterable[Any]) -> bool:
    return all(value is None or isinstance(_scalar(value), (bool, int, float, str)) for value in values)


def _is_literal(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return all(_is_literal(item) for item in value)
    return value is None or isinstance(value, (bool, int, str))


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name, with annotations resolved where they can be.

    Raises:
        TypeError: It takes `*args` or `**kwargs`, whose names nobody can know.
    """
    found = dict(inspect.signature(function).parameters)
    open_ended = [p.name for p in found.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if open_ended:
        raise TypeError(f"its argument {open_ended[0]!r} stands for any number of arguments; name each of them")
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):
        hints = {}
    return {name: p.replace(annotation=hints.get(name, p.annotation)) for name, p in found.items()}
