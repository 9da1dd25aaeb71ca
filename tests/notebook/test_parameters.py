from __future__ import annotations

import math

import pytest

from nbprod.errors import ParameterError
from nbprod.notebook.parameters import check_parameters, check_value, parse_value
from tests.notebook.making import codes, errors, graph, pipeline, steps


@pytest.mark.parametrize(
    ("line", "default", "kind", "optional"),
    [
        ("p = 3", 3, "int", False), ("p = -3", -3, "int", False), ("p = 1e-3  # note", 1e-3, "float", False), ("p = True", True, "bool", False),
        ("p = 'a'", "a", "str", False), ("p = ['a', 1]", ["a", 1], "list", False), ("p = {'k': -1, 2: None}", {"k": -1, 2: None}, "dict", False),
        ("p = (1, 2)", (1, 2), "tuple", False), ("p = None", None, "None", True), ("p: int = 3", 3, "int", False),
        ("p: int | None = None", None, "int", True), ("p: Optional[float] = None", None, "float", True), ("p: float = 1", 1, "float", False),
        ("p: 'int | None' = 4", 4, "int", True), ("p: list[int] = []", [], "list", False), ("p: Dict[str, int] = {}", {}, "dict", False),
        ("p: typing.Optional[str] = 'a'", "a", "str", True), ("p = q = 3", 3, "int", False), ("p = b'x'", b"x", "bytes", False),
    ],
)  # fmt: skip
def test_literals_are_typed_by_their_default_and_annotation(line, default, kind, optional):
    text = f"# %% parameters\nfrom typing import Optional, Dict\nimport typing\n{line}\n# %% task:a\nprint(p)"
    parameter = pipeline(text).parameters["p"]
    assert (parameter.default, parameter.type, parameter.optional) == (default, kind, optional)
    assert parameter.line == 3


@pytest.mark.parametrize(
    "line", ["p = f'{n}/x'", "p = len([1])", "p = n", "p = n + 1", "p = [n]", "p, q = 1, 2", "p = float('inf')"]
)
def test_code_is_a_default_that_cannot_be_swept(line):
    made = pipeline(
        f"# %% parameters\nn = 2\n{line}\n# %% task:a\nprint(p)\n# %% task:b\nprint(n)\n# %%task:c\nprint(1)"
    )
    assert list(made.parameters) == ["n"]
    nodes = made.resolve().nodes
    assert nodes["a"].inputs == {"p": "setup"}
    assert nodes["a"].parameters == ()
    assert nodes["b"].upstream == frozenset()
    assert nodes["b"].parameters == ("n",)
    assert [cell.number for cell in nodes["setup"].cells] == [1]
    assert nodes["setup"].binds == ()  # nothing of it uses n after the cell


def test_a_cell_of_code_is_followed_by_the_values_that_its_task_uses():
    node = graph("# %% task:a, parameters\nn = 2\np = f'{n}'\n# %%\nprint(n, p)").nodes["a"]
    assert node.binds == ("n",)
    assert [cell.number for cell in node.cells] == [1, 2]
    assert steps(node) == []


def test_literals_belong_to_no_task_and_only_who_uses_them_depends_on_them():
    made = graph(
        "# %% parameters\na = 1\nb = 2\n# %% task:x\nprint(a)\n# %% task:y\nprint(0)\n# %% task:z\nprint(b, a)"
    )
    assert list(made.nodes) == ["x", "y", "z"]
    assert [node.parameters for node in made.nodes.values()] == [("a",), (), ("a", "b")]
    assert steps(made.nodes["z"]) == ["= a b"]
    assert "1" not in made.nodes["x"].code.split("# cells")[0]


def test_a_parameter_read_by_a_function_belongs_to_who_calls_it():
    made = graph("# %% parameters\na = 1\n# %% task:x\ndef f():\n    return a\n# %% task:y\nf()")
    assert [node.parameters for node in made.nodes.values()] == [(), ("a",)]


def test_names_that_differ_by_case_are_two_parameters():
    made = pipeline("# %% parameters\nLR = 1\nlr = 2\n# %% task:a\nprint(LR)\n# %% task:b\nprint(lr)")
    assert list(made.parameters) == ["LR", "lr"]
    assert [node.parameters for node in made.resolve().nodes.values()] == [("LR",), ("lr",)]


def test_the_same_parameter_twice_is_an_error():
    (problem,) = errors(pipeline("# %% parameters\na = 1\na = 2\n# %% task:x\nprint(a)"))
    assert (problem.code, problem.cell, problem.line) == ("parameter-twice", 1, 2)


def test_a_parameter_that_a_task_sets_anew_is_warned_of_and_one_that_it_changes_is_not():
    made = pipeline("# %% parameters\na = 1\nb = 1\n# %% task:x\na = 5\nb = b * 2\nprint(a, b)")
    assert [(d.code, d.cell, d.line) for d in made.diagnostics] == [("parameter-shadowed", 2, 1)]


def test_definitions_in_the_parameters_cell_are_carried():
    made = graph("# %% parameters\nimport os\na = 1\n# %% task:x\nprint(os, a)")
    assert list(made.nodes) == ["x"]
    assert steps(made.nodes["x"]) == ["os", "= a"]


def parameter(line: str):
    return pipeline(f"# %% parameters\n{line}\n# %% task:a\nprint(1)").parameters["p"]


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [("p = 1.5", 2, 2.0), ("p = 3", 4, 4), ("p = 3", 4.0, 4), ("p: int | None = 3", None, None), ("p = None", [1], [1]), ("p = (1,)", [2], (2,)),
     ("p = 'a'", "b", "b"), ("p = True", False, False)],
)  # fmt: skip
def test_values_are_taken_as_the_parameters_type(line, value, expected):
    got = check_value(parameter(line), value)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("p = 3", "x"),
        ("p = 3", 4.5),
        ("p = 3", True),
        ("p = True", 1),
        ("p = 'a'", 1),
        ("p = 3", None),
        ("p = []", {}),
        ("p = 1.0", "1"),
    ],
)
def test_a_value_of_another_type_is_refused(line, value):
    with pytest.raises(ParameterError, match="parameter 'p' is"):
        check_value(parameter(line), value)


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [("p = 3", "8", 8), ("p = 3", "-8", -8), ("p = 1.0", "1e-3", 1e-3), ("p = 1.0", "2", 2.0), ("p = 1.0", "inf", math.inf), ("p = True", "false", False),
     ("p = True", "yes", True), ("p = 'a'", "b c", "b c"), ("p = 'a'", "'b'", "b"), ("p = 'a'", "3", "3"), ("p = [1]", "[1, 2]", [1, 2]),
     ("p = {}", '{"a": true}', {"a": True}), ("p = None", "text", "text"), ("p = None", "3", 3), ("p: int | None = 3", "none", None),
     ("p: int | None = 3", "None", None), ("p = 'a'", "None", "None")],
)  # fmt: skip
def test_values_of_the_command_line(line, text, expected):
    if text == "none":
        with pytest.raises(ParameterError):
            parse_value(parameter(line), text)
        return
    got = parse_value(parameter(line), text)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("line", "text"), [("p = 3", "a"), ("p = 3", "1.5"), ("p = True", "maybe"), ("p = [1]", "3"), ("p = 1.0", "x,y")]
)
def test_text_that_is_no_value_of_the_type_is_refused(line, text):
    with pytest.raises(ParameterError, match="parameter 'p' is"):
        parse_value(parameter(line), text)


def test_an_unknown_parameter_names_the_nearest():
    made = pipeline("# %% parameters\nmax_depth = 3\nLR = 1\n# %% task:a\nprint(1)")
    with pytest.raises(ParameterError, match="Did you mean 'max_depth'"):
        check_parameters(made.parameters, {"max_dept": 4})
    with pytest.raises(ParameterError, match="Did you mean 'LR'"):
        check_parameters(made.parameters, {"lr": 4})
    with pytest.raises(ParameterError, match="is int"):
        check_parameters(made.parameters, {"max_depth": "deep"})
    check_parameters(made.parameters, {"max_depth": 4, "LR": None})


def test_parameters_of_an_empty_notebook_part():
    assert codes(pipeline("# %% parameters\n# nothing\n# %% task:a\nprint(1)")) == []
