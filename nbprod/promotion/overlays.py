"""State of what is carried as source (an attribute set on a function, a default) as assignments for generated code.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbprod.promotion.formats import literal


def assignments(name: str, target: Any, overlay: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield what must be assigned to make `target` (bound to `name`) as the overlay says: the place and the value.

    What the source gives by itself is left out, and so is what an `lru_cache` remembers: it saves time and changes no
    answer. The place is None where no assignment can do it.
    """
    for path, value in overlay.changes.items():
        if path[-1][0] == "lru":
            continue
        owner, place = target, name
        for kind, key in path[:-1]:
            if kind != "attr" or not hasattr(owner, "__dict__") or key not in vars(owner):
                place = ""
                break
            owner, place = vars(owner)[key], f"{place}.{key}"
        kind, key = path[-1]
        if place and kind in ("attr", "part"):
            now = vars(owner).get(key, _NOTHING) if kind == "attr" else getattr(owner, key, _NOTHING)
            if not _same(now, value):
                yield f"{place}.{key}", value
        else:
            yield None, value
    for path in overlay.removed:
        yield None, path


_NOTHING = object()


def _same(one: Any, other: Any) -> bool:
    """Whether two values are certainly equal."""
    text = literal(one)
    return one is other or (text is not None and text == literal(other))
