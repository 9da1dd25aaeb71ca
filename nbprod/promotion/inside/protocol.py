"""The paths of the Open Inference Protocol: what is told of the model, and `infer`.

Each output is a prediction like any other: logged, shadowed and split.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
from pydantic_core import to_json

from . import binary
from .inference import Refused, Tensors
from .reading import Answer
from .routes import Route

Predict = Callable[[Route, bytes], Awaitable[tuple[int, bytes, bytes]]]
"""Gives the status, the answer and the version that gave it."""
WriteDown = Callable[[str, bytes, bytes, bytes, float], None]
"""Takes the route, what was sent, the answer, the version that gave it, and the seconds."""


@dataclass(frozen=True)
class Inferred:
    """An answer to `infer`: `length` is that of its JSON where binary tensors stand behind it."""

    body: bytes
    version: bytes
    length: int | None

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What only such an answer has."""
        return ((binary.LENGTH, b"%d" % self.length),) if self.length is not None else ()


class Protocol:
    """Answers `/v2` for the routes of a service."""

    def __init__(self, tensors: Tensors, routes: Mapping[str, Route], prefix: str) -> None:
        self.tensors = tensors
        self._routes = {route.name: route for route in routes.values()}
        self._prefix = prefix
        models = f"{prefix}/v2/models/{tensors.model}"
        self._models = (models, f"{models}/versions/{tensors.version}")
        self.paths = frozenset(f"{path}/infer" for path in self._models)
        """Where is asked for predictions."""

    def pages(self) -> dict[str, bytes]:
        """Return what is told of the service and its model, by path."""
        name, version = self.tensors.model, str(self.tensors.version)
        pages: dict[str, Any] = {
            f"{self._prefix}/v2": {"name": "nbprod", "version": version, "extensions": [binary.EXTENSION]},
            f"{self._prefix}/v2/health/live": {"live": True},
            f"{self._prefix}/v2/health/ready": {"ready": True},
        }
        for path in self._models:
            pages |= {path: self.tensors.metadata(), f"{path}/ready": {"name": name, "ready": True}}
        return {path: to_json(value) for path, value in pages.items()}

    async def infer(
        self, ident: str, body: bytes, length: bytes | None, predict: Predict, write_down: WriteDown
    ) -> Inferred:
        """Answer a request. Raises `Answer` for one that does not fit, and whatever `predict` raises."""
        try:
            asked = self.tensors.read(body, length)
            given, version = to_json(asked.arguments), b""
            outputs: list[dict[str, Any]] = []
            packed: list[bytes] = []
            for name in asked.routes:
                route = self._routes.get(name)
                if route is None:
                    raise Refused(f"there is no output {name!r}")
                route.arguments(given)  # so that what is wrong is said in the protocol's own form
                began = time.perf_counter()
                status, answer, version = await predict(route, given)
                if status != 200:
                    raise Refused(f"v{version.decode()} answers with status {status}", status)
                write_down(name, given, answer, version, time.perf_counter() - began)
                made = self.tensors.write(name, json.loads(answer))
                outputs += [_packed(one, packed) for one in made] if name in asked.binary else made
        except Refused as error:
            raise Answer(error.status, {"error": str(error)}) from None
        except pydantic.ValidationError as error:
            first = error.errors(include_context=False, include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Answer(400, {"error": f"{where}: {first['msg']}"}) from None
        found = {"model_name": self.tensors.model, "model_version": version.decode(), "id": asked.ident or ident}
        text = to_json({**found, "outputs": outputs})
        return Inferred(b"".join([text, *packed]), version, len(text) if packed else None)


def _packed(output: dict[str, Any], packed: list[bytes]) -> dict[str, Any]:
    """An output whose values stand behind the JSON; as it is where they cannot."""
    raw = binary.pack(output["datatype"], output["data"])
    if raw is None:
        return output
    packed.append(raw)
    kept = {key: value for key, value in output.items() if key != "data"}
    return {**kept, "parameters": {"binary_data_size": len(raw)}}
