"""What a service takes and gives as JSON Schemas, from its signature alone: the same as BentoML makes of the generated code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.promotion import servicecode
from nbprod.promotion.signature import Signature

Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """A value that a route takes. `of` is what it stands in: `bottles[]`, whose rows have it; empty for an argument itself."""

    name: str
    of: str
    type: str
    required: bool
    about: str


def interface(signature: Signature) -> dict[str, dict[str, Schema]]:
    """Return for each route the schemas of its `input` and `output`."""
    from pydantic import TypeAdapter

    space: dict[str, Any] = {"__name__": __name__}
    # nbprod's own text of types and literals, as it stands in `service.py`: no code of the author's
    code = compile(servicecode.declarations(signature), "<declarations>", "exec", dont_inherit=True)
    exec(code, space)  # noqa: S102
    found = {}
    for route in signature.answers:
        given = _inlined(space[f"Input_{route}"].model_json_schema())
        given["title"] = "Input"
        found[route] = {"input": given, "output": _inlined(TypeAdapter(space[f"Answer_{route}"]).json_schema())}
    return found


def fields(schema: Mapping[str, Any], of: str = "") -> Iterator[Field]:
    """Give the single values that an object of this schema has, those of rows and objects in it too."""
    for name, one in schema.get("properties", {}).items():
        items = one.get("items", {})
        where = f"{of}.{name}" if of else name
        if "properties" in items:
            yield from fields(items, f"{where}[]")
        elif "properties" in one:
            yield from fields(one, where)
        else:
            yield Field(name, of, type_text(one), name in schema.get("required", ()), one.get("description", ""))


def type_text(schema: Mapping[str, Any]) -> str:
    """Return a type in words.

    >>> type_text({"anyOf": [{"type": "number"}, {"type": "null"}]}), type_text({"type": "array", "items": {"enum": [1, 2]}})
    ('number or null', 'list of one of 1, 2')
    """
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    if "anyOf" in schema:
        return " or ".join(map(type_text, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {type_text(schema['items'])}" if schema.get("items") else "list"
    return str(schema.get("type", "anything"))


def _inlined(schema: Any, defs: Mapping[str, Any] | None = None) -> Any:
    """Return a schema with what its references mean in their place, as BentoML has it."""
    if isinstance(schema, list):
        return [_inlined(one, defs) for one in schema]
    if not isinstance(schema, dict):
        return schema
    defs = schema.get("$defs", {}) if defs is None else defs
    if "$ref" in schema:
        return _inlined(defs[schema["$ref"].rpartition("/")[2]], defs)
    return {key: _inlined(one, defs) for key, one in schema.items() if key != "$defs"}
