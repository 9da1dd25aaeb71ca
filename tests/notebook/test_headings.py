"""Headings of markdown cells."""

from __future__ import annotations

import pytest

from nbprod.notebook.headings import headings_of


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("# One\ntext\n### Three", [(1, "One"), (3, "Three")]),
        ("Underlined\n==========\n\nToo\n---", [(1, "Underlined"), (2, "Too")]),
        ("## **Load** the [data](x.csv) with `pandas` ##", [(2, "Load the data with pandas")]),
        ("```\n# a comment\n```", []),
        ("    # indented code", []),
        ('<h2 style="color:red">Deep <b>model</b></h2>\n', [(2, "Deep model")]),
        ("**Clean up:**", [(7, "Clean up:")]),
        ("__Clean up__:", [(7, "Clean up:")]),
        ("**Note** that this is text", []),
        ("- **an item**", []),
        ("#hashtag", []),
        ("#\n\ntext", []),
        ("![](a.png)", []),
    ],
)
def test_what_is_a_heading(source: str, found: list[tuple[int, str]]) -> None:
    cells = [{"cell_type": "code", "source": "# code"}, {"cell_type": "markdown", "source": source}]

    assert [(one.index, one.level, one.text) for one in headings_of(cells)] == [(1, *pair) for pair in found]
