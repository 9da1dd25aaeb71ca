"""Whether a scikit-learn model of a service is better run by onnxruntime: converted, compared and timed.

ONNX is chosen for a model only if its answers and the serve function's are those of the model itself, on a thousand rows and more,
edge cases among them, and if it is faster at one row and at 32. The model itself stays beside it.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import copy
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbprod.promotion import onnxed
from nbprod.promotion.agreement import ABSOLUTE, RELATIVE, difference
from nbprod.promotion.edges import matrix_of, rows_of
from nbprod.promotion.signature import is_array, is_frame
from nbprod.promotion.standins import Recorder, Shifted
from nbprod.promotion.trees import SINGLE, graph

ROWS = 1000
FEW = 30
"""Rows that must have been seen at least."""
TIMED = (1, 32)
SECONDS = 0.08
"""Of timing each of them."""
TREES = "float64 trees"
"""The precision of ensembles of trees that `trees` has written; skl2onnx writes them in single precision."""
VOTING = ("sklearn.tree._classes", "sklearn.ensemble._forest")


class Kept(Exception):
    """The model is better served as it is; the message says why."""


def missing() -> str | None:
    """Say which package is not there that conversion needs."""
    import importlib.util

    lacking = [name for name in ("skl2onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    return f"the kernel has no {' and no '.join(lacking)}" if lacking else None


def is_model(value: Any) -> bool:
    """Whether it is a fitted object of scikit-learn that answers or transforms."""
    return type(value).__module__.startswith("sklearn.") and any(hasattr(value, name) for name in onnxed.METHODS)


def convert(
    name: str,
    model: Any,
    namespace: dict[str, Any],
    ask: Callable[[Any], Any],
    rows: Sequence[Any],
    expected: Sequence[Any],
    folder: Path,
    source: Callable[[], Any],
    tables: Sequence[Any] = (),
) -> dict[str, Any]:
    """Write `NAME.onnx` and what `onnxed` needs besides into `folder` if ONNX is better; return the figures. Raises `Kept`.

    `ask` asks the serve function, in whose `namespace` the model has its name, for rows and gives a plain answer; `rows` are several of
    such, and `expected` the answers; `source` reads the stored model; `tables` are values of the run that may hold more rows like those it is asked. In the end the namespace holds what is chosen, so
    that models that are converted one after the other are compared together.
    """
    recorder = Recorder(model)
    _asked(namespace, name, recorder, ask, rows)
    if not recorder.asked:
        raise Kept("the function does not ask it for a table or an array of rows")
    shown = max(recorder.asked.values(), key=len)
    if is_array(shown) and (shown.ndim != 2 or shown.dtype.kind not in "iufb"):
        raise Kept(f"it is asked an array of {shown.dtype}")
    shown = _extended(shown, tables)
    if len(shown) < FEW:
        raise Kept(f"only {len(shown)} rows are known on which it could be compared")
    tested, with_missing = rows_of(model, shown, list(recorder.asked), ROWS)
    problem = "skl2onnx does not know it"
    for precision in (TREES, "float64", "float32"):
        try:
            write = _write_trees if precision == TREES else _write
            written = write(name, model, shown, list(recorder.asked), tested, precision, with_missing, folder)
            made = _loaded(folder, f"{name}.onnx", source)
        except Kept as error:
            problem = str(error) or problem
            continue
        except Exception as error:  # noqa: BLE001 - skl2onnx and onnxruntime raise many kinds for what they cannot do
            lines = str(error).strip().splitlines()
            problem = f"it cannot be converted: {type(error).__name__}: {lines[0][:200] if lines else ''}"
            continue
        try:
            largest = max(_compare(method, model, made, tested) for method in recorder.asked)
            for given, answer in zip(rows, expected, strict=True):
                got = _asked(namespace, name, made, ask, [given])[0]
                if (found := difference(answer, got)) is not None:
                    raise Kept(f"the function's answers differ{found.replace('from the service', 'with ONNX')}")
            _check_amplified(namespace, name, model, ask, rows, expected, largest)
            times = _times(model, made, shown, list(recorder.asked))
        except Kept as error:
            problem = str(error)
            continue
        namespace[name] = made
        return {
            "rows": len(tested),
            "largest_difference": largest,
            "precision": precision,
            "ms": times,
            "methods": sorted(recorder.asked),
            "file": written,
        }
    for path in folder.glob(f"{name}.onnx*"):
        path.unlink()
    raise Kept(problem)


def _asked(
    namespace: dict[str, Any], name: str, stand_in: Any, ask: Callable[[Any], Any], rows: Sequence[Any]
) -> list[Any]:
    """What the function answers to rows with something else in the model's place."""
    model = namespace[name]
    namespace[name] = stand_in
    try:
        return [ask(given) for given in rows]
    except Exception as error:  # the author's code, with something else than the model
        raise Kept(f"the function fails with it: {type(error).__name__}: {error}") from error
    finally:
        namespace[name] = model


def _extended(shown: Any, tables: Sequence[Any]) -> Any:
    """The rows that were seen, or as many as a value of the run has that is like them, if those are more."""
    for table in tables:
        if len(shown) >= ROWS:
            break
        if is_frame(shown) and is_frame(table) and set(shown.columns) <= set(table.columns) and len(table) > len(shown):
            found = table[list(shown.columns)].iloc[:ROWS]
            shown = found if (found.dtypes == shown.dtypes).all() else shown
        elif is_array(shown) and is_array(table) and table.shape[1:] == shown.shape[1:] and len(table) > len(shown):
            shown = table[:ROWS].astype(shown.dtype)
    return shown


def _check_amplified(
    namespace: dict[str, Any],
    name: str,
    model: Any,
    ask: Callable[[Any], Any],
    rows: Sequence[Any],
    expected: Sequence[Any],
    largest: float,
) -> None:
    """Raise `Kept` if the function makes a difference out of what is none: it rounds, or compares with a bound.

    A row in a thousand would then be answered otherwise, and the rows that are compared need not have it among them. So the model's own
    answers are made a little larger and smaller, all alike, by twice what ONNX was seen to differ.
    """
    for sign in (1, -1) if largest > 0 else ():
        shifted = Shifted(model, 1 + sign * min(2 * largest, RELATIVE / 2))
        for answer, got in zip(expected, _asked(namespace, name, shifted, ask, rows), strict=True):
            if (found := difference(answer, got)) is not None:
                told = found.replace("from the service", "if the model answers a little differently")
                raise Kept(f"the function makes much of small differences, as rounding does:{told}")


def _write(
    name: str,
    model: Any,
    shown: Any,
    methods: Sequence[str],
    tested: Any,
    precision: str,
    with_missing: bool,
    folder: Path,
) -> str:
    import numpy as np
    from onnx import TensorProto
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    number = DoubleTensorType if precision == "float64" else FloatTensorType
    mixed = []
    if is_frame(shown) and not all(getattr(kind, "kind", "O") in "iufb" for kind in shown.dtypes):
        mixed = ["str" if getattr(kind, "kind", "O") not in "iufb" else precision for kind in shown.dtypes]
        types = [
            (f"c{at}", StringTensorType([None, 1]) if kind == "str" else number([None, 1]))
            for at, kind in enumerate(mixed)
        ]
    else:
        types = [("X", number([None, shown.shape[1]]))]
    converted_from = _renamed(model, shown) if mixed else model
    options = {id(converted_from): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = to_onnx(
            converted_from,
            initial_types=types,
            options=options,
            target_opset={"": 18, "ai.onnx.ml": 3},
        )
    if type(model).__module__ in SINGLE:
        # what onnxruntime gives for trees is in single precision whatever goes in; skl2onnx declares it otherwise
        for output in converted.graph.output:
            if output.type.tensor_type.elem_type == TensorProto.DOUBLE:
                output.type.tensor_type.elem_type = TensorProto.FLOAT
    names = [output.name for output in converted.graph.output]
    answers = {method: np.asarray(getattr(model, method)(tested[:4])) for method in methods}
    places = {"predict": 0, "transform": 0, "predict_proba": 1}
    outputs: dict[str, dict[str, Any]] = {
        method: {"name": names[places[method]], "dtype": str(answer.dtype), "shape": list(answer.shape[1:])}
        for method, answer in answers.items()
    }
    if type(model).__module__ in VOTING and "predict" in outputs and hasattr(model, "predict_proba"):
        # scikit-learn takes the first of equal chances, which are equal in single precision, and not in onnxruntime's own sums
        outputs["predict"] |= {"name": names[1], "shape": [len(model.classes_)], "largest": True}
    single = type(model).__module__ in SINGLE and precision == "float64"
    casts = ["float32", "float64"] if single else [precision]
    return _save(name, model, shown, converted, outputs, mixed, casts, with_missing, folder)


def _write_trees(
    name: str,
    model: Any,
    shown: Any,
    methods: Sequence[str],
    tested: Any,
    precision: str,
    with_missing: bool,
    folder: Path,
) -> str:
    import numpy as np

    made = graph(model)
    if made is None or not made.outputs.keys() >= {*methods}:
        raise Kept("")  # skl2onnx may know it
    if is_frame(shown) and not all(getattr(kind, "kind", "O") in "iufb" for kind in shown.dtypes):
        raise Kept("")
    types = {method: str(np.asarray(getattr(model, method)(tested[:4])).dtype) for method in methods}
    outputs = {method: {**made.outputs[method], "dtype": types[method]} for method in methods}
    casts = ["float32", "float64"] if made.single else ["float64"]
    return _save(name, model, shown, made.model, outputs, [], casts, with_missing, folder)


def _save(
    name: str,
    model: Any,
    shown: Any,
    converted: Any,
    outputs: Mapping[str, Mapping[str, Any]],
    mixed: Sequence[str],
    casts: Sequence[str],
    with_missing: bool,
    folder: Path,
) -> str:
    attributes = {}
    for attribute in ("classes_", "feature_names_in_"):
        value: Any = getattr(model, attribute, None)
        if is_array(value) and value.ndim == 1 and value.dtype.kind in "biufUO" and len(value) <= 1000:
            if all(isinstance(item, str | int | float | bool) for item in value.tolist()):
                attributes[attribute] = {"dtype": str(value.dtype), "values": value.tolist()}
    about = {
        "features": list(shown.columns) if is_frame(shown) else None,
        "width": shown.shape[1],
        "mixed": mixed,
        "casts": casts,
        "missing": with_missing,
        "outputs": outputs,
        "attributes": attributes,
    }
    (folder / f"{name}.onnx").write_bytes(converted.SerializeToString())
    (folder / f"{name}.onnx.json").write_text(json.dumps(about), "utf-8")
    return f"{name}.onnx"


def _renamed(model: Any, shown: Any) -> Any:
    """A copy of a pipeline whose column transformer takes its columns by place: ONNX inputs have names of their own."""
    import numpy as np

    copied = copy.deepcopy(model)
    places = {column: f"c{at}" for at, column in enumerate(shown.columns)}
    parts = [part for _, part in getattr(copied, "steps", [("", copied)])]
    for part in parts:
        for attribute in ("transformers", "transformers_"):
            known = getattr(part, attribute, None)
            if known is None:
                continue
            renamed = []
            for label, transformer, columns in known:
                if not all(isinstance(column, str) for column in columns):
                    raise Kept("its columns are not chosen by name")
                renamed.append((label, transformer, [places[column] for column in columns]))
            setattr(part, attribute, renamed)
        if hasattr(part, "feature_names_in_"):
            part.feature_names_in_ = np.array(
                [places.get(column, column) for column in part.feature_names_in_], dtype=object
            )
    return copied


def _loaded(folder: Path, file: str, source: Callable[[], Any]) -> onnxed.OnnxModel:
    before, onnxed.ARTIFACTS = onnxed.ARTIFACTS, folder
    try:
        return onnxed.load(file, source)
    finally:
        onnxed.ARTIFACTS = before


def _compare(method: str, model: Any, made: onnxed.OnnxModel, tested: Any) -> float:
    """Return the largest relative difference. Raises `Kept` for one beyond the tolerance, or one label that is another."""
    import numpy as np

    expected = getattr(model, method)(tested)
    if not is_array(expected):
        raise Kept(f"its {method} gives a {type(expected).__name__}")
    if made._given(tested) is None:  # noqa: SLF001 - whether it would answer by itself
        raise Kept("its rows are not of the kind that it was converted for")
    got = getattr(made, method)(tested)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise Kept(f"its {method} gives {got.dtype}{got.shape} in the place of {expected.dtype}{expected.shape}")
    if expected.dtype.kind != "f":
        if (got != expected).any():
            raise Kept(f"{int((got != expected).sum())} of {len(tested)} labels are other ones")
        return 0.0
    if not np.array_equal(np.isfinite(got), np.isfinite(expected)):
        raise Kept("its answers are not finite where the model's are")
    finite = np.isfinite(expected)
    gap = np.abs(got - expected)[finite]
    if gap.size == 0:
        return 0.0
    scale = np.maximum(np.abs(got), np.abs(expected))[finite]
    if (gap > np.maximum(RELATIVE * scale, ABSOLUTE)).any():
        raise Kept(f"its answers differ by up to {float(gap.max()):.3g}")
    return float((gap / np.maximum(scale, ABSOLUTE)).max())


def _times(model: Any, made: onnxed.OnnxModel, shown: Any, methods: Sequence[str]) -> dict[str, dict[str, float]]:
    """The milliseconds of both for a row and for 32. Raises `Kept` where ONNX is not faster."""
    found = {}
    for count in TIMED:
        rows = matrix_of(shown, count)
        own = sum(_milliseconds(getattr(model, method), rows) for method in methods)
        other = sum(_milliseconds(getattr(made, method), rows) for method in methods)
        if other >= own:
            raise Kept(
                f"it is not faster at {count} row{'s' if count > 1 else ''}: {other:.3g} ms, the model {own:.3g} ms"
            )
        found[str(count)] = {"source": round(own, 4), "onnx": round(other, 4)}
    return found


def _milliseconds(function: Callable[[Any], Any], rows: Any) -> float:
    """The least of several calls: what else the machine does only adds."""
    function(rows)
    best, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        began = time.perf_counter()
        function(rows)
        best = min(best, time.perf_counter() - began)
    return best * 1000
