"""Papermill without everybody's plugins: importing it imports them, ours among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import entrypoints


@contextmanager
def no_plugins() -> Iterator[None]:
    """Keep Papermill from loading plugins while it is imported.

    ploomber-engine's alone brings matplotlib (0.5 s), and ours would be asked for before it is defined, when the import
    of our engine is what imports Papermill.
    """
    every = entrypoints.get_group_all
    entrypoints.get_group_all = lambda *_, **__: []
    try:
        yield
    finally:
        entrypoints.get_group_all = every
