"""Reading a YAML file strictly, with the line of every key and value kept for messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nbprod.errors import ConfigError, Location

Key = tuple[str | int, ...]
"""A place in a document: the keys and list positions that lead to it."""

_CORE_SCHEMA = {
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", "~nN\0"),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
}


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars as YAML 1.2 does: `no`, `on` and `12:30` are text and `1e-3` is a number."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (PyYAML's own name and kind)


for _tag, (_pattern, _first) in _CORE_SCHEMA.items():
    for _character in _first:
        _Loader.yaml_implicit_resolvers.setdefault(_character if _character != "\0" else "", []).append(
            (_tag, re.compile(rf"(?:{_pattern})\Z"))
        )


@dataclass(frozen=True)
class Document:
    """The plain values of a file (dicts, lists, scalars) and the 1-based line on which each key or item starts."""

    file: str
    value: Any
    lines: Mapping[Key, int] = field(default_factory=dict)

    def line(self, key: Key) -> int | None:
        """Return the line of `key`, or of the nearest thing around it that has one."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key)

    def where(self, key: Key) -> Location:
        return Location(file=self.file, line=self.line(key))


def read_yaml(path: Path, shown: str | None = None) -> Document:
    """Read `path` as YAML 1.2 values. Raises `ConfigError` with the line of what is wrong: syntax, indentation,
    a key given twice, a key that is no text, a tag that stands for no plain value.
    """
    file = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=Location(file=file)) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError(
            "is not UTF-8 text", where=Location(file=file, line=line), fix="Save the file as UTF-8."
        ) from error
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, file, text) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ConfigError(
            f"holds a character that YAML does not allow ({error.character!r})", where=Location(file=file, line=line)
        ) from error
    finally:
        loader.dispose()
    lines: dict[Key, int] = {}
    value = _Builder(file, lines, loader).build(node, ()) if node is not None else None
    return Document(file, value, lines)


class _Builder:
    def __init__(self, file: str, lines: dict[Key, int], loader: _Loader) -> None:
        self.file = file
        self.lines = lines
        self.loader = loader
        self.open: set[int] = set()

    def fail(self, what: str, node: yaml.Node, fix: str | None = None) -> ConfigError:
        return ConfigError(what, where=Location(file=self.file, line=node.start_mark.line + 1), fix=fix)

    def build(self, node: yaml.Node, key: Key) -> Any:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if id(node) in self.open:
            raise self.fail("an alias stands inside the value that it names", node, "Write the value out.")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, key)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*key, position)) for position, item in enumerate(node.value)]
            return self.scalar(node)
        finally:
            self.open.remove(id(node))

    def mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name_node, value_node in node.value:
            name = name_node.value if isinstance(name_node, yaml.ScalarNode) else None
            if not isinstance(name, str):
                raise self.fail("a key must be text", name_node, "A list or a mapping cannot be a key.")
            if name in result:
                first = self.lines[*key, name]
                raise self.fail(
                    f"the key {name!r} is given twice (first on line {first})", name_node, "Keep one of the two."
                )
            self.lines[*key, name] = name_node.start_mark.line + 1
            result[name] = self.build(value_node, (*key, name))
        return result

    def scalar(self, node: yaml.Node) -> Any:
        text = str(node.value)
        kind = node.tag.rsplit(":", 1)[-1]
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
        if kind == "float":
            return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        if kind == "str":
            return text
        raise self.fail(
            f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')!r} stands for no plain value",
            node,
            "Write a plain number, text, true, false, list or mapping.",
        )


def _syntax_error(error: yaml.MarkedYAMLError, file: str, text: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    rows = text.splitlines()
    row = rows[line - 1] if line <= len(rows) else ""
    problem = error.problem or error.context or "is no YAML"
    if "\t" in row[: len(row) - len(row.lstrip())]:
        what, fix = "the line is indented with a tab", "YAML wants spaces: two for each level."
    elif "found undefined alias" in problem or "duplicate anchor" in problem:
        what, fix = problem, "Give the anchor (&name) before the alias (*name)."
    elif "mapping values are not allowed" in problem:
        what = "a 'key: value' stands where none can be"
        fix = "Indent it like the keys beside it; put text that holds ': ' in quotes."
    elif "expected <block end>" in problem or "could not find expected ':'" in problem:
        start = error.context_mark.line + 1 if error.context_mark else line
        what = f"the indentation does not fit the block that starts on line {start}"
        fix = "Give the keys of one level the same number of spaces."
    elif "expected ',' or" in problem or "unexpected end of stream" in problem:
        start = error.context_mark.line + 1 if error.context_mark else line
        what, fix = f"a bracket or a quote that opens on line {start} is not closed", "Close it."
    else:
        what, fix = problem, "See the YAML syntax near this line."
    return ConfigError(what, where=Location(file=file, line=line), fix=fix)
