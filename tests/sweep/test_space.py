"""Spaces as they are written on the command line and in pipelines.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from nbprod.errors import ConfigError, ParameterError
from nbprod.notebook.cell import Cell
from nbprod.notebook.pipeline import Parameter
from nbprod.sweep import Choices, Range, parse_space, space_from

CELL = Cell("c", 1, 0, "")


def parameter(default: Any, name: str = "p") -> Parameter:
    return Parameter(name, default, type(default).__name__, CELL, 1)


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("2,4,8", 6, Choices((2, 4, 8))),
        ("0.1,0.5", 0.3, Choices((0.1, 0.5))),
        ("a,b", "a", Choices(("a", "b"))),
        ("true,false", True, Choices((True, False))),
        ("[1, 2],[3]", [0], Choices(([1, 2], [3]))),
        ("0.001..0.3:log", 0.1, Range(0.001, 0.3, log=True)),
        ("1..9", 3, Range(1, 9)),
        ("1..9:step=2", 3, Range(1, 9, step=2)),
        ("-1..1", 0.5, Range(-1.0, 1.0)),
        ("1e-4..1e-1:log", 0.01, Range(1e-4, 1e-1, log=True)),
        ("7", 6, None),
        ("[1, 2]", [0], None),
    ],
)
def test_the_command_lines_forms(text: str, default: Any, expected: Any) -> None:
    assert parse_space(text, parameter(default)) == expected


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        ([2, 4], 6, Choices((2, 4))),
        ({"low": 0.001, "high": 0.3, "log": True}, 0.1, Range(0.001, 0.3, log=True)),
        ({"low": 1, "high": 9}, 0.5, Range(1.0, 9.0)),
    ],
)
def test_the_forms_of_pipelines_yaml(value: Any, default: Any, expected: Any) -> None:
    assert space_from(value, parameter(default)) == expected


@pytest.mark.parametrize(
    ("text", "default", "message"),
    [
        ("9..1", 3, "lower bound"),
        ("0..1:log", 0.5, "above 0"),
        ("1..2:lgo", 0.5, "no option 'lgo'"),
        ("0.5..2", 3, "whole number"),
        ("1..x", 3, "is no number"),
        ("1..9:step=0", 3, "step"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(text: str, default: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_space(text, parameter(default))


def test_a_choice_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ParameterError, match="p"):
        parse_space("2,four", parameter(6))


def test_a_grid_includes_both_ends_in_spite_of_binary_fractions() -> None:
    values = Range(0.0, 1.0, step=0.1).grid("p")

    assert len(values) == 11
    assert values[-1] == pytest.approx(1.0)


def test_a_grid_of_a_continuous_range_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match="step"):
        Range(0.0, 1.0).grid("p")
