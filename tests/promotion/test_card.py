"""The model card says how a model is called, what it takes, how good it is, and how that was checked."""

from __future__ import annotations

import shlex

import pandas as pd

from nbprod.promotion.capture import Call, Capture
from nbprod.promotion.card import write_card
from nbprod.promotion.gate import Check
from nbprod.promotion.signature import Signature, infer_input

from .handmade import Notebook

TABLE = pd.DataFrame({"a|b": [1.0, 2.5], "grape's": ["x|y", "z"]})
ROW = {"a|b": 1.0, "grape's": "it's"}


def card(notebook: Notebook, **more: object) -> str:
    notebook.define('def predict(rows):\n    """Name the wine."""\n    return [1] * len(rows)')
    signature = Signature((infer_input("rows", TABLE, type, ..., None),), {"predict": "list[int]"}, "Name the wine.")
    captured = Capture(
        signature,
        [Call("predict", {"rows": [ROW]}, [1])],
        [{"name": "model", "type": "sklearn.X", "format": "skops", "onnx": {"why": "it is not faster"}}],
        {},
        {},
        "3.11.7",
        {},
        "model",
        holdout={"why": "the service takes no rows"},
        many=[Call("predict", {"rows": [ROW] * 40}, [1] * 40)],
    )
    checks = [Check("accuracy", 0.95, ">= 0.9", True)]
    lineage = {"notebook": {}, "git": {"commit": "abc", "dirty": True}, "spread": {}}
    return write_card(notebook.candidate("predict"), captured, "wine", "v1", lineage, checks)


def test_it_says_how_to_call_what_was_checked_and_why_values_are_stored_as_they_are(notebook: Notebook) -> None:
    text = card(notebook)

    assert text.startswith("# wine v1\n\nName the wine.")
    assert "at commit `abc` (with changes not committed)" in text
    assert "| accuracy | >= 0.9 | 0.95 (met) |" in text
    assert "No held-out rows are kept: the service takes no rows." in text
    assert "| model | sklearn.X | skops | ONNX was not chosen: it is not faster |" in text
    assert "asked 1 call and 40 rows that the run kept over HTTP" in text


def test_names_and_texts_break_neither_its_tables_nor_its_command(notebook: Notebook) -> None:
    text = card(notebook)

    assert "| a\\|b | float | no | no | 1.0 to 2.5 |" in text
    assert "| grape's | str | no | no | x\\|y, z |" in text
    command = next(line for line in text.splitlines() if line.startswith("curl"))
    assert shlex.split(command)[-1] == '{"rows": [{"a|b": 1.0, "grape\'s": "it\'s"}]}'
