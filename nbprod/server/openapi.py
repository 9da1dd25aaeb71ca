"""The OpenAPI document of the server, made from its routes: `python -m nbprod.server.openapi` prints it."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from nbprod import __version__
from nbprod.server.models import JobEvent, Problem
from nbprod.server.routes import PREFIX, ROUTES, Route

_REF = "#/components/schemas/{model}"


@dataclass(frozen=True)
class Endpoint:
    """What a route does, with the models that its signature names."""

    function: Callable[..., Any]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: Any


def endpoint(does: str) -> Endpoint:
    """Import the function that a route names (`module:function`)."""
    module, name = does.split(":")
    function = getattr(importlib.import_module(f"nbprod.server.endpoints.{module}"), name)
    hints = typing.get_type_hints(function)
    return Endpoint(function, hints.get("body"), hints.get("query"), hints["return"])


def document() -> dict[str, Any]:
    """Return the document: OpenAPI 3.1, every route with its models."""
    found = [(route, endpoint(route.does)) for route in ROUTES]
    wanted: dict[tuple[type[BaseModel], typing.Literal["validation", "serialization"]], None] = {
        (Problem, "serialization"): None,
        (JobEvent, "serialization"): None,
    }
    for _, one in found:
        if one.body is not None:
            wanted[one.body, "validation"] = None
        for model in _models(one.answer):
            wanted[model, "serialization"] = None
    _, schemas = models_json_schema(list(wanted), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route, one in found:
        paths.setdefault(f"/{PREFIX}/{route.path}", {})[route.verb.lower()] = _operation(route, one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "nbprod", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def text() -> str:
    """Return the document as JSON, the same for the same routes and models."""
    return json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _models(answer: Any) -> Iterator[type[BaseModel]]:
    if isinstance(answer, type) and issubclass(answer, BaseModel):
        yield answer
    for part in typing.get_args(answer):
        yield from _models(part)


def _operation(route: Route, one: Endpoint) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    if one.query is not None:
        schema = one.query.model_json_schema()
        for name, value in schema["properties"].items():
            value.pop("title", None)
            parameters.append(
                {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": value}
            )
    operation: dict[str, Any] = {
        "operationId": one.function.__name__,
        "summary": (inspect.getdoc(one.function) or "").partition("\n")[0],
        "parameters": parameters,
        "responses": {str(route.status): _answer(one.answer), "default": _answer(Problem, "Why it could not be done.")},
    }
    if one.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=one.body.__name__)}}},
        }
    return operation


def _answer(answer: Any, description: str = "Done.") -> dict[str, Any]:
    if answer is type(None):
        return {"description": description}
    if answer is str:
        return {"description": description, "content": {"text/html": {"schema": {"type": "string"}}}}
    if typing.get_origin(answer) is list:
        (item,) = typing.get_args(answer)
        schema: dict[str, Any] = {"type": "array", "items": {"$ref": _REF.format(model=item.__name__)}}
    elif isinstance(answer, type) and issubclass(answer, BaseModel):
        schema = {"$ref": _REF.format(model=answer.__name__)}
    else:
        schema = {"type": "object"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


if __name__ == "__main__":
    print(text(), end="")
