"""The headings of a notebook's markdown cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbprod.notebook.cell import Heading

BOLD = 7
"""The level of a paragraph that is one line in bold: many notebooks have no other headings."""
_HTML = re.compile(r"<h([1-6])\b[^>]*>(.*?)</h\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_BOLD = re.compile(r"(\*\*|__)(?!\s)([^\n]+?)(?<!\s)\1:?")
_MAYBE = re.compile(r"^\s{0,3}(#|=+\s*$|-+\s*$|\*\*|__)|<h[1-6]", re.MULTILINE | re.IGNORECASE)


def headings_of(cells: Iterable[Mapping[str, Any]]) -> tuple[Heading, ...]:
    """Return the headings of markdown cells, given all cells of a notebook: `# ...`, underlined, `<h2>`, a line in bold."""
    return tuple(
        Heading(index, level, text)
        for index, cell in enumerate(cells)
        if cell.get("cell_type") == "markdown" and _MAYBE.search(cell["source"])
        for level, text in _headings(cell["source"])
        if text
    )


def _headings(source: str) -> Iterator[tuple[int, str]]:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(source)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "html_block":
            for level, text in _HTML.findall(token.content):
                yield int(level), " ".join(_TAG.sub(" ", text).split())
        elif token.type == "inline" and before is not None and before.type == "heading_open":
            yield int(before.tag[1]), _plain(token.children or [])
        elif token.type == "inline" and before is not None and before.type == "paragraph_open" and not before.level:
            bold = _BOLD.fullmatch(token.content.strip())
            if bold is not None and bold[1] not in bold[2]:
                yield BOLD, _plain(token.children or [])


def _plain(parts: Iterable[Any]) -> str:
    """Return the text of inline markup: that of links and code, nothing of images and tags."""
    texts = [" " if part.type in ("softbreak", "hardbreak") else part.content for part in parts if part.type in _TEXTS]
    return " ".join("".join(texts).split())


_TEXTS = frozenset({"text", "code_inline", "softbreak", "hardbreak"})
