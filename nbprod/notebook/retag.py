"""Changing the tags of cells: the only thing that is ever written into a notebook.

The file's text is changed where the tags stand and nowhere else, so that its indentation, escapes, number formats, key
order and line ends stay as they are.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nbprod.errors import Location, NotebookError

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def write_tags(path: Path, tags: Mapping[int, Sequence[str]]) -> None:
    """Give cells new tags in the notebook file at `path`, in one step that cannot leave half a file.

    Args:
        path: An `.ipynb`, or jupytext's `.py` or `.md`.
        tags: For each cell, by its place among all cells of the file (markdown included), its new tags.

    Raises:
        NotebookError: The file cannot be changed without changing more than tags.
    """
    raw = path.read_bytes()
    text = raw.decode("utf-8")
    new = retagged(text, tags, str(path)) if path.suffix == ".ipynb" else _retagged_text(text, path, tags)
    if new == text:
        return
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new.encode("utf-8"))
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def retagged(text: str, tags: Mapping[int, Sequence[str]], file: str = "notebook") -> str:
    """Return the JSON text of a notebook with the tags of these cells replaced and all else as it was.

    >>> retagged('{"cells": [{"metadata": {}}]}', {0: ["skip"]})
    '{"cells": [{"metadata": {"tags": ["skip"]}}]}'
    """
    start, _ = _member(text, _value_start(text, 0), "cells") or (None, None)
    if start is None:
        raise NotebookError("has no cells", where=Location(file=file), fix="Open and save it in JupyterLab.")
    cells = list(_items(text, start))
    for index in sorted(tags, reverse=True):  # from the end, so that places before it stay right
        if not 0 <= index < len(cells):
            raise NotebookError(f"has no cell at place {index}", where=Location(file=file))
        text = _cell_retagged(text, cells[index], list(tags[index]))
    return text


def _cell_retagged(text: str, cell: int, tags: list[str]) -> str:
    metadata = _member(text, cell, "metadata")
    if metadata is None:
        keys = list(_members(text, cell))
        return _insert(text, cell, keys, "metadata", {"tags": tags})
    start, end = metadata
    members = list(_members(text, start))
    old = next(((begin, stop) for key, _, begin, stop in members if key == "tags"), None)
    if old is not None:
        if json.loads(text[slice(*old)]) == tags:
            return text
        return text[: old[0]] + _dump(tags, _layout(text, start, cell)) + text[old[1] :]
    if not tags:
        return text
    if members:
        return _insert(text, start, members, "tags", tags)
    return text[:start] + _dump({"tags": tags}, _layout(text, cell, cell)) + text[end:]


def _insert(text: str, opening: int, members: list[tuple[str, int, int, int]], key: str, value: object) -> str:
    """Insert a member where the order of the keys wants it: sorted among sorted keys, else at the end."""
    keys = [name for name, *_ in members]
    layout = _layout(text, opening, opening)
    new = f"{json.dumps(key)}:{layout.after_colon}{_dump(value, layout)}"
    later = [at for name, at, _, _ in members if name > key]
    if keys == sorted(keys) and later:
        gap = text[opening + 1 : members[0][1]]
        return f"{text[: later[0]]}{new},{gap or ' ' * (not layout.compact)}{text[later[0] :]}"
    if not members:
        return f"{text[: opening + 1]}{new}{text[opening + 1 :]}"
    end = members[-1][3]
    gap = text[opening + 1 : members[0][1]]
    return f"{text[:end]},{gap or ' ' * (not layout.compact)}{new}{text[end:]}"


class _Layout:
    """How the file is laid out: one line or many, the unit of indentation, where the member at hand stands."""

    def __init__(self, unit: str | None, indent: str, after_colon: str, newline: str, ascii_only: bool) -> None:
        self.unit, self.indent, self.after_colon = unit, indent, after_colon
        self.newline, self.ascii_only = newline, ascii_only

    @property
    def compact(self) -> bool:
        return not self.after_colon


def _layout(text: str, opening: int, cell: int) -> _Layout:
    """Read the layout off the object that opens at `opening`, or off `cell` where that one is empty."""
    gap = _SPACE.match(text, opening + 1)
    assert gap is not None
    first = gap.group()
    cell_gap = _SPACE.match(text, cell + 1)
    assert cell_gap is not None
    colon = re.compile(r'"\s*:([ \t]*)').search(text, opening if text[gap.end()] != "}" else cell)
    newline = "\r\n" if "\r\n" in text else "\n"
    ascii_only = text.isascii() and "\\u" in text
    if "\n" not in cell_gap.group():
        return _Layout(None, "", colon[1] if colon else " ", newline, ascii_only)
    root = _SPACE.match(text, _value_start(text, 0) + 1)
    assert root is not None
    unit = root.group().rsplit("\n", 1)[-1] or " "
    return _Layout(unit, first.rsplit("\n", 1)[-1], colon[1] if colon else " ", newline, ascii_only)


def _dump(value: object, layout: _Layout) -> str:
    """Write a value as its surroundings are written."""
    separators = (",", ":") if layout.compact else None
    if layout.unit is None:
        return json.dumps(value, ensure_ascii=layout.ascii_only, separators=separators)
    text = json.dumps(value, ensure_ascii=layout.ascii_only, indent=layout.unit)
    return text.replace("\n", layout.newline + layout.indent)


def _value_start(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _members(text: str, opening: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield the members of the object that opens at `opening`: key, where the key, the value and its end stand."""
    at = _value_start(text, opening + 1)
    while text[at] != "}":
        key_at = at
        key, at = _DECODER.raw_decode(text, at)
        start = _value_start(text, _value_start(text, at) + 1)  # behind the colon
        _, end = _DECODER.raw_decode(text, start)
        yield key, key_at, start, end
        at = _value_start(text, end)
        if text[at] == ",":
            at = _value_start(text, at + 1)


def _member(text: str, opening: int, key: str) -> tuple[int, int] | None:
    """Return where the value of `key` starts and ends; the last one counts, as for every JSON reader."""
    found = None
    for name, _, start, end in _members(text, opening):
        if name == key:
            found = (start, end)
    return found


def _items(text: str, opening: int) -> Iterator[int]:
    at = _value_start(text, opening + 1)
    while text[at] != "]":
        yield at
        _, end = _DECODER.raw_decode(text, at)
        at = _value_start(text, end)
        if text[at] == ",":
            at = _value_start(text, at + 1)


def _retagged_text(text: str, path: Path, tags: Mapping[int, Sequence[str]]) -> str:
    """Retag jupytext's text through jupytext, if that leaves every other line as it is."""
    import jupytext

    notebook = jupytext.reads(text, fmt=path.suffix[1:])
    before = jupytext.writes(notebook, fmt=path.suffix[1:])
    if before.rstrip("\n") != text.replace("\r\n", "\n").rstrip("\n"):
        raise NotebookError(
            "cannot be retagged without changing other lines",
            where=Location(file=str(path)),
            fix='Write the tags by hand, as in: # %% tags=["task:train"]',
        )
    for index, names in tags.items():
        if names:
            notebook.cells[index].metadata["tags"] = list(names)
        else:
            notebook.cells[index].metadata.pop("tags", None)
    new = str(jupytext.writes(notebook, fmt=path.suffix[1:])).rstrip("\n") + text[len(text.rstrip("\n")) :]
    return new.replace("\n", "\r\n") if "\r\n" in text else new
