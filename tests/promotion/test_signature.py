from __future__ import annotations

import ast
import inspect

import numpy as np
import pandas as pd
import pytest

from nbprod.promotion.servicecode import ServiceText, write_service
from nbprod.promotion.signature import Input, Signature, infer_input, parameters_of

NOTHING = inspect.Parameter.empty


def infer(value: object, reference: object = None, annotation: object = NOTHING) -> Input:
    return infer_input("x", value, annotation, NOTHING, reference)


def test_a_table_becomes_rows_with_types_ranges_categories_and_missing_values_of_the_training_data() -> None:
    training = pd.DataFrame(
        {
            "od280/od315": [1.5, np.nan, 4.0],
            "count": [1, 2, 30],
            "colour": ["red", "white", "red"],
            "size": pd.Categorical(["S", "L", "S"], categories=["S", "M", "L"], ordered=True),
            "when": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"]),
            "class": [True, False, True],
        }
    )

    columns = {column.name: column for column in infer(training.head(1), training).columns}

    assert (columns["od280/od315"].field, columns["od280/od315"].nullable) == ("od280_od315", True)
    assert (columns["count"].type, columns["count"].low, columns["count"].high) == ("int", 1, 30)
    assert columns["colour"].seen == ["red", "white"]
    assert (columns["size"].categories, columns["size"].ordered) == (["S", "M", "L"], True)
    assert (columns["when"].type, columns["class"].type, columns["class"].field) == ("datetime", "bool", "column_class")


def test_a_training_table_of_other_types_does_not_decide() -> None:
    columns = infer(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [0.5, 1.5]})).columns

    assert columns[0].type == "int"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (np.zeros((2, 3)), "array", "list[Annotated[list[float], Field(min_length=3, max_length=3)]]"),
        (np.zeros(3, dtype="int64"), "array", "list[int]"),
        ([1.5, 2], "value", "list[int | float]"),
        ("text", "value", "str"),
        ({"a": 1.0, "b": "x"}, "record", "Any"),
        ([{"a": 1.0}, {"a": None}], "records", "Any"),
    ],
)
def test_other_arguments_are_typed_by_their_sample(value: object, kind: str, text: str) -> None:
    found = infer(value)

    assert (found.kind, found.type) == (kind, text)


def test_an_annotation_of_plain_types_wins_over_the_sample() -> None:
    assert infer(3, annotation=float).type == "float"
    assert infer([1], annotation=list[float]).type == "list[float]"
    assert infer(None, annotation=str | None).type == "str | None"


def test_a_value_that_http_cannot_carry_is_refused() -> None:
    with pytest.raises(TypeError, match="complex128"):
        infer(np.zeros(2, dtype="complex128"))


def test_open_ended_arguments_are_refused() -> None:
    def predict(**features: float) -> float:
        return sum(features.values())

    with pytest.raises(TypeError, match="'features' stands for any number of arguments"):
        parameters_of(predict)


def test_a_signature_survives_json() -> None:
    given = Signature((infer(pd.DataFrame({"a": [1.0], "b": ["x"]})),), {"predict": "list[int]"}, "doc")

    assert Signature.from_json(given.to_json()) == given


def test_names_and_texts_cannot_break_out_of_the_generated_code() -> None:
    odd = pd.DataFrame({'a"]); import os #': ['"""', "\\"], "def": [1, 2], "x\ny": [0.5, 1.5], 7: [1, 2]})
    signature = Signature((infer(odd),), {"predict": "Any"}, 'Ends with """ and \\')
    about = ServiceText("wine", "v1", "wine.ipynb", "run", "predict", "function", "model")

    text = write_service(about, signature)

    compile(text, "service.py", "exec")
    assert "import os" not in [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize("name", ["field", "row", "response", "any", "3d", "wine-2"])
def test_no_service_name_collides_with_what_the_code_imports(name: str) -> None:
    signature = Signature((infer(pd.DataFrame({"a": [1.0]})),), {"predict": "Any"})

    text = write_service(ServiceText(name, "v1", "n.ipynb", "run", "f", "function", "model"), signature)

    imported = {
        alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    classes = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    assert len({*classes}) == len(classes) == 2
    assert not imported & {*classes}
