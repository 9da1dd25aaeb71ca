"""Messages for a YAML document that does not fit its pydantic model: file, line, nearest valid key."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError

from nbprod.errors import ConfigError, Location
from nbprod.yamlfile import Document, Key


def explain(error: ValidationError, document: Document, root: type[BaseModel]) -> ConfigError:
    """Return the error to raise for a document that does not fit `root`: the first problem, and the others below it."""
    errors: list[dict[str, Any]] = [dict(one) for one in error.errors()]
    misspelt: set[tuple[Key, str]] = set()
    for one in errors:
        if one["type"] == "extra_forbidden":
            here = _fields(_model_at(root, _real_place(one["loc"], document)[:-1]))
            misspelt.update(
                (one["loc"][:-1], name) for name in difflib.get_close_matches(str(one["loc"][-1]), here, n=1)
            )
    # a misspelt key is one problem, not also a missing one
    errors = [one for one in errors if one["type"] != "missing" or (one["loc"][:-1], one["loc"][-1]) not in misspelt]
    problems = sorted((_problem(one, document, root) for one in errors), key=lambda problem: problem[0] or 0)
    line, what, fix = problems[0]
    more = [f"also line {line}: {what}. {fix}" for line, what, fix in problems[1:]]
    return ConfigError(what, where=Location(file=document.file, line=line), fix="\n  ".join([fix, *more]))


def _problem(error: dict[str, Any], document: Document, root: type[BaseModel]) -> tuple[int | None, str, str]:
    """Return line, what is wrong and what to do, for one of pydantic's errors."""
    place: Key = _real_place(error["loc"], document)
    line = document.line(place)
    kind, value = error["type"], error.get("input")
    if kind == "extra_forbidden":
        key, parent = str(place[-1]), place[:-1]
        return line, f"unknown key {key!r}{_inside(parent)}", _nearest(root, key, parent)
    if kind == "missing":
        return (
            line,
            f"the key {error['loc'][-1]!r} is missing{_inside(place)}",
            f"Add it, such as {_example(error['loc'])}",
        )
    name = f"{place[-1]!r}{_inside(place[:-1])}" if place else "the file"
    if kind == "string_pattern_mismatch":
        return line, f"{value!r} is no name", "A name starts with a letter or _; letters, digits, _ and - follow."
    if kind == "value_error":
        message = str(error["ctx"]["error"])
        return (
            line,
            f"{name}: {message}" if not message.startswith("should") else f"{name} {message}",
            "Change the value.",
        )
    message = str(error["msg"]).removeprefix("Input ")
    fix = "Change the value."
    if kind.startswith("bool") and str(value).lower() in {"yes", "no", "on", "off", "y", "n"}:
        fix = "Write true or false: yes, no, on and off are plain text in YAML 1.2."
    elif kind in {"model_type", "dict_type", "model_attributes_type"}:
        message = "should be a mapping of keys to values"
        fix = "Indent its keys below it, two spaces deeper." if value is None else "Write keys and values below it."
    elif kind.endswith("_type") and isinstance(value, str) and _is_number(value):
        fix = "Take the quotes away."
    elif kind == "literal_error":
        close = difflib.get_close_matches(str(value), re.findall(r"'([^']+)'", message), n=1)
        fix = f"Did you mean {close[0]!r}?" if close else fix
    return line, f"{name} {message}, not {value!r}", fix


def _real_place(loc: tuple[str | int, ...], document: Document) -> Key:
    """Drop from pydantic's location what is no key of the file (tags of unions, `[key]`)."""
    place: Key = ()
    for part in loc:
        if (*place, part) in document.lines:
            place = (*place, part)
    return place


def _inside(place: Key) -> str:
    return " in " + ".".join(map(str, place)) if place else ""


def _nearest(root: type[BaseModel], key: str, parent: Key) -> str:
    """Say which key was probably meant: one like it here, or the same one at another level."""
    here = _fields(_model_at(root, parent))
    close = difflib.get_close_matches(key, here, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}? Valid here: {', '.join(here)}."
    owners = [path for path, model in _models(root) if key in model.model_fields]
    if owners:
        owner = f"under {owners[0]!r}" if owners[0] else "at the top of the file"
        return f"{key!r} belongs {owner}: check the indentation. Valid here: {', '.join(here)}."
    return f"Valid here: {', '.join(here)}."


def _fields(model: type[BaseModel] | None) -> list[str]:
    return list(model.model_fields) if model else []


def _models(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every model of the file with the key that leads to it, outermost first."""
    yield path, model
    for name, field in model.model_fields.items():
        for inner in _inner_models(field.annotation):
            yield from _models(inner, name)


def _inner_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if issubclass(annotation, RootModel) else [annotation]
    return [model for part in typing.get_args(annotation) for model in _inner_models(part)]


def _model_at(root: type[BaseModel], place: Key) -> type[BaseModel] | None:
    model: type[BaseModel] | None = root
    annotation: Any = None
    for part in place:
        if model is not None and part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        else:  # an entry of a mapping: what its values are
            inner = _inner_models(annotation)
            model = inner[0] if inner else None
    return model


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _example(loc: tuple[str | int, ...]) -> str:
    examples = {"notebook": "notebook: notebooks/example.ipynb.", "low": "low: 0.001.", "high": "high: 0.3."}
    return examples.get(str(loc[-1]), f"{loc[-1]}: ...")
