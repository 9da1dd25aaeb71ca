"""Converts the models of a version; a process of its own, since it runs the version's code: `python -m ...convert < ORDER`.

The last line that it prints is JSON: `files`, `tested` and `untested`, or `problem` and `fix`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nbprod.promotion.trees import graph

ROWS = 1000
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""How far an answer may be from the model's: files compute in single precision."""
NEEDED = {
    "onnx": ("onnx", "onnxruntime"),
    "litert": ("tensorflow",),
    "tfjs": ("tensorflow", "tensorflowjs"),
}

EXPORTERS = {"jax": ("jax2onnx",), "torch": ("onnxscript",), "tensorflow": ("tf2onnx",)}
"""What Keras needs to write ONNX, by its backend."""


class Refused(Exception):
    """A model cannot be converted; `fix` says what to do."""

    def __init__(self, problem: str, fix: str | None = None) -> None:
        super().__init__(problem)
        self.fix = fix


class Order:
    """What is asked for, and what is made of it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.kind: str = told["kind"]
        self.source, self.folder = Path(told["source"]), Path(told["folder"])
        self.values: Mapping[str, Mapping[str, Any]] = told["values"]
        self.about: Mapping[str, str] = told["about"]
        self.files: list[str] = []
        self.tested: list[str] = []
        self.untested: list[str] = []

    def run(self) -> None:
        """Convert every model that the version has."""
        lacking = [name for name in NEEDED[self.kind] if importlib.util.find_spec(name) is None]
        if lacking:
            raise Refused(f"{self.kind} needs {' and '.join(lacking)}", f"pip install {' '.join(lacking)}")
        refused: Refused | None = None
        for name, convert in self._models().items():
            try:
                convert()
            except Refused as error:
                refused = refused or error
                self.untested.append(f"{name} is not written: {error}")
        if refused is not None and not self.files:
            raise refused
        if not self.files:
            held = ", ".join(f"{name} ({value['type']})" for name, value in self.values.items()) or "none"
            wanted = "a model of scikit-learn or Keras" if self.kind == "onnx" else "a Keras model"
            raise Refused(f"{self.kind} is made from {wanted}, and none is among its values: {held}")

    def _models(self) -> dict[str, Callable[[], None]]:
        """Return how each model of the version is converted, by its name."""
        if self.kind == "onnx":
            code = self._code()  # first: it says by which backend Keras runs
        else:
            code = {}
            os.environ["KERAS_BACKEND"] = "tensorflow"  # what writes these formats
        found: dict[str, Callable[[], None]] = {}
        for name, told in self.values.items():
            value: Any = code.get(name)
            if type(value).__name__ == "OnnxModel":
                value = value._source()  # noqa: SLF001 - the model that it stands for
            if told["format"] == "keras":
                found[name] = partial(self._keras, name, self.source / "artifacts" / told["file"])
            elif type(value).__module__.startswith("sklearn.") and hasattr(value, "n_features_in_"):
                found[name] = partial(self._estimator, name, value)
        return found

    def _code(self) -> dict[str, Any]:
        """Return the variables of the version's own code, which reads its models."""
        sys.path.insert(0, str(self.source))
        found = re.search(r"self\.model = (\w+)", (self.source / "service.py").read_text("utf-8"))
        return vars(importlib.import_module(found[1] if found else "model"))

    def _estimator(self, name: str, model: Any) -> None:
        """Convert a model of scikit-learn, or take the file that its promotion chose, and compare it."""
        import onnx

        kept = self.source / "artifacts" / f"{name}.onnx"
        trees = graph(model)
        if kept.exists():
            converted = onnx.load(str(kept))
        elif trees is not None:
            converted = trees.model
        else:
            if importlib.util.find_spec("skl2onnx") is None:
                raise Refused("onnx needs skl2onnx for a model of scikit-learn", "pip install skl2onnx")
            converted = _converted(name, model)
        names = getattr(model, "feature_names_in_", None)
        features = {"features": json.dumps([str(one) for one in names])} if names is not None else {}
        path = self._write(name, converted, features)
        inputs = [one.name for one in converted.graph.input]
        if inputs != ["X"]:
            self.files.append(path.name)
            self.untested.append(
                f"{path.name}: it takes {len(inputs)} inputs of several types, and was compared when it was promoted"
            )
            return
        rows = self._rows(model.n_features_in_, names)
        self._compare(path, model, rows, {} if trees is None else trees.outputs)

    def _write(self, name: str, converted: Any, more: Mapping[str, str]) -> Path:
        import onnx

        onnx.helper.set_model_props(converted, {**self.about, "value": name, **more})
        converted.producer_name = "nbprod"
        onnx.checker.check_model(converted)  # shape inference refuses doubles that onnxruntime runs
        path = self.folder / f"{name}.onnx"
        onnx.save(converted, str(path))
        return path

    def _rows(self, width: int, names: Any) -> np.ndarray[Any, Any]:
        """Draw rows from what was seen in training, column by column, where the profile tells; else around zero."""
        generator = np.random.default_rng(0)
        rows = generator.normal(size=(ROWS, width))
        try:
            seen = json.loads((self.source / "profile.json").read_text("utf-8"))["features"]
        except (OSError, ValueError, KeyError):
            return rows
        for place, name in enumerate([] if names is None else names):
            quantiles = (seen.get(str(name)) or {}).get("quantiles")
            if quantiles:
                rows[:, place] = generator.choice(np.asarray(quantiles, dtype=float), ROWS)
        return rows

    def _compare(
        self, path: Path, model: Any, rows: np.ndarray[Any, Any], outputs: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Compare the file's outputs with the model's methods: `outputs` where it has those, else in skl2onnx's order."""
        session = _session(str(path))
        kind = np.float64 if "double" in session.get_inputs()[0].type else np.float32
        rows = rows.astype(np.float32).astype(kind)  # trees compare in single precision, whatever they are given
        given = _named(model, rows)
        methods = [name for name in ("predict", "predict_proba") if hasattr(model, name)] or ["transform"]
        names = [one.name for one in session.get_outputs()]
        if not outputs or not {about["name"] for about in outputs.values()} <= {*names}:
            outputs = {method: {"name": name} for method, name in zip(methods, names, strict=False)}
        for method, about in sorted(outputs.items()):
            answer = np.asarray(session.run([about["name"]], {"X": rows})[0])
            own = np.asarray(getattr(model, method)(given))
            if about.get("largest"):
                answer = model.classes_[answer.argmax(axis=1)]
            _agree(path, method, own, answer.reshape(own.shape))
        self.files.append(path.name)
        self.tested.append(
            f"{path.name}: onnxruntime answers {ROWS} rows as the model does ({', '.join(sorted(outputs))})"
        )

    def _keras(self, name: str, file: Path) -> None:
        import keras

        model = keras.saving.load_model(file, safe_mode=True)
        shape = model.inputs[0].shape
        if len(model.inputs) != 1 or None in shape[1:]:
            raise Refused(
                f"{name} takes {len(model.inputs)} inputs, of shape {shape}: one of a fixed shape can be converted"
            )
        rows = np.random.default_rng(0).normal(size=(ROWS, *shape[1:])).astype(np.float32)
        own = np.asarray(model(rows))  # a model that was just loaded must have been called before it is exported
        needed = EXPORTERS.get(keras.backend.backend(), ()) if self.kind == "onnx" else ()
        lacking = [one for one in needed if importlib.util.find_spec(one) is None]
        if lacking:
            raise Refused(
                f"a Keras model on {keras.backend.backend()} is exported by {' and '.join(lacking)}",
                f"pip install {' '.join(lacking)}",
            )
        try:
            getattr(self, f"_keras_{self.kind}")(name, model, rows, own)
        except Refused:
            raise
        except Exception as error:  # Keras and its exporters raise many kinds for layers that they do not know
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise Refused(f"Keras cannot export {name} as {self.kind}: {lines[0][:200]}") from error

    def _keras_onnx(self, name: str, model: Any, rows: np.ndarray[Any, Any], own: np.ndarray[Any, Any]) -> None:
        import onnx

        path = self.folder / f"{name}.onnx"
        model.export(str(path), format="onnx", verbose=False)
        self._write(name, onnx.load(str(path)), {})
        session = _session(str(path))
        _agree(path, "answer", own, session.run(None, {session.get_inputs()[0].name: rows})[0])
        self.files.append(path.name)
        self.tested.append(f"{path.name}: onnxruntime answers {ROWS} rows as the model does")

    def _keras_litert(self, name: str, model: Any, rows: np.ndarray[Any, Any], own: np.ndarray[Any, Any]) -> None:
        import tensorflow as tf

        path = self.folder / f"{name}.tflite"
        model.export(str(path), format="litert", verbose=False)
        interpreter = tf.lite.Interpreter(str(path))
        taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        interpreter.resize_tensor_input(taken, rows.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken, rows)
        interpreter.invoke()
        _agree(path, "answer", own, interpreter.get_tensor(given))
        self.files.append(path.name)
        self.tested.append(f"{path.name}: LiteRT's interpreter answers {ROWS} rows as the model does")

    def _keras_tfjs(self, name: str, model: Any, rows: np.ndarray[Any, Any], own: np.ndarray[Any, Any]) -> None:
        import tensorflowjs
        from tensorflowjs.converters.converter import convert

        saved = self.folder / f"{name}.saved"
        model.export(str(saved), format="tf_saved_model", verbose=False)
        convert(["--input_format=tf_saved_model", str(saved), str(self.folder / name)])
        self.files += [f"{name}/", f"{name}.saved/"]
        self.untested.append(f"{name}/: no browser has run it (tensorflowjs {tensorflowjs.__version__} converted it)")


def _converted(name: str, model: Any) -> Any:
    """Convert a model of scikit-learn, in double precision where onnxruntime can compute it."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    said = ""
    for kind in (DoubleTensorType, FloatTensorType):
        try:
            converted = to_onnx(
                model,
                initial_types=[("X", kind([None, model.n_features_in_]))],
                options=options,
                target_opset={"": 18, "ai.onnx.ml": 3},
            )
            _session(converted.SerializeToString())
        except Exception as error:  # noqa: BLE001  (skl2onnx and onnxruntime raise many kinds for what they cannot do)
            lines = str(error).strip().splitlines() or [type(error).__name__]
            said = said or lines[0][:200]
        else:
            return converted
    raise Refused(f"skl2onnx cannot convert {name} ({type(model).__name__}): {said}")


def _session(model: str | bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _named(model: Any, rows: np.ndarray[Any, Any]) -> Any:
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return rows
    import pandas as pd

    return pd.DataFrame(rows, columns=names)


def _agree(path: Path, method: str, own: np.ndarray[Any, Any], answer: np.ndarray[Any, Any]) -> None:
    """Remove a file and raise `Refused` where answers differ by more than single precision explains; a label may where two are as likely."""
    if own.dtype.kind in "fc":
        apart = ~np.isclose(own, answer, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        allowed = 0.0
    else:
        apart, allowed = own != answer, 0.001
    if apart.mean() > allowed:
        path.unlink()
        raise Refused(
            f"{path.name} does not answer as the model does: {apart.mean():.1%} of {len(own)} rows differ ({method})"
        )


def main() -> int:
    """Convert what standard input asks for."""
    order = Order(json.load(sys.stdin))
    told: dict[str, Any]
    try:
        order.run()
        told = {"files": order.files, "tested": order.tested, "untested": order.untested}
    except Refused as error:
        told = {"problem": str(error), "fix": error.fix}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
