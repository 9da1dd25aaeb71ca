"""A notebook and its code cells, as the author wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A code cell: named by its nbformat id, shown by its number.

    `number` counts code cells from 1; `index` is the place in `Notebook.node.cells`, markdown included.
    """

    id: str
    number: int
    index: int
    source: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heading:
    """A heading in a markdown cell: `index` is the cell's place in `Notebook.node.cells`; `level` 1 to 6, 7 for a line in bold."""

    index: int
    level: int
    text: str


@dataclass(frozen=True)
class Notebook:
    """A notebook as read; nothing in nbprod ever writes anything but tags back to `path`.

    `document` is the nbformat 4 JSON value with every cell's id in place (made up where the file has none).
    """

    path: Path
    cells: tuple[Cell, ...]
    kernel_name: str
    language: str
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        """The headings of its markdown cells, in order."""
        from nbprod.notebook.headings import headings_of

        return headings_of(self.document["cells"])

    @cached_property
    def node(self) -> Any:
        """The notebook as an `nbformat.NotebookNode`, nbformat 4.5 whatever the file's own minor; a copy of `document`."""
        import nbformat

        return nbformat.from_dict({**self.document, "nbformat": 4, "nbformat_minor": 5})
