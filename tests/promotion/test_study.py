"""What capture finds out by asking: held-out rows, row-wise answers, files that are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbprod.config import PipelineConfig
from nbprod.errors import PromotionError
from nbprod.notebook.graph import Define
from nbprod.project import Project
from nbprod.promotion import support
from nbprod.promotion.capture import capture
from nbprod.promotion.edges import with_extremes
from nbprod.promotion.measures import Measure
from nbprod.promotion.promote import promote_candidate
from nbprod.promotion.rowwise import is_rowwise
from nbprod.promotion.signature import answer_type

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
        (lambda rows: (rows["a"] / (100 if rows["a"].max() > 50 else 1)).tolist(), False),
    ],
)
def test_a_function_is_row_wise_if_order_and_company_change_nothing(function, expected: bool) -> None:
    rows = with_extremes(TABLE, lambda rows: True, 100)

    assert is_rowwise(function, rows, take) is expected


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


def test_a_module_that_reads_a_file_when_it_is_imported_is_refused(notebook: Notebook, tmp_path: Path) -> None:
    """Its path is of this machine; the service would start here, and nowhere else."""
    (notebook.folder / "words.txt").write_text("a\nb\n")
    (notebook.folder / "wordlist.py").write_text(
        "from pathlib import Path\nWORDS = Path(__file__).with_name('words.txt').read_text().split()\n"
    )
    notebook.namespace["wordlist"] = None
    notebook.steps.append(Define(notebook._cell(""), 1, "import wordlist", ("wordlist",)))
    notebook.define("def predict(text: str) -> bool:\n    return text in wordlist.WORDS")

    with pytest.raises(PromotionError, match=r"the code of cell 1, which 'predict' needs, reads words.txt"):
        capture(notebook.candidate("predict", "predict('a')"), tmp_path / "scratch")


IMAGE = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)


def test_pictures_and_bytes_go_as_base64_and_several_answers_have_their_types(
    notebook: Notebook, tmp_path: Path
) -> None:
    notebook.define("import numpy as np\nimport pandas as pd")
    notebook.compute("from tests.promotion.test_study import IMAGE\nimage, data = IMAGE, b'abc'", "image", "data")
    notebook.define(
        "def predict(picture, payload: bytes, scale: float = 1.0):\n"
        "    assert isinstance(payload, bytes) and picture.dtype == 'uint8'\n"
        "    return {'mean': picture.mean(axis=(0, 1)) * scale, 'first': picture[0, 0].astype(float)}, payload"
    )
    candidate = notebook.candidate("predict", "predict(image, data)")

    version = promote_candidate(Project(notebook.folder), candidate, PipelineConfig(notebook="wine.ipynb"))

    calls = json.loads((version.path / "src" / "samples.json").read_text())
    signature = json.loads((version.path / "src" / "signature.json").read_text())
    assert [item["kind"] for item in signature["inputs"]] == ["image", "bytes", "value"]
    assert calls[0]["arguments"]["payload"] == "YWJj"
    assert np.array_equal(support.as_image(calls[0]["arguments"]["picture"]), IMAGE)
    assert np.array_equal(support.as_image(IMAGE.tolist()), IMAGE)
    assert calls[0]["answer"][1] == "YWJj"
    assert {"pillow", "numpy"} <= {text.partition("==")[0] for text in version.lineage["requirements"]}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"p": np.ones(2), "q": np.zeros(3)}, "dict[str, list[float | None]]"),
        ({"p": np.ones(2), "n": 3}, "dict[str, Any]"),
        ((np.array([1, 2]), np.array([3])), "list[list[int]]"),
        ((np.array([1, 2]), pd.DataFrame({"a": [1]})), "list[Any]"),
        (pd.DataFrame({"a": [1]}), "list[dict[str, Any]]"),
        ("yes", "str | None"),
        (3.5, "Any"),
    ],
)
def test_answers_are_typed_as_far_as_they_stay_the_same(answer: object, expected: str) -> None:
    assert answer_type(answer) == expected


@pytest.mark.parametrize(
    ("definition", "value", "message"),
    [
        ("", "FunctionTransformer(lambda x: x)", "cannot be packaged safely: .*lambda"),
        (
            "def outer():\n    def inner(x):\n        return x\n    return inner",
            "FunctionTransformer(outer())",
            "inner",
        ),
    ],
    ids=["lambda", "closure"],
)
def test_code_that_has_no_name_in_the_notebook_cannot_be_lifted(
    notebook: Notebook, tmp_path: Path, definition: str, value: str, message: str
) -> None:
    if definition:
        notebook.define(definition)
    notebook.compute(f"from sklearn.preprocessing import FunctionTransformer\nstep = {value}", "step")
    notebook.define("def predict(x: float) -> float:\n    return float(step.transform([[x]])[0][0])")

    with pytest.raises(PromotionError, match=message):
        capture(notebook.candidate("predict", "predict(1.0)"), tmp_path / "scratch")


def test_estimators_and_steps_written_in_the_notebook_are_lifted_as_source(notebook: Notebook, tmp_path: Path) -> None:
    notebook.define("import numpy as np\nfrom sklearn.base import BaseEstimator, TransformerMixin, RegressorMixin")
    notebook.define(
        "class Cut(TransformerMixin, BaseEstimator):\n    def __init__(self, most=2.0):\n        self.most = most\n"
        "    def fit(self, X, y=None):\n        self.n_features_in_ = 1\n        return self\n"
        "    def transform(self, X):\n        return np.minimum(X, self.most)\n"
    )
    notebook.define("def double(x):\n    return x * 2")
    notebook.compute(
        "from sklearn.linear_model import LinearRegression\nfrom sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer\n"
        "pipe = make_pipeline(Cut(3.0), FunctionTransformer(double), LinearRegression(n_jobs=-1))\n"
        "pipe.fit(np.arange(6.0)[:, None], np.arange(6.0))",
        "pipe",
    )
    notebook.define(
        "def predict(x: list[float]) -> list[float]:\n    return pipe.predict(np.array(x)[:, None]).tolist()"
    )
    candidate = notebook.candidate("predict", "predict([1.0, 5.0])")

    captured = capture(candidate, tmp_path / "scratch")

    (stored,) = captured.stored
    assert 'trusted=["model.Cut", "model.double"]' in stored["code"]
    expected = notebook.namespace["predict"]([1.0, 5.0])
    assert captured.calls[0].answer == pytest.approx(expected)
    assert "model.py" not in captured.modules
