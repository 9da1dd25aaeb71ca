"""Names of tasks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.notebook.naming import listed, of_variable, slug, unique


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Load the data", "load-data"),
        ("2. Clean the data", "clean-data"),
        ("Step 3: Train the model", "train-model"),
        ("1.2.3 Feature Engineering (numeric)", "feature-engineering"),
        ("IV) Results", "results"),
        ("3D plots", "_3d-plots"),
        ("Régression linéaire", "regression-lineaire"),
        ("🚀 Modelling", "modelling"),
        ("Data: where it is from", "data"),
        ("Part 2", "part-2"),
        ("How good is it?", None),
        ("The", None),
        ("数据", None),
        ("", None),
        ("Internationalisation and localisation of everything", "internationalisation"),
    ],
)
def test_a_name_from_a_heading_is_short(heading: str, name: str | None) -> None:
    assert slug(heading) == name


@given(st.text(), st.booleans())
def test_every_name_is_one_that_a_tag_can_have(text: str, plain: bool) -> None:
    for name in (slug(text, plain=plain), of_variable(text)):
        assert name is None or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name)


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unique("load", {"load", "load-2"}) == "load-3"


def test_long_lists_are_cut() -> None:
    assert [listed(list("abcdef")[:n]) for n in (1, 3, 4, 6)] == ["a", "a, b, c", "a, b, c, d", "a, b, c and 3 more"]
