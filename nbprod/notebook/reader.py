"""Reads notebooks: `.ipynb` (nbformat 4, any minor) and jupytext's text formats. Never writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbprod.errors import Location, NotebookError
from nbprod.notebook.cell import Cell, Notebook

_TEXT_FORMATS = {".py", ".md", ".markdown", ".rmd", ".qmd", ".r", ".jl"}
_PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


def read_notebook(path: str | Path) -> Notebook:
    """Read the notebook at `path`.

    Raises `NotebookError` for a file that is missing, is no notebook, is nbformat 3 or older, is not UTF-8, or has no
    code cell.
    """
    path = Path(path)
    where = Location(file=str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NotebookError("there is no such notebook", where=where, fix="Check the path.") from None
    except IsADirectoryError:
        raise NotebookError(
            "this is a folder, not a notebook", where=where, fix="Name the notebook inside it."
        ) from None
    except UnicodeDecodeError as error:
        raise NotebookError(
            f"the file is not UTF-8 text (byte {error.start} cannot be decoded)",
            where=where,
            fix="Save the notebook again from Jupyter, or convert the file to UTF-8.",
        ) from None
    except OSError as error:
        raise NotebookError(f"the file cannot be read: {error.strerror}", where=where) from None
    if path.suffix.lower() in _TEXT_FORMATS:
        document = _read_text(text, path, where)
    else:
        document = _read_json(text, where)
    return notebook_of(document, path)


def notebook_of(document: Mapping[str, Any], path: str | Path) -> Notebook:
    """Take a notebook that is already parsed (the JSON value of an open, perhaps unsaved, document).

    Raises `NotebookError` as `read_notebook` does.
    """
    path = Path(path)
    where = Location(file=str(path))
    cells = _check(document, where)
    seen: set[str] = set()
    complete: list[dict[str, Any]] = []
    code: list[Cell] = []
    for index, raw in enumerate(cells):
        source = _joined(raw.get("source", ""))
        name = raw.get("id")
        if not isinstance(name, str) or not name or name in seen:
            name = _made_up_id(index, source, seen)
        seen.add(name)
        metadata = raw.get("metadata") or {}
        complete.append(_completed(raw, name, source, metadata))
        if raw.get("cell_type") == "code":
            tags = metadata.get("tags") or ()
            labels = tuple(str(tag) for tag in tags) if isinstance(tags, list | tuple) else (str(tags),)
            code.append(Cell(name, len(code) + 1, index, source, labels))
    if not any(cell.source.strip() for cell in code):
        raise NotebookError("the notebook is empty: it has no code cell", where=where, fix="Add a code cell to it.")
    metadata = document.get("metadata") or {}
    kernel = metadata.get("kernelspec") or {}
    language = kernel.get("language") or (metadata.get("language_info") or {}).get("name") or "python"
    return Notebook(
        path=path,
        cells=tuple(code),
        kernel_name=str(kernel.get("name") or "python3"),
        language=str(language).lower(),
        document={**document, "metadata": metadata, "cells": complete},
    )


def _read_json(text: str, where: Location) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        what = "the file is empty" if not text.strip() else f"the file is no notebook: it is not JSON ({error})"
        raise NotebookError(
            what,
            where=where,
            fix="A notebook is an .ipynb file, or jupytext's .py or .md; check the path, or restore the file.",
        ) from None
    if not isinstance(document, dict):
        raise NotebookError("the file is JSON, but no notebook", where=where, fix="Check the path.")
    return document


def _read_text(text: str, path: Path, where: Location) -> Mapping[str, Any]:
    import jupytext

    try:
        # the suffix decides the family, the text itself (its header, `# %%`) the format
        node = jupytext.reads(text, fmt=path.suffix.lower().lstrip("."))
    except Exception as error:  # jupytext raises errors of many kinds for a text that it cannot read
        raise NotebookError(f"jupytext cannot read it: {error}", where=where, fix="Check its header.") from error
    document: dict[str, Any] = json.loads(json.dumps(node))
    for cell in document["cells"]:
        cell.pop("id", None)  # jupytext makes up a random one for each reading
    if not document["metadata"].get("kernelspec") and path.suffix.lower() == ".py":
        document["metadata"]["kernelspec"] = dict(_PYTHON)
    return document


def _check(document: Mapping[str, Any], where: Location) -> list[dict[str, Any]]:
    major = document.get("nbformat")
    if "worksheets" in document or (isinstance(major, int) and major < 4):
        raise NotebookError(
            f"the notebook is nbformat {major or 3}, too old to be read",
            where=where,
            fix="Convert a copy of it: jupyter nbconvert --to notebook --nbformat 4 NOTEBOOK",
        )
    if not isinstance(major, int) or not isinstance(document.get("cells"), list):
        raise NotebookError("the file is JSON, but no notebook", where=where, fix="Check the path.")
    if major > 4:
        raise NotebookError(
            f"the notebook is nbformat {major}; nbprod knows nbformat 4", where=where, fix="Save it as nbformat 4."
        )
    cells: list[Any] = document["cells"]
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            raise NotebookError(f"cell {number} of the file is malformed", where=where, fix="Restore the file.")
        source = cell.get("source", "")
        if not isinstance(source, str | list) or not isinstance(cell.get("metadata") or {}, dict):
            raise NotebookError(f"cell {number} of the file is malformed", where=where, fix="Restore the file.")
    return cells


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(str(line) for line in source)


def _completed(raw: Mapping[str, Any], name: str, source: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    cell = {**raw, "id": name, "source": source, "metadata": metadata}
    if raw.get("cell_type") == "code":
        cell.setdefault("outputs", [])
        cell.setdefault("execution_count", None)
    return cell


def _made_up_id(index: int, source: str, seen: set[str]) -> str:
    """Return an id that stays the same for as long as the cell's place and text do."""
    digest = hashlib.sha256(f"{index}\0{source}".encode(errors="surrogatepass")).hexdigest()
    return next(digest[start : start + 8] for start in range(56) if digest[start : start + 8] not in seen)
