"""How the values that a service needs are stored: in formats that hold data, not code.

Runs in the notebook's kernel environment. Each `Stored` says how generated code reads the value back.
"""

from __future__ import annotations

import ast
import errno
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbprod.promotion.fidelity import lost
from nbprod.promotion.signature import is_array, is_frame, is_index, is_series

TRUSTED_PACKAGES = frozenset({"sklearn", "numpy", "scipy", "pandas", "imblearn", "xgboost", "lightgbm", "catboost"})
"""Packages whose types skops may build in a service. What else a file names must be defined by the notebook itself."""
TRUSTED_TYPES = frozenset(
    {"datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone"}
    | {"builtins.frozenset", "builtins.range", "collections.Counter", "collections.deque"}
    | {"decimal.Decimal", "fractions.Fraction", "functools.partial", "uuid.UUID"}
)
"""Types of the standard library that hold data only."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
INLINE = 500
"""Longest literal that is written into the generated code instead of a file."""


@dataclass(frozen=True)
class Stored:
    """A value as the service will read it: `code` is the expression, `file` where its data is, if anywhere."""

    name: str
    format: str
    code: str
    file: str | None = None
    type: str = ""
    packages: tuple[str, ...] = ()
    """Top-level modules that reading it needs."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


class Unstorable(Exception):
    """A value has no safe format; the message says why."""


def store(name: str, value: Any, folder: Path, module: str, owned: frozenset[str], allow_pickle: bool) -> Stored:
    """Write `value` into `folder` in the safest format that carries it, checked by reading it back.

    `owned` are the top-level modules that the service ships itself (the notebook's definitions under `module`, and
    modules beside the notebook). Raises `Unstorable`.
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    text = literal(value)
    if text is not None and len(text) <= INLINE:
        return Stored(name, "literal", quoted(value), type=kind)
    if text is not None:  # skops would make a file entry of each number
        file = f"{name}.txt"
        (folder / file).write_text(text, "utf-8")
        return Stored(name, "literal", f'nbprod_support.load_literal("{file}")', file, kind)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 and value.dtype.kind in "biufU":
        return Stored(
            name, "literal", f'nbprod_support.scalar({quoted(value.item())}, "{value.dtype}")', None, kind, ("numpy",)
        )
    if is_array(value) and type(value).__name__ == "ndarray" and not value.dtype.hasobject:
        return _array(name, value, folder, kind)
    if type(value) is float:  # not finite, else it were a literal
        return Stored(name, "literal", f'float("{value}")', type=kind)
    if is_frame(value) or is_series(value) or is_index(value):
        return _table(name, value, folder, kind, allow_pickle)
    if hasattr(value, "n_jobs") and hasattr(value, "get_params"):
        value = single_threaded(value)
    if is_keras_model(value):
        return _keras(name, value, folder, kind, module)
    try:
        return _skops(name, value, folder, kind, module, owned)
    except Unstorable:
        if not allow_pickle:
            raise
    return _pickle(name, value, folder, kind)


def literal(value: Any) -> str | None:
    """The Python literal that gives exactly this plain value back, or None.

    >>> literal({"a": (1, 2.5)}), literal(float("nan"))
    ("{'a': (1, 2.5)}", None)
    """
    if not _exactly_plain(value):
        return None
    text = repr(value)
    try:
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        return None
    return text if same else None


def quoted(value: Any) -> str:
    """The literal of a value, texts in double quotes where that is the same text.

    >>> print(quoted("a"), quoted({"b": ["c", 1]}), quoted('say "x"'))
    "a" {"b": ["c", 1]} 'say "x"'
    """
    if isinstance(value, str):
        return repr(value) if '"' in value or "'" in value or "\\" in repr(value) else f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {quoted(item)}" for key, item in value.items()) + "}"
    return repr(value)


def _exactly_plain(value: Any) -> bool:
    if value is None or type(value) in (bool, int, float, str, bytes):
        return True
    if type(value) in (list, tuple, set):
        return all(_exactly_plain(item) for item in value)
    return type(value) is dict and all(_exactly_plain(k) and _exactly_plain(v) for k, v in value.items())


def single_threaded(estimator: Any) -> Any:
    """A copy with every `n_jobs` set to 1: starting threads for a row costs four times the prediction."""
    import copy

    settings = {key: 1 for key in estimator.get_params(deep=True) if key.split("__")[-1] == "n_jobs"}
    copied = copy.deepcopy(estimator)
    copied.set_params(**settings)
    for part in _parts(copied):
        part.n_jobs = 1
    return copied


def _parts(estimator: Any) -> list[Any]:
    """The fitted estimators inside one, which `set_params` does not reach."""
    found = []
    for key, part in vars(estimator).items():
        if key.endswith("_"):
            inner = part if isinstance(part, list) else list(part.ravel()) if is_array(part) else [part]
            found += [item for item in inner if hasattr(item, "get_params") and hasattr(item, "n_jobs")]
    return found


def _array(name: str, value: Any, folder: Path, kind: str) -> Stored:
    import numpy as np

    file = f"{name}.npy"
    np.save(folder / file, value, allow_pickle=False)
    return Stored(name, "npy", f'nbprod_support.load_array("{file}")', file, kind, ("numpy",))


def _table(name: str, value: Any, folder: Path, kind: str, allow_pickle: bool) -> Stored:
    import pandas as pd

    file = f"{name}.parquet"
    path = folder / file
    try:
        table = (
            value
            if is_frame(value)
            else value.to_frame(name="values", **({} if is_series(value) else {"index": False}))
        )
        table.to_parquet(path)
        read = pd.read_parquet(path)
        if is_frame(value):
            code = f'nbprod_support.load_table("{file}")'
            pd.testing.assert_frame_equal(read, value, check_exact=True)
        elif is_series(value):
            code = f'nbprod_support.load_table("{file}")["values"].rename({quoted(value.name)})'
            pd.testing.assert_series_equal(read["values"].rename(value.name), value, check_exact=True)
        else:
            code = f'nbprod_support.load_index("{file}", {quoted(value.name)})'
            pd.testing.assert_index_equal(pd.Index(read["values"], name=value.name), value, exact=True)
    except Exception as error:  # whatever the writer or the comparison raises, the value does not survive the format
        _check_disk(error)
        path.unlink(missing_ok=True)
        if not allow_pickle:
            raise Unstorable(f"it does not come back from Parquet as it was: {_line(error)}") from error
        return _pickle(name, value, folder, kind)
    return Stored(name, "parquet", code, file, kind, ("pandas", "pyarrow"))


def is_keras_model(value: Any) -> bool:
    """Whether it is a model of Keras."""
    return any(c.__module__.startswith("keras.") and c.__name__ == "Model" for c in type(value).__mro__)


def _keras(name: str, value: Any, folder: Path, kind: str, module: str) -> Stored:
    import keras

    file = f"{name}.keras"
    try:
        value.save(folder / file)
        own = sorted(_keras_classes(folder / file, module))
        import sys

        custom = {item: getattr(sys.modules[module], item) for item in own}
        keras.saving.load_model(folder / file, custom_objects=custom, safe_mode=True)
    except Exception as error:  # Keras raises many kinds, with texts that explain themselves
        _check_disk(error)
        (folder / file).unlink(missing_ok=True)
        raise Unstorable(f"Keras cannot save and load it in its safe format: {_line(error)}") from error
    custom_code = ", custom_objects={" + ", ".join(f'"{item}": {item}' for item in own) + "}" if own else ""
    backend = keras.backend.backend()
    return Stored(name, "keras", f'nbprod_support.load_keras("{file}"{custom_code})', file, kind, ("keras", backend))


def _keras_classes(path: Path, module: str) -> set[str]:
    """The notebook's own classes that a `.keras` file refers to."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    found: set[str] = set()

    def visit(item: Any) -> None:
        if isinstance(item, dict):
            if item.get("module") in (module, "__main__") or (
                item.get("module") is None and item.get("registered_name")
            ):
                found.add(str(item["class_name"]).rpartition(">")[2])
            for inner in item.values():
                visit(inner)
        elif isinstance(item, list):
            for inner in item:
                visit(inner)

    visit(config)
    import sys

    return {item for item in found if hasattr(sys.modules[module], item)}


def _skops(name: str, value: Any, folder: Path, kind: str, module: str, owned: frozenset[str]) -> Stored:
    try:
        import skops.io
    except ImportError as error:
        raise Unstorable("the notebook's kernel has no skops, in which models are stored; install it there") from error
    file = f"{name}.skops"
    path = folder / file
    try:
        skops.io.dump(value, path)
        unknown = sorted(skops.io.get_untrusted_types(file=path))
        known = TRUSTED_PACKAGES | owned
        foreign = [item for item in unknown if item.partition(".")[0] not in known and item not in TRUSTED_TYPES]
        if foreign:
            raise Unstorable(f"it holds {', '.join(foreign)}, which nbprod does not trust to be rebuilt from a file")
        gone = lost(value, skops.io.load(path, trusted=unknown))
        if gone is not None:
            raise Unstorable(f"skops does not give it back as it was: {gone}")
    except Unstorable:
        path.unlink(missing_ok=True)
        raise
    except Exception as error:  # skops raises what the object's own code raises
        _check_disk(error)
        path.unlink(missing_ok=True)
        raise Unstorable(f"skops cannot save and load it: {_line(error)}") from error
    modules = _skops_packages(path)
    if "__main__" in modules:
        path.unlink()
        raise Unstorable(
            "it holds a function or class that exists only in the notebook's memory; give it a name of its own"
        )
    packages = sorted(modules - owned - {"builtins"})
    trust = f", trusted={json.dumps(unknown)}" if unknown else ""
    return Stored(name, "skops", f'nbprod_support.load_skops("{file}"{trust})', file, kind, ("skops", *packages))


def _skops_packages(path: Path) -> set[str]:
    """The top-level modules that a skops file names."""
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    found: set[str] = set()
    _walk(schema, lambda item: found.add(str(item["__module__"]).partition(".")[0]) if "__module__" in item else None)
    return found


def _walk(value: Any, visit: Callable[[dict[str, Any]], object]) -> None:
    if isinstance(value, dict):
        visit(value)
        for item in value.values():
            _walk(item, visit)
    elif isinstance(value, list):
        for item in value:
            _walk(item, visit)


def _pickle(name: str, value: Any, folder: Path, kind: str) -> Stored:
    file = f"{name}.pickle"
    try:
        data = pickle.dumps(value, protocol=5)
        pickle.loads(data)
    except Exception as error:  # pickling runs the object's own code
        _check_disk(error)
        raise Unstorable(f"not even pickle can save and load it: {_line(error)}") from error
    (folder / file).write_bytes(data)
    import pickletools

    strings = [arg for op, arg, _ in pickletools.genops(data) if isinstance(arg, str) and op.name.endswith("UNICODE")]
    import sys

    packages = sorted({s.partition(".")[0] for s in strings if s in sys.modules} - {"builtins"})
    return Stored(name, "pickle", f'nbprod_support.load_pickle("{file}")', file, kind, tuple(packages))


def _check_disk(error: Exception) -> None:
    """Let through that there is no room to write; that is no fault of the value."""
    if isinstance(error, OSError) and error.errno in FULL:
        raise error


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:400]
