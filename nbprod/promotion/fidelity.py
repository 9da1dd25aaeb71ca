"""Whether a value that was read back is the one that was stored, part by part.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from nbprod.promotion.signature import is_array, is_frame, is_index, is_series

_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.MethodType)
_ATOMS = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice)
_PLAIN = getattr(object, "__getstate__", None)


def lost(before: Any, after: Any) -> str | None:
    """Say what of a value is another in what was read back, None if nothing is. What cannot be looked into is taken for the same.

    >>> class Words(dict): unknown = 0
    >>> words = Words(a=1)
    >>> words.unknown = 9
    >>> lost(words, Words(a=1)), lost([1, (2.0,)], [1, [2.0]]), lost({"a": [float("nan")]}, {"a": [float("nan")]})
    ('.unknown is lost', '[1] becomes a list', None)
    """
    try:
        return _lost(before, after, "", {})
    except RecursionError:
        return None


def _lost(before: Any, after: Any, path: str, seen: dict[tuple[int, int], Any]) -> str | None:
    key = (id(before), id(after))
    if before is after or key in seen:
        return None
    if type(before) is not type(after):
        return f"{path or 'it'} becomes a {type(after).__name__}"
    seen[key] = (before, after)  # kept, so that their ids stay theirs
    if isinstance(before, _NAMED):
        same = _name(before) == _name(after)
    elif is_frame(before) or is_series(before) or is_index(before):
        same = bool(before.equals(after))
    elif is_array(before):
        return _array(before, after, path, seen)
    elif type(before).__module__.startswith("scipy.sparse"):  # what it has found out about itself is no part of it
        same = before.shape == after.shape and before.dtype == after.dtype and (before != after).nnz == 0
    elif isinstance(before, Mapping):
        if list(map(str, before)) != list(map(str, after)):
            return f"{path or 'it'} has other keys"
        pairs = zip(before.items(), after.items(), strict=True)
        inner = (
            _lost(a, b, f"{path}[{k!r}]", seen) or _lost(k, n, f"{path} key {k!r}", seen) for (k, a), (n, b) in pairs
        )
        return next(filter(None, inner), None) or _state(before, after, path, seen)
    elif isinstance(before, list | tuple):
        if len(before) != len(after):
            return f"{path or 'it'} has {len(after)} items in the place of {len(before)}"
        parts = (_lost(a, b, f"{path}[{at}]", seen) for at, (a, b) in enumerate(zip(before, after, strict=True)))
        return next(filter(None, parts), None) or _state(before, after, path, seen)
    elif isinstance(before, (*_ATOMS, set, frozenset)):
        same = bool(before == after) or (before != before and after != after)
        if same and type(before) not in (*_ATOMS, set, frozenset):
            return _state(before, after, path, seen)
    else:
        return _state(before, after, path, seen)
    return None if same else f"{path or 'it'} is another value"


def _state(before: Any, after: Any, path: str, seen: dict[tuple[int, int], Any]) -> str | None:
    """Compare what objects hold: what they say themselves that their state is, else their attributes, else how they are pickled."""
    own = getattr(type(before), "__getstate__", None)
    try:
        if own is not None and own is not _PLAIN:
            return _lost(before.__getstate__(), after.__getstate__(), path, seen)
        if hasattr(before, "__dict__"):
            one, other = vars(before), vars(after)
            gone = next((name for name in one if name not in other), None)
            if gone is not None:
                return f"{path}.{gone} is lost"
            return next(filter(None, (_lost(one[name], other[name], f"{path}.{name}", seen) for name in one)), None)
        if isinstance(before, list | tuple | dict | set | frozenset | _ATOMS):
            return None
        one_way, other_way = before.__reduce_ex__(2), after.__reduce_ex__(2)
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001 - it cannot be looked into
        return None
    if not isinstance(one_way, tuple) or not isinstance(other_way, tuple):
        return None
    return _lost(one_way[:3], other_way[:3], path, seen)


def _array(before: Any, after: Any, path: str, seen: dict[tuple[int, int], Any]) -> str | None:
    import numpy as np

    if before.dtype != after.dtype or before.shape != after.shape:
        return f"{path or 'it'} becomes {after.dtype}{after.shape}"
    if before.dtype.names:
        fields = (_array(before[name], after[name], f"{path}[{name!r}]", seen) for name in before.dtype.names)
        return next(filter(None, fields), None)
    if before.dtype.hasobject:
        return _lost(before.tolist(), after.tolist(), path, seen)
    same = np.array_equal(before, after, equal_nan=before.dtype.kind in "fcmM")
    return None if same else f"{path or 'it'} has other values"


def _name(value: Any) -> tuple[Any, ...]:
    return getattr(value, "__module__", None), getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
