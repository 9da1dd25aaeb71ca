"""ONNX is chosen only where the answers are the model's own and come faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from nbprod.promotion import conversion, onnxed, standins, trees
from nbprod.promotion.support import plain

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def convert(model: Any, rows: Any, folder: Path, function: Any = None) -> tuple[dict[str, Any], Any]:
    space: dict[str, Any] = {"model": model}

    def ask(given: Any) -> Any:
        return plain((function or (lambda model, rows: model.predict(rows)))(space["model"], given))

    expected = [ask(rows), ask(rows[:1])]
    figures = conversion.convert("model", model, space, ask, [rows, rows[:1]], expected, folder, lambda: model)
    return figures, space["model"]


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (RandomForestClassifier(20, random_state=0), "predict_proba"),
        (RandomForestClassifier(20, random_state=0), "predict"),
        (GradientBoostingClassifier(n_estimators=20, random_state=0), "predict"),
        (RandomForestRegressor(20, random_state=0), "predict"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "predict_proba"),
        (StandardScaler(), "transform"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_answers_are_the_models_own_on_more_than_a_thousand_rows(model: Any, method: str, tmp_path: Path) -> None:
    model.fit(X, Y)

    figures, made = convert(model, X, tmp_path, lambda model, rows: getattr(model, method)(rows))

    assert figures["rows"] >= 1000
    assert figures["methods"] == [method]
    assert figures["ms"]["1"]["onnx"] < figures["ms"]["1"]["source"]
    fresh = RNG.normal(size=(500, 4)) * 3
    answer = getattr(made, method)(fresh)
    np.testing.assert_allclose(answer, getattr(model, method)(fresh), rtol=1e-5, atol=1e-7)
    assert answer.dtype == getattr(model, method)(fresh).dtype


def test_tables_with_words_are_converted_too_and_other_columns_go_to_the_model(tmp_path: Path) -> None:
    table = pd.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "red", "white")})
    parts = [("n", StandardScaler(), ["size"]), ("k", OneHotEncoder(handle_unknown="ignore"), ["kind"])]
    model = make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(table, Y)

    figures, made = convert(model, table, tmp_path, lambda model, rows: model.predict_proba(rows))

    assert figures["precision"] in ("float64", "float32")
    np.testing.assert_allclose(made.predict_proba(table), model.predict_proba(table), rtol=1e-5)
    swapped = table[["kind", "size"]]
    np.testing.assert_array_equal(made.predict_proba(swapped), model.predict_proba(swapped))
    with pytest.raises(ValueError, match="columns are missing"):
        made.predict_proba(table[["size"]])


def test_what_the_model_refuses_is_refused_and_what_else_it_has_is_there(tmp_path: Path) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, np.where(Y, "yes", "no"))

    _, made = convert(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.where(Y, "yes", "no")), X, tmp_path
    )

    bad = X[:2].copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        made.predict(bad)
    with pytest.raises(ValueError, match="features"):
        made.predict(X[:, :2])
    assert list(made.classes_) == ["no", "yes"]
    assert made.named_steps["logisticregression"].coef_.shape == (1, 4)
    assert made.decision_function(X[:3]).shape == (3,)
    assert made.predict(X[:5]).tolist() == made.steps[-1][1].predict(made.steps[0][1].transform(X[:5])).tolist()
    assert model.n_features_in_ == 4


def test_missing_values_are_compared_where_they_were_seen(tmp_path: Path) -> None:
    holes = X.copy()
    holes[::7, 1] = np.nan
    model = HistGradientBoostingClassifier(max_iter=10).fit(holes, Y)
    try:
        _, made = convert(model, holes, tmp_path, lambda model, rows: model.predict_proba(rows))
    except conversion.Kept as why:
        pytest.skip(f"this skl2onnx does not convert it: {why}")

    assert made._given(holes) is not None
    np.testing.assert_allclose(made.predict_proba(holes), model.predict_proba(holes), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("model", "function", "why"),
    [
        (KNeighborsClassifier(), None, "not faster|differ|labels are other"),
        (make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()), None, "cannot be converted"),
        (LogisticRegression(), lambda model, rows: (model.coef_ @ rows.T)[0], "does not ask it for a table"),
        (
            make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=3, random_state=0)),
            lambda model, rows: [str(p) for p in model.predict_proba(rows)[:, 1] / 3],
            "answers differ|fails",
        ),
        (
            LogisticRegression(),
            lambda model, rows: [isinstance(model, LogisticRegression), *model.predict(rows)],
            "differ",
        ),
    ],
    ids=["slower", "unknown", "attributes", "amplified", "isinstance"],
)
def test_otherwise_the_model_stays_and_it_is_said_why(model: Any, function: Any, why: str, tmp_path: Path) -> None:
    model.fit(np.abs(X), Y)
    if isinstance(model, KNeighborsClassifier):
        model.fit(np.repeat(np.abs(X), 10, axis=0), np.repeat(Y, 10))

    with pytest.raises(conversion.Kept, match=why):
        convert(model, np.abs(X), tmp_path, function)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x):\n    return model.predict(x), model.classes_", True),
        ("def f(x):\n    return helper(model, x)", False),
        ("def f(x):\n    model.n_jobs = 2\n    return model.predict(x)", False),
        ("def f(x):\n    global model\n    model = None", False),
        ("def f(x):\n    return model[-1].predict(x)", False),
        ("def f(x):\n    return globals()['model'].predict(x)", False),
        ("other = model", False),
    ],
)
def test_only_a_model_that_is_used_by_its_methods_may_be_stood_for(source: str, expected: bool) -> None:
    assert standins.only_attributes("model", [source]) is expected


def test_a_function_that_rounds_is_found_out_though_no_row_that_was_compared_differs(tmp_path: Path) -> None:
    """A pipeline's trees are written by skl2onnx, in single precision."""
    model = make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=20, random_state=0)).fit(X, Y)

    with pytest.raises(conversion.Kept, match=r"makes much of small differences, as rounding does|answers differ"):
        convert(model, X, tmp_path, lambda model, rows: model.predict_proba(rows).max(axis=1).round(4))

    figures, _ = convert(model, X, tmp_path, lambda model, rows: model.predict_proba(rows).max(axis=1))
    assert figures["precision"] in ("float32", "float64")


THREE = Y + (X[:, 2] > 1)
HOLES = X.copy()
HOLES[::7, 1] = np.nan


@pytest.mark.parametrize(
    ("model", "rows", "truth"),
    [
        (GradientBoostingClassifier(n_estimators=20, random_state=0), X, THREE),
        (GradientBoostingClassifier(n_estimators=20, random_state=0), X, np.where(Y, "yes", "no")),
        (GradientBoostingRegressor(n_estimators=20, random_state=0, init="zero"), X, X[:, 0]),
        (RandomForestClassifier(20, random_state=0), HOLES, THREE),
        (RandomForestRegressor(10, random_state=0), X, X[:, :2]),
        (ExtraTreesClassifier(10, random_state=0), X, Y),
        (DecisionTreeRegressor(max_depth=3), X, X[:, 0]),
        (DecisionTreeClassifier(max_depth=1, min_samples_leaf=400), X, Y),
        (HistGradientBoostingClassifier(max_iter=10), HOLES, THREE),
        (HistGradientBoostingClassifier(max_iter=10), X, Y),
        (HistGradientBoostingRegressor(max_iter=10), HOLES, X[:, 0]),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_trees_are_summed_in_double_precision_so_that_a_function_may_round(
    model: Any, rows: Any, truth: Any, tmp_path: Path
) -> None:
    model.fit(rows, truth)
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"

    def answer(model: Any, rows: Any) -> Any:
        return [model.predict(rows), getattr(model, method)(rows).round(4)]

    figures, made = convert(model, rows, tmp_path, answer)

    assert figures["precision"] == conversion.TREES
    assert figures["largest_difference"] < 1e-12
    fresh = RNG.normal(size=(5000, 4)) * 2
    if np.isnan(rows).any():
        fresh[::5, 1] = np.nan
    assert made._given(fresh) is not None
    assert (made.predict(fresh) == model.predict(fresh)).all()
    assert (getattr(made, method)(fresh).round(6) == getattr(model, method)(fresh).round(6)).all()


@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingClassifier(n_estimators=3, loss="exponential"),
        GradientBoostingRegressor(n_estimators=3, init=LogisticRegression()),
        HistGradientBoostingRegressor(max_iter=3, loss="poisson"),
        HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]),
        RandomForestClassifier(3),
        LogisticRegression(),
    ],
    ids=["exponential", "init", "poisson", "categorical", "two", "line"],
)
def test_what_is_no_plain_ensemble_of_trees_is_left_to_skl2onnx(model: Any) -> None:
    two = isinstance(model, RandomForestClassifier)
    model.fit(np.abs(X).round(), np.c_[Y, Y] if two else Y)

    assert trees.graph(model) is None


def test_few_rows_are_not_enough_to_compare(tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, Y)

    with pytest.raises(conversion.Kept, match="only 5 rows are known"):
        convert(model, X[:5], tmp_path)


def test_the_session_uses_one_thread_and_the_source_is_not_read_without_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression().fit(X, Y)
    convert(model, X, tmp_path)
    monkeypatch.setattr(onnxed, "ARTIFACTS", tmp_path)
    read: list[int] = []

    def source() -> Any:
        read.append(1)
        return model

    made = onnxed.load("model.onnx", source)

    assert made.predict(X).tolist() == model.predict(X).tolist()
    assert made.classes_.tolist() == [0, 1]
    assert read == []
    assert made.get_params()["C"] == 1.0
    assert read == [1]
