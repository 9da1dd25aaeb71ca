"""The routes of a BentoML service that are answered without BentoML: JSON in, JSON out."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
from pydantic_core import PydanticSerializationError, to_json


@dataclass(eq=False)
class Route:
    """A method of the service: `call` takes the validated arguments, and waits if `waits`. `rows` is the argument
    whose entries may be answered together with those of other requests.
    """

    name: str
    path: str
    spec: type[pydantic.BaseModel]
    names: tuple[str, ...]
    call: Callable[..., Any]
    waits: bool
    rows: str | None = None

    def arguments(self, body: bytes) -> dict[str, Any]:
        """Return the arguments in a request's body. Raises `pydantic.ValidationError`."""
        given = self.spec.model_validate_json(body or b"{}", strict=True)
        return {name: getattr(given, name) for name in self.names}

    def count(self, arguments: dict[str, Any]) -> int:
        """Return how many rows a call has."""
        return next((len(value) for value in arguments.values() if isinstance(value, list)), 1)


def routes_of(service: Any, instance: Any, batches: Mapping[str, str]) -> dict[str, Route]:
    """Return the routes of a BentoML service by path; those that take or give anything but JSON are left to BentoML.

    `batches` names for a method the argument whose entries may be answered together with other requests'.
    """
    found = {}
    for name, api in service.apis.items():
        if not _is_plain(api):
            continue
        path = f"{service.path_prefix or ''}{api.route}"
        names = tuple(api.input_spec.model_fields)
        waits = inspect.iscoroutinefunction(api.func)
        rows = batches.get(name) if not waits else None
        call = functools.partial(api.func, instance)
        found[path] = Route(name, path, api.input_spec, names, call, waits, rows if rows in names else None)
    return found


def encoded(answer: Any) -> bytes:
    """Return an answer as JSON."""
    try:
        return to_json(answer)
    except PydanticSerializationError:  # an edited service may return what generated code makes plain by itself
        return to_json(importlib.import_module("nbprod_support").plain(answer))


def refusal(error: pydantic.ValidationError) -> dict[str, Any]:
    """Return what is wrong with a request, as BentoML says it."""
    count = error.error_count()
    details = error.errors(include_context=False, include_input=False, include_url=False)[:100]
    return {"error": f"{count} validation error{'s' if count > 1 else ''}", "detail": details}


def _is_plain(api: Any) -> bool:
    spec = api.input_spec
    odd = api.is_stream or api.is_task or api.batchable or api.ctx_param or getattr(spec, "__root_input__", False)
    special = any(re.fullmatch(r"args|kwargs|__bentoml_\w+", name) for name in spec.model_fields)
    return not odd and not special and spec.mime_type() == api.output_spec.mime_type() == "application/json"
