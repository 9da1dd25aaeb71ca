"""What a task leaves, as Ploomber sees it: up to date when our cache says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ploomber.products import Product


class _Name:
    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, *_: Any, **__: Any) -> None:
        pass

    def best_repr(self, shorten: bool = False) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


class CachedProduct(Product):  # type: ignore[misc]
    """The artifacts of one task."""

    def __init__(self, name: str, is_settled: Callable[[str], bool]) -> None:
        super().__init__(name)
        self.is_settled = is_settled

    def _init_identifier(self, identifier: str) -> _Name:
        return _Name(identifier)

    def _is_outdated(self, outdated_by_code: bool = True) -> bool:
        return not self.exists()

    def exists(self) -> bool:
        """Return whether there is a result that can be used."""
        return self.is_settled(str(self))

    def fetch_metadata(self) -> dict[str, Any]:
        """Return what Ploomber keeps beside its own products; ours are in the records."""
        return {"timestamp": time.time(), "stored_source_code": None, "params": {}}

    def save_metadata(self, metadata: dict[str, Any]) -> None:
        """Keep nothing: the records have it."""

    def delete(self, force: bool = False) -> None:
        """Remove nothing: artifacts are shared by runs."""
