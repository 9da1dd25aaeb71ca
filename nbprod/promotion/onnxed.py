"""A scikit-learn model that answers with onnxruntime.

Copied into services as `nbprod_onnx.py`. `predict`, `predict_proba` and `transform` run the ONNX file; everything else, and every
input that the file was not compared on (another width, other columns, what is not finite), goes to the scikit-learn model that it
was made from, which is read when it is first needed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ARTIFACTS = Path(__file__).parent / "artifacts"
METHODS = ("predict", "predict_proba", "transform")


def load(file: str, source: Callable[[], Any]) -> OnnxModel:
    """Read an ONNX file and what stands beside it (`FILE.json`); `source` reads the model that it was made from."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # more cost more than they give for a few rows
    options.log_severity_level = 3
    path = ARTIFACTS / file
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return OnnxModel(session, json.loads(path.with_name(f"{file}.json").read_text("utf-8")), source)


class OnnxModel:
    """Stands for the model: see the module."""

    def __init__(self, session: Any, about: Mapping[str, Any], source: Callable[[], Any]) -> None:
        import numpy as np

        self._np = np
        self._session, self._about, self._read = session, about, source
        self._outputs: Mapping[str, Mapping[str, Any]] = about["outputs"]
        self._lock = threading.Lock()
        self._model: Any = None
        self.classes_: Any
        for name, array in about["attributes"].items():
            setattr(self, name, np.array(array["values"], dtype=array["dtype"]))

    def predict(self, X: Any, *args: Any, **options: Any) -> Any:  # noqa: N803 - as scikit-learn calls it
        """Answer rows."""
        return self._answer("predict", X, args, options)

    def predict_proba(self, X: Any, *args: Any, **options: Any) -> Any:  # noqa: N803
        """Give the chances of each class."""
        return self._answer("predict_proba", X, args, options)

    def transform(self, X: Any, *args: Any, **options: Any) -> Any:  # noqa: N803
        """Transform rows."""
        return self._answer("transform", X, args, options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_model", "_lock", "_read"):
            raise AttributeError(name)
        return getattr(self._source(), name)

    def _source(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = self._read()
        return self._model

    def _answer(self, method: str, rows: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        output = self._outputs.get(method)
        given = self._given(rows) if output is not None and not args and not options else None
        if output is None or given is None:
            return getattr(self._source(), method)(rows, *args, **options)
        found = self._session.run([output["name"]], given)[0]
        found = found.reshape(found.shape[0], *output["shape"])
        if "largest" in output:
            found = self.classes_[found.argmax(axis=1)]
        return found if str(found.dtype) == output["dtype"] else found.astype(output["dtype"])

    def _given(self, rows: Any) -> dict[str, Any] | None:
        """Rows as the file takes them; None for such that it was not compared on."""
        about, np = self._about, self._np
        columns = getattr(rows, "columns", None)
        if columns is None:
            if about["features"] is None and isinstance(rows, np.ndarray) and rows.ndim == 2 and not about["mixed"]:
                return self._matrix(rows)
            return None
        if about["features"] is None or list(columns) != about["features"] or not len(rows):
            return None
        if not about["mixed"]:
            if not all(getattr(kind, "kind", "O") in "iufb" for kind in rows.dtypes):
                return None
            return self._matrix(rows.to_numpy())
        found = {}
        for place, kind in enumerate(about["mixed"]):
            column = rows.iloc[:, place]
            if kind == "str":
                if column.isna().any() or getattr(column.dtype, "kind", "O") in "iufbM":
                    return None
                values = column.to_numpy(dtype=object)
            else:
                if getattr(column.dtype, "kind", "O") not in "iufb":
                    return None
                values = column.to_numpy(dtype=kind)
                if not self._allowed(values):
                    return None
            found[f"c{place}"] = values.reshape(-1, 1)
        return found

    def _matrix(self, values: Any) -> dict[str, Any] | None:
        about, np = self._about, self._np
        if values.dtype.kind not in "iufb" or values.shape[1] != about["width"] or not len(values):
            return None
        with np.errstate(over="ignore"):
            for kind in about["casts"]:  # trees of scikit-learn compare in single precision, whatever they are given
                values = values.astype(kind)
        return {"X": np.ascontiguousarray(values)} if self._allowed(values) else None

    def _allowed(self, values: Any) -> bool:
        np = self._np
        return bool((~np.isinf(values)).all() if self._about["missing"] else np.isfinite(values).all())
