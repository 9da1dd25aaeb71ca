"""Names for tasks: short, from a heading, or from what the cells do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_NUMBER = r"(?:\d+(?:\.\d+)*|[ivx]+(?=[.):])|[a-z](?=[.)]))"
_NUMBERING = re.compile(
    rf"^\W*(?:(?:step|part|chapter|section|task|stage)\s+)?{_NUMBER}(?=[.):\-\s])[.):\-\s]*(?=\S)", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z0-9_]+")
_SMALL = frozenset(
    """a an and are as at be been but by can could did do does for from has have here how i if in into is it its let lets look me my
    now of on or our out over s so some that the their them then there these they this those to up us use used using want was we
    what when where which who why will with would you your first next finally""".split()
)
_LENGTH = 28


def slug(heading: str) -> str | None:
    """Return a task's name for a heading, at most three words; None where it says too little.

    >>> slug("2. Load the data"), slug("How good is it?"), slug("数据")
    ('load-data', None, None)
    """
    text = unicodedata.normalize("NFKD", heading.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))
    plain = text.encode("ascii", "ignore").decode()
    bare = _NUMBERING.sub("", plain, count=1).split("(")[0].split(": ")[0]
    words = [word.lower() for word in _WORD.findall(bare)]
    words = [word for word in words if word not in _SMALL]
    if not words or plain.rstrip().endswith("?"):
        return None
    name = ""
    for word in words[:3]:
        if name and len(name) + 1 + len(word) > _LENGTH:
            break
        name = f"{name}-{word}" if name else word[:_LENGTH]
    name = name.strip("-_") or words[0]
    return name if not name[0].isdigit() else f"_{name}"


def unique(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number behind it where it is taken."""
    number, found = 2, name
    while found in taken:
        found = f"{name}-{number}"
        number += 1
    return found
