"""What a service takes and gives is known before it is built, and is what BentoML makes of it then."""

from __future__ import annotations

import json

from nbprod.promotion.interface import Field, fields, interface
from nbprod.promotion.registry import ModelVersion
from nbprod.promotion.signature import Column, Input, Signature


def test_the_schemas_are_those_of_the_bento(promoted: ModelVersion) -> None:
    signature = Signature.from_json(json.loads((promoted.path / "src" / "signature.json").read_text()))

    assert interface(signature) == promoted.interface


def test_fields_are_told_with_where_they_stand() -> None:
    columns = (
        Column("age", "age", "int", "int64", low=1, high=9),
        Column("first name", "first_name", "str", "object", optional=True),
    )
    signature = Signature(
        (Input("digits", "value", "int", default="3"), Input("rows", "frame", columns=columns)), {"predict": "Any"}
    )

    found = list(fields(interface(signature)["predict"]["input"]))

    assert found == [
        Field("age", "rows[]", "integer", True, "1 to 9 in training"),
        Field("first name", "rows[]", "string or null", False, ""),
        Field("digits", "", "integer", False, ""),
    ]
