"""What capture finds out by asking: held-out rows, row-wise answers, files that are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbprod.errors import PromotionError
from nbprod.promotion.capture import capture
from nbprod.promotion.measures import Measure
from nbprod.promotion.rowwise import is_rowwise

from .handmade import Notebook

TABLE = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0)[::-1] % 7})


def take(rows: pd.DataFrame, places: list[int]) -> pd.DataFrame:
    return rows.iloc[places].reset_index(drop=True)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda rows: (rows["a"] * 2 + rows["b"]).tolist(), True),
        (lambda rows: [{"sum": a + b} for a, b in zip(rows["a"], rows["b"], strict=True)], True),
        (lambda rows: (rows["a"] - rows["a"].mean()).tolist(), False),
        (lambda rows: rows["a"].rank().tolist(), False),
        (lambda rows: rows["a"].cumsum().tolist(), False),
        (lambda rows: (rows["a"] + rows.index).tolist(), False),
        (lambda rows: rows["a"].sum(), False),
        (lambda rows: [1] * len(rows), False),
        (lambda rows: rows["a"].tolist()[:30], False),
        (lambda rows: rows["a"].drop_duplicates().tolist(), False),
        (lambda rows: np.random.default_rng().normal(size=len(rows)).tolist(), False),
        (lambda rows: rows["a"].tolist() if len(rows) > 1 else [0.0], False),
    ],
)
def test_a_function_is_row_wise_if_order_and_company_change_nothing(function, expected: bool) -> None:
    assert is_rowwise(function, TABLE, take) is expected


def test_what_fails_alone_is_not_row_wise() -> None:
    def function(rows: pd.DataFrame) -> list[float]:
        if len(rows) < 2:
            raise ValueError
        return rows["a"].tolist()

    assert is_rowwise(function, TABLE, take) is False


@pytest.fixture
def study(notebook: Notebook) -> Notebook:
    """A model that was trained on one half of a table, and measured on the other."""
    notebook.define("import numpy as np\nimport pandas as pd\nfrom sklearn.metrics import accuracy_score")
    notebook.compute(
        """
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
rng = np.random.default_rng(0)
table = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
label = ((table["a"] + rng.normal(scale=0.5, size=200)) > 0).astype(int)
X_train, X_test, y_train, y_test = table[:120], table[120:], label[:120], label[120:]
scaler = StandardScaler().fit(X_train)
model = LogisticRegression().fit(scaler.transform(X_train), y_train)
names = ["no", "yes"]
accuracy = accuracy_score(y_test, model.predict(scaler.transform(X_test)))
""",
        "scaler",
        "model",
        "names",
    )
    return notebook


def measured(study: Notebook, serve: str, sample: str):
    accuracy = study.namespace["accuracy"]
    found = study.candidate(
        serve, sample, kept=("X_train", "X_test", "y_train", "y_test"), metrics={"accuracy": accuracy}
    )
    code = "accuracy = accuracy_score(y_test, predicted)"
    imported = ("from sklearn.metrics import accuracy_score",)
    return replace(found, measures=[Measure("accuracy", accuracy, code, imported, ("predicted", "y_test"))])


def test_capture_finds_rows_profile_and_format(study: Notebook, tmp_path: Path) -> None:
    study.define(
        "def predict(rows):\n    return [names[i] for i in model.predict(scaler.transform(rows))]",
    )
    candidate = measured(study, "predict", "predict(X_test.head(2))")

    captured = capture(candidate, tmp_path / "one")

    assert (captured.holdout["name"], captured.holdout["rows"]) == ("X_test", 80)
    assert captured.holdout["metrics"] == {"accuracy": pytest.approx(study.namespace["accuracy"])}
    assert captured.signature.rowwise is True
    assert captured.profile["rows"] == 120
    assert captured.profile["prediction"]["predict"]["seen"] == "held-out"
    formats = {item["name"]: item["format"] for item in captured.stored}
    assert formats["scaler"] == formats["model"] == "onnx"
    assert {"scaler.skops", "model.skops", "model.onnx"} <= {p.name for p in (tmp_path / "one" / "artifacts").iterdir()}

    again = capture(candidate, tmp_path / "two", against=[tmp_path / "one" / "holdout"])
    (score,) = again.scores.values()
    assert score == {"metrics": captured.holdout["metrics"], "problems": {}}


def test_rows_that_the_user_names_are_taken_and_such_that_are_not_there_are_told(
    study: Notebook, tmp_path: Path
) -> None:
    study.define("def predict(rows):\n    return model.predict(scaler.transform(rows))")
    candidate = measured(study, "predict", "predict(X_train.head(2))")

    found = capture(candidate, tmp_path / "one", holdout={"rows": "X_test", "truth": "y_test"})
    missing = capture(candidate, tmp_path / "two", holdout={"rows": "X_tset"})
    by_itself = capture(candidate, tmp_path / "three")

    assert found.holdout["name"] == by_itself.holdout["name"] == "X_test"
    assert missing.holdout == {"why": "the run did not keep 'X_tset' (promote.holdout.rows)"}
    assert json.loads((tmp_path / "one" / "holdout" / "holdout.json").read_text())["recipes"][0]["truth"] == "y_test"


def test_a_function_that_reads_a_file_when_it_is_asked_is_refused(notebook: Notebook, tmp_path: Path) -> None:
    (notebook.folder / "words.txt").write_text("a\nb\n")
    notebook.define("def predict(text: str) -> bool:\n    return text in open('words.txt').read().split()")

    with pytest.raises(
        PromotionError, match=r"'predict' reads words.txt when it is asked.*\n.*Read it in a cell before"
    ):
        capture(notebook.candidate("predict", "predict('a')"), tmp_path / "scratch")
