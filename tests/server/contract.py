"""Answers against the OpenAPI document."""

from __future__ import annotations

import functools
import re
from typing import Any

from jsonschema import Draft202012Validator

from nbprod.server.openapi import document
from nbprod.server.routes import PREFIX, Route, by_path

checked: set[tuple[str, str]] = set()
"""Routes of which a good answer was checked in this process: verb and path."""


def route_of(verb: str, path: str) -> Route | None:
    """Return the route that a request goes to."""
    for pattern, routes in by_path().items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
            return routes.get(verb)
    return None


def check_answer(verb: str, path: str, status: int, value: Any) -> None:
    """Raise if an answer is not what the document says."""
    route = route_of(verb, path.partition("?")[0])
    if status >= 400 or route is None:
        schema: Any = {"$ref": "#/components/schemas/Problem"}
    else:
        assert status == route.status
        answer = _document()["paths"][f"/{PREFIX}/{route.path}"][verb.lower()]["responses"][str(status)]
        schema = next(iter(answer.get("content", {"": {"schema": {"type": "null"}}}).values()))["schema"]
        checked.add((verb, route.path))
    Draft202012Validator({**schema, "components": _document()["components"]}).validate(value)


@functools.cache
def _document() -> dict[str, Any]:
    return document()
