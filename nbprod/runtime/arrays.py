"""NumPy arrays: which of them share memory, and how views stay views when they are saved together.

NumPy is never imported from here; when the user's code has not imported it, there is no array to save.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from typing import Any, Iterable, Sequence

SMALL = 1 << 14
"""Arrays below this many bytes are copied on load, so that they own their memory as in the kernel (`a.resize` needs it)."""


def extent(array: Any) -> tuple[int, int]:
    """Return the first address of an array's memory and the one behind its last."""
    low = high = array.__array_interface__["data"][0]
    if array.size == 0:
        return low, low
    for size, stride in zip(array.shape, array.strides):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + array.itemsize


def clusters(arrays: Iterable[tuple[Any, bool]]) -> list[list[Any]]:
    """Return the groups of arrays whose memory overlaps, each with at least two different ones.

    Each array comes with whether pandas copies it before it writes to it; two such arrays may overlap without
    anybody being able to tell.
    """
    spans = sorted(
        ((*extent(array), cow, index, array) for index, (array, cow) in enumerate(arrays)), key=lambda s: s[:4]
    )
    found: list[list[Any]] = []
    current: dict[int, Any] = {}
    end = -1
    plain = False
    for low, high, cow, _, array in [
        *spans,
        (sys.maxsize, sys.maxsize, True, -1, None),
    ]:  # the last one closes the list
        if low >= end:
            if plain and len(current) > 1:
                found.append(list(current.values()))
            current, plain = {}, False
        if low == high:
            continue
        current[id(array)] = array
        plain = plain or not cow
        end = max(end, high)
    return found


def roots(cluster: Sequence[Any]) -> dict[int, Any]:
    """Return, for each array of a cluster (by id), the array whose memory it is a view of; the root itself is left out."""
    numpy = sys.modules["numpy"]
    owners = {id(root): root for root in map(_root, cluster)}
    if len(owners) == 1:
        root = next(iter(owners.values()))
        dense = root.flags.c_contiguous or root.flags.f_contiguous
        if dense and not root.dtype.hasobject:
            return {id(array): root for array in cluster if array is not root}
        if root.dtype.hasobject:
            return {id(array): root for array in cluster if array is not root and _slices(root, array) is not None}
    if any(array.dtype.hasobject for array in cluster):
        return {}
    low = min(extent(array)[0] for array in cluster)
    high = max(extent(array)[1] for array in cluster)
    # The overlapping extents lie in one allocation, which the arrays keep alive.
    memory = (ctypes.c_char * (high - low)).from_address(low)
    root = numpy.frombuffer(memory, dtype=numpy.uint8)
    return {id(array): root for array in cluster}


def _root(array: Any) -> Any:
    numpy = sys.modules["numpy"]
    while isinstance(array.base, numpy.ndarray):
        array = array.base
    return array


def _slices(root: Any, array: Any) -> Any:
    """Return the index that takes `array` out of `root` by plain slicing, or None when there is none."""
    if array.ndim != root.ndim or array.dtype != root.dtype or array.size == 0:
        return None
    offset = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    index: list[slice] = []
    order = sorted(range(root.ndim), key=lambda axis: -abs(root.strides[axis]))
    starts = dict.fromkeys(order, 0)
    for axis in order:
        if root.strides[axis] <= 0:
            return None
        starts[axis], offset = divmod(offset, root.strides[axis])
    for axis in range(root.ndim):
        step, rest = divmod(array.strides[axis], root.strides[axis])
        if rest or step == 0:
            return None
        stop = starts[axis] + step * array.shape[axis]
        index.append(slice(starts[axis], None if stop < 0 else stop, step))
    taken = root[(..., *index)]  # with the dots it is an array even without dimensions
    same = taken.shape == array.shape and taken.strides == array.strides
    return tuple(index) if same and extent(taken) == extent(array) else None


def array_arguments(array: Any) -> tuple[Any, ...] | None:
    """Return what `make_array` takes for a large array whose memory can be mapped; None for another."""
    flags = array.flags
    if array.dtype.hasobject or array.dtype.itemsize == 0 or not (flags.c_contiguous or flags.f_contiguous):
        return None
    flat = (array if flags.c_contiguous else array.T).reshape(-1).view(sys.modules["numpy"].uint8)
    return pickle.PickleBuffer(flat), array.dtype, array.shape, "C" if flags.c_contiguous else "F"


def make_array(memory: Any, dtype: Any, shape: Any, order: str) -> Any:
    """Return an array over mapped memory; as one that owns its memory, it is the base of its views."""
    return sys.modules["numpy"].ndarray(shape, dtype, buffer=memory, order=order)


def view_arguments(array: Any, root: Any) -> tuple[Any, ...]:
    """Return what `make_view` takes."""
    offset = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    index = _slices(root, array) if root.dtype.hasobject else None
    masked = None
    if _is_masked(array):
        masked = {"mask": array.mask, "fill_value": array._fill_value, "hard_mask": array._hardmask}
    return (root, index, offset, array.shape, array.strides, array.dtype, array.flags.writeable, type(array), masked)


def _is_masked(array: Any) -> bool:
    return type(array) is sys.modules["numpy"].ma.MaskedArray


def can_be_view(array: Any) -> bool:
    """Return whether `make_view` makes arrays of this type: NumPy's own, and others that add nothing to save."""
    numpy = sys.modules["numpy"]
    if type(array) is numpy.ndarray or _is_masked(array):
        return True
    if type(array).__reduce__ is not numpy.ndarray.__reduce__:
        return False
    return type(array).__module__.partition(".")[0] == "numpy" or not getattr(array, "__dict__", None)


def make_view(
    root: Any, index: Any, offset: int, shape: Any, strides: Any, dtype: Any, writeable: bool, kind: Any, masked: Any
) -> Any:
    """Return an array over the memory of `root`."""
    numpy = sys.modules["numpy"]
    if index is not None:
        made = root[(..., *index)]
    else:
        memory = root if root.flags.c_contiguous else root.T
        made = numpy.ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)
    if not writeable:
        made.flags.writeable = False
    if masked is not None:
        return numpy.ma.MaskedArray(made, copy=False, **masked)
    return made if kind is numpy.ndarray else made.view(kind)


def copied_parts(value: Any) -> list[Any] | None:
    """Return what is inside a pandas manager, block, index or extension array and is copied before anybody writes to it.

    None when `value` is no such thing. Indexes are immutable; the rest is copied on write since pandas 3 (before, when that mode is on).
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not type(value).__module__.startswith("pandas"):
        return None
    if isinstance(value, pandas.Index):  # only what is there: some make their values when they are asked
        data = vars(value).get("_data")
        return [*(() if data is None else (data,)), *getattr(value, "codes", ())]
    if not copies_on_write(pandas):
        return None
    names = {name for kind in type(value).__mro__ for name in _HOLDERS.get(kind.__name__, ())}
    if not names:
        return None
    parts = [part for part in (getattr(value, name, None) for name in names) if part is not None]
    if "blocks" in names:
        return [block.values for block in value.blocks]
    return parts


_HOLDERS = {
    "BaseBlockManager": ("blocks",),
    "Block": ("values",),
    "ExtensionArray": ("_ndarray", "_data", "_mask", "_sparse_values", "_codes", "_left", "_right"),
}


def copies_on_write(pandas: Any) -> bool:
    """Return whether pandas copies before it writes."""
    if pandas.__version__.partition(".")[0] not in ("0", "1", "2"):
        return True
    try:
        return pandas.options.mode.copy_on_write is True
    except AttributeError:
        return False


def memmap_arguments(array: Any) -> tuple[Any, ...] | None:
    """Return what `make_memmap` takes for an array that is a whole mapped file; None when it must be saved by value."""
    numpy = sys.modules["numpy"]
    mode = getattr(array, "mode", None)
    if mode not in ("r", "r+", "w+") or array.filename is None or isinstance(array.base, numpy.ndarray):
        return None
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        return None
    if mode != "r":
        array.flush()
    order = "C" if array.flags.c_contiguous else "F"
    return (str(array.filename), array.dtype, "r" if mode == "r" else "r+", array.offset, array.shape, order)


def make_memmap(filename: str, dtype: Any, mode: str, offset: int, shape: Any, order: str) -> Any:
    """Map the file again."""
    return sys.modules["numpy"].memmap(filename, dtype=dtype, mode=mode, offset=offset, shape=shape, order=order)
