from __future__ import annotations

import ast
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nbprod.config import PipelineConfig
from nbprod.errors import GateError, NotFoundError, ParityError, PromotionError
from nbprod.notebook.graph import Define
from nbprod.project import Project
from nbprod.promotion.capture import capture
from nbprod.promotion.modelcode import write_model
from nbprod.promotion.package import requirements
from nbprod.promotion.promote import clear_scratch, promote_candidate
from nbprod.promotion.registry import ModelVersion, Registry, Status

from .handmade import Notebook

CONFIG = PipelineConfig(notebook="wine.ipynb")


def test_a_promoted_run_is_a_ready_champion_with_files_and_lineage(promoted: ModelVersion) -> None:
    assert (promoted.name, promoted.status, promoted.aliases) == ("wine/v1", Status.READY, ("champion",))
    assert promoted.lineage["parameters"] == {"max_depth": 3}
    assert promoted.lineage["notebook"]["path"] == "wine.ipynb"
    versions = {text.partition("==")[0] for text in promoted.lineage["requirements"]}
    assert {"numpy", "pandas", "scikit-learn", "skops"} <= versions
    assert (promoted.path / "bento.yaml").is_file()
    for file, sha in promoted.files.items():
        assert hashlib.sha256((promoted.path / file).read_bytes()).hexdigest() == sha


def test_the_service_is_code_without_main_pickle_or_nbprod(promoted: ModelVersion) -> None:
    source = promoted.path / "src"

    files = {path.name for path in (source / "artifacts").iterdir()}
    assert {Path(file).suffix for file in files} <= {".skops", ".onnx", ".json"}
    assert {"model.skops", "scaler.skops"} <= files
    for file in ("service.py", "model.py", "nbprod_support.py"):
        tree = ast.parse((source / file).read_text())
        imports = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        imports |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name.partition(".")[0] == "nbprod" for name in imports)
    model = (source / "model.py").read_text()
    assert 'names = ["barolo"' in model.replace("'", '"')
    assert "def logp(x):" in model
    assert 'trusted=["model.logp"]' in model
    assert "__main__" not in model


def test_a_gate_that_is_not_met_stores_nothing(notebook: Notebook) -> None:
    project = Project(notebook.folder)
    notebook.define("def predict(x: float) -> float:\n    return 2 * x")
    config = PipelineConfig.model_validate({"notebook": "wine.ipynb", "promote": {"require": {"accuracy": ">= 0.99"}}})

    with pytest.raises(GateError):
        promote_candidate(project, notebook.candidate("predict", "1.5"), config)

    assert Registry(project).versions() == []
    assert not (project.state / "models").exists()


def test_a_service_that_answers_something_else_is_never_ready(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function reads a variable of this shell, which the service, elsewhere, would not have."""
    project = Project(notebook.folder)
    monkeypatch.setenv("FACTOR", "3")
    notebook.define("import os\ndef predict(x: float) -> float:\n    return x * float(os.environ.get('FACTOR', 1))")

    with pytest.raises(ParityError, match=r"/predict at the answer: 4.5 in the notebook, 1.5 from the") as caught:
        promote_candidate(project, notebook.candidate("predict", "predict(1.5)"), CONFIG)

    (version,) = Registry(project).versions()
    assert (version.status, version.path.exists(), caught.value.exit_code) == (Status.FAILED, False, 4)
    assert (project.state / "failed" / "wine-v1" / "src" / "service.py").is_file()
    assert list((project.state / "scratch").iterdir()) == []
    with pytest.raises(NotFoundError, match="no champion"):
        Registry(project).get("wine")


def test_keras_models_go_as_keras_files_with_the_notebooks_layers(notebook: Notebook) -> None:
    project = Project(notebook.folder)
    notebook.define("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras\nimport numpy as np")
    notebook.define("class Twice(keras.layers.Layer):\n    def call(self, x):\n        return x * 2.0")
    notebook.compute(
        "keras.utils.set_random_seed(0)\n"
        "model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4), Twice(), keras.layers.Dense(1)])",
        "model",
    )
    notebook.define("def predict(x: np.ndarray):\n    return model.predict(x, verbose=0)[:, 0]")

    version = promote_candidate(project, notebook.candidate("predict", "predict(np.eye(3))"), CONFIG)

    source = version.path / "src"
    assert [path.name for path in (source / "artifacts").iterdir()] == ["model.keras"]
    assert 'custom_objects={"Twice": Twice}' in (source / "model.py").read_text()
    assert {"jax", "keras"} <= {text.partition("==")[0] for text in version.lineage["requirements"]}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def test_a_value_without_a_safe_format_needs_the_flag(notebook: Notebook, scratch: Path) -> None:
    notebook.define("import re")
    notebook.compute("pattern = re.compile('a+')", "pattern")
    notebook.define("def predict(text: str) -> bool:\n    return pattern.match(text) is not None")
    candidate = notebook.candidate("predict", "predict('aa')")

    with pytest.raises(PromotionError, match=r"'pattern' \(a re.Pattern\).*\n.*--allow-pickle"):
        capture(candidate, scratch)

    captured = capture(candidate, scratch / "again", allow_pickle=True)
    assert [(item["name"], item["format"]) for item in captured.stored] == [("pattern", "pickle")]
    assert captured.calls[0].answer is True


def test_a_serve_function_without_an_example_says_what_to_do(notebook: Notebook, scratch: Path) -> None:
    notebook.define("def predict(x):\n    return x")

    with pytest.raises(PromotionError, match=r"no sample input for 'predict'.*\n.*Call `predict\(\.\.\.\)`"):
        capture(notebook.candidate("predict", "unknown_name"), scratch)


def test_a_serve_function_that_fails_names_the_error(notebook: Notebook, scratch: Path) -> None:
    notebook.define("def predict(x):\n    return x / 0")

    with pytest.raises(PromotionError, match=r"`predict` fails on the sample.*ZeroDivisionError"):
        capture(notebook.candidate("predict", "1"), scratch)


def test_modules_beside_the_notebook_travel_with_the_service(notebook: Notebook, scratch: Path) -> None:
    (notebook.folder / "helpers.py").write_text("def double(x):\n    return 2 * x\n")
    sys.path.insert(0, str(notebook.folder))
    try:
        notebook.define("from helpers import double")
    finally:
        sys.path.remove(str(notebook.folder))
    notebook.define("def predict(x: int) -> int:\n    return double(x)")

    captured = capture(notebook.candidate("predict", "predict(21)"), scratch)

    assert captured.modules == {"helpers.py": str(notebook.folder / "helpers.py")}
    assert captured.calls[0].answer == 42


def test_an_estimator_serves_predict_and_predict_proba_with_the_table_it_was_fitted_on(
    notebook: Notebook, scratch: Path
) -> None:
    notebook.compute(
        "import pandas as pd\nfrom sklearn.ensemble import RandomForestClassifier\n"
        "X = pd.DataFrame({'a': [0.0, 1, 2, 3], 'b': [1.0, 0, 1, 0]})\n"
        "model = RandomForestClassifier(3, n_jobs=-1, random_state=0).fit(X, [0, 0, 1, 1])",
        "model",
    )

    captured = capture(notebook.candidate("model", kind="estimator", kept=("X",)), scratch)

    assert [call.route for call in captured.calls] == ["predict", "predict", "predict_proba", "predict_proba"]
    assert captured.calls[0].answer == notebook.namespace["model"].predict(notebook.namespace["X"]).tolist()
    assert captured.signature.answers == {"predict": "list[int]", "predict_proba": "list[list[float | None]]"}
    assert [column.high for column in captured.signature.inputs[0].columns] == [3.0, 1.0]


def test_a_default_keeps_the_version_of_its_place(notebook: Notebook, scratch: Path) -> None:
    """The same name loaded twice, a definition in between: each place sees its own value."""
    notebook.compute("limit = 1", "limit")
    first = notebook.save("limit").artifact
    notebook.define("def predict(x: int, most: int = limit) -> list[int]:\n    return [min(x, most), limit]")
    notebook.compute("limit = 2", "limit")
    candidate = notebook.candidate("predict", "predict(5)")
    later = replace(candidate.closure.prelude[-1], task="later")
    candidate = replace(
        candidate,
        closure=replace(candidate.closure, prelude=(*candidate.closure.prelude[:-1], later)),
        loads={"train": {"limit": first}, "later": candidate.loads["train"]},
    )

    captured = capture(candidate, scratch)

    assert captured.calls[0].answer == [1, 2]
    assert [item["code"] for item in captured.stored] == ["1", "2"]


def test_what_was_set_on_a_function_is_set_in_the_service_too(notebook: Notebook, scratch: Path) -> None:
    notebook.define("def scale(x):\n    return x * scale.factor\nscale.unit = 'm'")
    notebook.change("scale", factor=3, unit="m")
    notebook.define("def predict(x: int) -> list:\n    return [scale(x), scale.unit]")
    candidate = notebook.candidate("predict", "predict(2)")

    captured = capture(candidate, scratch)

    assert captured.calls[0].answer == [6, "m"]
    assert [(item["name"], item["code"]) for item in captured.stored] == [("scale.factor", "3")]
    assert "scale.factor = 3" in write_model("wine/v1", candidate, captured.stored, {})


def test_variables_that_a_task_set_go_along_and_secrets_do_not(notebook: Notebook, scratch: Path) -> None:
    notebook.define("import os\ndef predict(x: int) -> str:\n    return os.environ['MY_MODE']")
    notebook.compute("", "@environ")
    notebook.namespace["@environ"] = {"set": {"MY_MODE": "fast", "MY_API_KEY": "x"}, "unset": []}
    candidate = notebook.candidate("predict", "1")

    captured = capture(candidate, scratch)

    assert captured.calls[0].answer == "fast"
    assert captured.environment == {"MY_MODE": "fast"}
    assert 'os.environ.setdefault("MY_MODE", "fast")' in write_model("wine/v1", candidate, [], captured.environment)


def test_magics_become_comments_in_the_generated_code(notebook: Notebook, scratch: Path) -> None:
    notebook.define("def predict(x: int) -> int:\n    return x")
    candidate = notebook.candidate("predict", "1")
    first = candidate.closure.prelude[0]
    magic = replace(first, source="%matplotlib inline\n" + first.source)
    candidate = replace(candidate, closure=replace(candidate.closure, prelude=(magic,)))

    text = write_model("wine/v1", candidate, [], {})

    assert capture(candidate, scratch).calls[0].answer == 1
    assert "# get_ipython().run_line_magic('matplotlib', 'inline')" in text


def test_a_column_that_the_function_does_without_may_be_left_out(notebook: Notebook, scratch: Path) -> None:
    notebook.compute(
        "import pandas as pd\ntable = pd.DataFrame({'a': [1.0, 2.0], 'b': [0.0, 0.0], 'label': [1, 0]})", "table"
    )
    notebook.define("def predict(rows):\n    return (rows['a'] + rows['b']).tolist()")

    captured = capture(notebook.candidate("predict", "predict(table)"), scratch)

    assert [(c.name, c.optional) for c in captured.signature.inputs[0].columns] == [
        ("a", False),
        ("b", False),
        ("label", True),
    ]
    assert captured.calls[-1].arguments == {"rows": [{"a": 1.0, "b": 0.0}]}
    assert captured.calls[-1].answer == [1.0]


def test_annotations_are_evaluated_as_in_the_notebook(notebook: Notebook, scratch: Path) -> None:
    kinds = "def kinds():\n    return [type(v).__name__ for f in (first, second) for v in f.__annotations__.values()]"
    notebook.define("def first(x: int): ...")
    notebook.define("from __future__ import annotations")
    notebook.define("def second(x: Later): ...")
    notebook.define(kinds)
    notebook.define("def predict(x: int) -> list:\n    return kinds()")

    assert capture(notebook.candidate("predict", "1"), scratch).calls[0].answer == ["type", "str"]


def test_requirements_are_what_is_imported_here_and_an_import_that_nobody_provides_is_an_error(
    notebook: Notebook, scratch: Path
) -> None:
    (notebook.folder / "helpers.py").write_text(
        "try:\n    import not_installed\nexcept ImportError:\n    pass\nimport yaml\n"
    )
    notebook.steps.append(Define(notebook._cell(""), 1, "import helpers, json\nimport numpy as np", ("helpers",)))
    notebook.define("def predict(x: int) -> int:\n    return x")
    candidate = notebook.candidate("predict", "predict(21)")
    captured = capture(candidate, scratch)

    assert [text.partition("==")[0] for text in requirements(candidate, captured)] == ["numpy", "PyYAML"]

    with pytest.raises(PromotionError, match="imports numpy, which no installed package provides"):
        requirements(candidate, replace(captured, packages={**captured.packages, "numpy": []}))


def test_a_module_of_the_authors_called_model_is_left_alone(notebook: Notebook, scratch: Path) -> None:
    (notebook.folder / "model.py").write_text("def double(x):\n    return 2 * x\n")
    notebook.namespace["double"] = None
    notebook.steps.append(Define(notebook._cell(""), 1, "from model import double", ("double",)))
    notebook.define("def predict(x: int) -> int:\n    return double(x)")

    captured = capture(notebook.candidate("predict", "predict(21)"), scratch)

    assert (captured.module, captured.calls[0].answer) == ("notebook_model", 42)
    assert list(captured.modules) == ["model.py"]


def test_a_guess_that_does_not_fit_gives_way_to_the_next(notebook: Notebook, scratch: Path) -> None:
    """What is passed to the model inside is no input of the function; a call of the function is."""
    notebook.compute("inner = 1\nrows = [[1.0, 2.0]]", "inner", "rows")
    notebook.define("async def predict(x: list[list[float]]):\n    return [sum(row) for row in x]")

    captured = capture(notebook.candidate("predict", "inner", "rows"), scratch)

    assert captured.calls[0].arguments == {"x": [[1.0, 2.0]]}
    assert captured.calls[0].answer == [3.0]
    assert captured.signature.waits


def test_what_a_killed_promotion_left_is_cleared(tmp_path: Path) -> None:
    project = Project(tmp_path)
    left = project.state / "scratch" / f"promote-{2**22 - 7}-1-x"
    left.mkdir(parents=True)

    clear_scratch(project)

    assert not left.exists()


def test_the_stored_sample_is_what_the_notebook_answers(wine: Notebook, promoted: ModelVersion) -> None:
    calls = json.loads((promoted.path / "src" / "samples.json").read_text())

    expected = wine.namespace["predict"](wine.namespace["X"].head(3))
    assert calls[0]["answer"] == expected
    assert [len(call["arguments"]["rows"]) for call in calls] == [3, 1]
