"""A notebook and its code cells, as the author wrote them."""

from __future__ import annotations

from dataclasses import dataclass
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
class Notebook:
    """A notebook as read; nothing in nbprod ever writes anything but tags back to `path`."""

    path: Path
    cells: tuple[Cell, ...]
    kernel_name: str
    language: str
    node: Any  # nbformat.NotebookNode, nbformat 4.5 in memory, whatever the file's own minor
