"""The Open Inference Protocol (`/v2`), by which KServe, Seldon and Triton clients call a model.

Each column of a table is an input tensor of its own, or all of them are one tensor of two dimensions; other arguments
are tensors by their names. Each route is an output; `predict` is what is asked without saying which. Tensors may be binary
(`binary`).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import binary

TABLES = ("frame", "records")
ROWS = ("series", "record")
CODED = ("bytes", "image")
"""What JSON brings as base64, and a binary tensor as it is."""
TYPES = {"float": "FP64", "int": "INT64", "bool": "BOOL", "int | float": "FP64"}
KNOWN = frozenset("BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BYTES".split())


class Refused(Exception):
    """A request that does not fit the protocol, or the model."""

    def __init__(self, what: str, status: int = 400) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """What a request asks: arguments by name, routes, those of them whose tensors are to be binary, and its id."""

    arguments: dict[str, Any]
    routes: list[str]
    binary: frozenset[str]
    ident: Any


class Tensors:
    """Translates between tensors and a model's own arguments and answers, by its signature (`signature.json`)."""

    def __init__(self, model: str, version: int, signature: Mapping[str, Any]) -> None:
        self.model, self.version = model, version
        self.inputs: list[Mapping[str, Any]] = list(signature["inputs"])
        self.routes = list(signature["answers"])
        self.answers: Mapping[str, str] = signature["answers"]

    def metadata(self) -> dict[str, Any]:
        """Return what the protocol tells of a model."""
        inputs = []
        for item in self.inputs:
            if item["kind"] in TABLES + ROWS:
                shape = [-1] if item["kind"] in TABLES else [1]
                inputs += [
                    {"name": str(one["name"]), "datatype": _datatype(one), "shape": shape} for one in item["columns"]
                ]
            else:
                inputs.append({"name": item["name"], "datatype": _array_type(item), "shape": _array_shape(item)})
        outputs = [
            {"name": route, "datatype": _answer_type(text), "shape": [-1] * max(1, text.count("list["))}
            for route, text in self.answers.items()
        ]
        return {
            "name": self.model,
            "versions": [str(self.version)],
            "platform": "nbprod",
            "inputs": inputs,
            "outputs": outputs,
        }

    def read(self, body: bytes, length: bytes | None = None) -> Asked:
        """Read a request; `length` is that of its JSON, where binary tensors stand behind it. Raises `Refused`."""
        try:
            text, raw = binary.split(body, length)
            given = json.loads(text)
        except ValueError as error:
            raise Refused(f"the body is no JSON: {error}") from None
        if not isinstance(given, dict) or not isinstance(given.get("inputs"), list):
            raise Refused("the body must be an object with a list `inputs`")
        tensors, at = {}, 0
        for one in given["inputs"]:
            size = _size(one)
            name, shape, data = _tensor(one, None if size is None else raw[at : at + size])
            tensors[name] = (shape, data)
            at += size or 0
        if at != len(raw):
            raise Refused(f"{len(raw)} bytes stand behind the JSON; its tensors have {at}")
        names = given.get("outputs") or [{"name": self.routes[0]}]
        routes, packed = [], set()
        for one in names:
            wanted = one.get("name") if isinstance(one, dict) else None
            if wanted not in self.routes:
                raise Refused(f"there is no output {wanted!r}; outputs: {', '.join(self.routes)}")
            routes.append(str(wanted))
            if _parameters(one).get("binary_data", _parameters(given).get("binary_data_output")) is True:
                packed.add(str(wanted))
        arguments = {}
        for item in self.inputs:
            value = self._argument(item, tensors)
            if value is not None:
                arguments[item["name"]] = value
        if tensors:
            raise Refused(f"there is no input {next(iter(tensors))!r}; inputs: {', '.join(self._names())}")
        return Asked(arguments, routes, frozenset(packed), given.get("id"))

    def write(self, route: str, answer: Any) -> list[dict[str, Any]]:
        """Return an answer as output tensors."""
        if isinstance(answer, list) and answer and all(isinstance(row, dict) for row in answer):
            keys = list(dict.fromkeys(key for row in answer for key in row))
            return [_output(key, [row.get(key) for row in answer]) for key in keys]
        if isinstance(answer, dict) and answer:
            return [_output(key, value if isinstance(value, list) else [value]) for key, value in answer.items()]
        return [_output(route, answer if isinstance(answer, list) else [answer])]

    def _names(self) -> list[str]:
        return [one["name"] for one in self.metadata()["inputs"]]

    def _argument(self, item: Mapping[str, Any], tensors: dict[str, tuple[list[int], list[Any]]]) -> Any:
        if item["kind"] in TABLES + ROWS:
            rows = self._rows(item, tensors)
            return rows if item["kind"] in TABLES or rows is None else rows[0]
        found = tensors.pop(item["name"], None)
        if found is None and len(self.inputs) == 1 and len(tensors) == 1:  # whatever a client calls the only one
            found = tensors.pop(next(iter(tensors)))
        if found is None:
            if item["default"] is None:
                raise Refused(f"the input {item['name']!r} is missing")
            return None
        shape, data = found
        if item["kind"] in CODED:
            data = [base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in data]
        one = item["kind"] in CODED or item["kind"] == "value" and not str(item["type"]).startswith(("list", "Any"))
        return data[0] if one and len(data) == 1 else _nested(shape, _text(item["name"], data))

    def _rows(
        self, item: Mapping[str, Any], tensors: dict[str, tuple[list[int], list[Any]]]
    ) -> list[dict[str, Any]] | None:
        columns = [str(one["name"]) for one in item["columns"]]
        found = {name: tensors.pop(name) for name in columns if name in tensors}
        if found:
            counts = {len(data) for _, data in found.values()}
            if len(counts) > 1:
                raise Refused("the input tensors have different numbers of rows")
            values = [_text(name, data) for name, (_, data) in found.items()]
            return [dict(zip(found, row, strict=True)) for row in zip(*values, strict=True)]
        name = next((name for name, (shape, _) in tensors.items() if len(shape) == 2), None)
        if name is None:
            raise Refused(f"the inputs are missing; inputs: {', '.join(self._names())}")
        (count, width), data = tensors.pop(name)
        data = _text(name, data)
        needed = [str(one["name"]) for one in item["columns"] if not one["optional"]]
        names = columns if width == len(columns) else needed
        if width != len(names):
            raise Refused(f"{name!r} has {width} columns; the model takes {len(needed)}: {', '.join(needed)}")
        return [dict(zip(names, data[at * width : (at + 1) * width], strict=True)) for at in range(count)]


def _parameters(value: Any) -> Mapping[str, Any]:
    found = value.get("parameters") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _size(value: Any) -> int | None:
    """How many bytes an input has behind the JSON; None if its values stand in it."""
    size = _parameters(value).get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise Refused("`binary_data_size` must be a number of bytes")
    return size


def _text(name: str, data: list[Any]) -> list[Any]:
    """Values, with bytes as the text that they are."""
    if not any(isinstance(one, bytes) for one in data):
        return data
    try:
        return [one.decode() for one in data]
    except UnicodeDecodeError:
        raise Refused(f"{name}: a value is no text in UTF-8") from None


def _tensor(value: Any, raw: bytes | None) -> tuple[str, list[int], list[Any]]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise Refused("an input must be an object with a name")
    name, shape, kind, data = value["name"], value.get("shape"), value.get("datatype"), value.get("data")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise Refused(f"{name}: `shape` must be a list of sizes")
    if kind not in KNOWN:
        raise Refused(f"{name}: `datatype` must be one of {', '.join(sorted(KNOWN))}")
    if raw is not None:
        try:
            return name, shape, binary.unpack(kind, raw, math.prod(shape))
        except ValueError as error:
            raise Refused(f"{name}: {error}") from None
    if not isinstance(data, list):
        raise Refused(f"{name}: `data` must be a list")
    flat = _flat(data)
    if len(flat) != math.prod(shape):
        raise Refused(f"{name}: {len(flat)} values do not fill the shape {shape}")
    return name, shape, flat


def _flat(data: list[Any]) -> list[Any]:
    if any(isinstance(item, list) for item in data):
        return [one for item in data for one in (_flat(item) if isinstance(item, list) else [item])]
    return data


def _nested(shape: Sequence[int], data: list[Any]) -> list[Any]:
    """A flat list in the shape of a tensor.

    >>> _nested([2, 2], [1, 2, 3, 4])
    [[1, 2], [3, 4]]
    """
    if len(shape) < 2:
        return data
    step = math.prod(shape[1:])
    return [_nested(shape[1:], data[at * step : (at + 1) * step]) for at in range(shape[0])]


def _output(name: str, values: list[Any]) -> dict[str, Any]:
    shape: list[int] = []
    inner: Any = values
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    flat = _flat(values)
    if len(flat) != math.prod(shape):  # rows of different lengths
        shape, flat = [len(values)], [json.dumps(value) for value in values]
    kinds = {type(value) for value in flat if value is not None}
    if kinds <= {bool} and kinds:
        kind = "BOOL"
    elif kinds == {int}:
        kind = "INT64"
    elif kinds <= {int, float}:
        kind = "FP64"
    else:
        kind, flat = "BYTES", [value if isinstance(value, str) else json.dumps(value) for value in flat]
    return {"name": name, "datatype": kind, "shape": shape, "data": flat}


def _datatype(column: Mapping[str, Any]) -> str:
    return TYPES.get(str(column["type"]).removesuffix(" | None"), "BYTES")


def _array_type(item: Mapping[str, Any]) -> str:
    text = str(item["type"])
    return next((kind for name, kind in TYPES.items() if name in text), "BYTES")


def _array_shape(item: Mapping[str, Any]) -> list[int]:
    if item["kind"] != "array":
        return [-1] if str(item["type"]).startswith("list") else [1]
    return [-1, *([item["width"]] if item.get("width") else [-1] * (str(item["type"]).count("list[") - 1))]


def _answer_type(text: str) -> str:
    return next((TYPES[name] for name in ("float", "int", "bool") if name in text), "BYTES")
