"""Python identifiers for the names of columns, whatever they are called.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable
from typing import Any

_METHODS = "copy construct dict json schema validate fields parse_obj parse_raw parse_file from_orm"
_TYPES = "int float str bool list date datetime Any Annotated AwareDatetime Field Literal NaiveDatetime"
_RESERVED = frozenset(f"{_METHODS} {_TYPES}".split())


def identifiers(names: Iterable[Any]) -> dict[Any, str]:
    """Return a distinct identifier for each name: the name itself where it is one that pydantic takes.

    >>> identifiers(["alcohol", "od280/od315", "class", "Fläche m²", "日本", "CO₂", 7])
    {'alcohol': 'alcohol', 'od280/od315': 'od280_od315', 'class': 'column_class', 'Fläche m²': 'Fläche_m2', '日本': '日本', 'CO₂': 'CO2', 7: 'column_7'}
    """
    taken: set[str] = set()
    result = {}
    for name in names:
        # Python reads an identifier in this normal form too, so that a name in another one would not be found again
        text = unicodedata.normalize("NFKC", str(name))
        text = "".join(one if ("a" + one).isidentifier() else "_" for one in text)
        text = "_".join(part for part in text.split("_") if part) or "column"
        if not text.isidentifier() or keyword.iskeyword(text) or text.startswith("model_") or text in _RESERVED:
            text = f"column_{text}"
        unique, count = text, 2
        while unique in taken:
            unique, count = f"{text}_{count}", count + 1
        taken.add(unique)
        result[name] = unique
    return result
