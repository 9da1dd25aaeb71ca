from __future__ import annotations

import copy
import sys
import types
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.cluster import Birch
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from nbprod.promotion import support
from nbprod.promotion.fidelity import lost
from nbprod.promotion.formats import Stored, Unstorable, store

MLP = MLPClassifier((4,), max_iter=300, tol=1.0)
X, Y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    made = types.ModuleType("model_of_test")
    sys.modules["model_of_test"] = made
    exec(
        "class Weights:\n    def __init__(self, w):\n        self.w = w\n"
        "class Words(dict):\n    unknown = 0\nclass Pair(tuple):\n    pass\nclass Metres(float):\n    pass",
        made.__dict__,
    )
    yield made
    del sys.modules["model_of_test"]


def keep(value: Any, folder: Path, *, allow_pickle: bool = False) -> Stored:
    return store("value", value, folder, "model_of_test", frozenset({"model_of_test"}), allow_pickle)


def back(stored: Stored, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read a value as generated code does."""
    monkeypatch.setattr(support, "ARTIFACTS", folder)
    return eval(stored.code, {"nbprod_support": support})


@pytest.mark.parametrize(
    ("value", "format_"),
    [
        (3.5, "literal"),
        (float("inf"), "literal"),
        (["a", (1, None)], "literal"),
        (np.float32(0.1), "literal"),
        (np.arange(6.0).reshape(2, 3), "npy"),
        (pd.DataFrame({"a": [1.5, np.nan], "b": pd.Categorical(["x", "y"])}, index=["r", "s"]), "parquet"),
        (pd.Series({"a": 0.5, "b": 1.5}, name="median"), "parquet"),
        (pd.Index(["a", "b"], name="columns"), "parquet"),
        ({"a": np.arange(3), "b": [date(2026, 1, 2)]}, "skops"),
        (list(range(1000)), "literal"),
        ({("a", number): {number} for number in range(200)}, "literal"),
        (frozenset(range(3)), "skops"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_values_come_back_exactly_from_formats_that_hold_no_code(
    value: Any, format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = keep(value, tmp_path)
    found = back(stored, tmp_path, monkeypatch)

    assert stored.format == format_
    assert type(found) is type(value)
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        assert found.equals(value)
        assert getattr(found, "name", None) == getattr(value, "name", None)
    else:
        np.testing.assert_equal(found, value)


def test_the_notebooks_own_classes_and_trees_are_trusted_by_name(
    module: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = [module.Weights(np.arange(3)), RandomForestClassifier(2).fit(X, Y)]

    stored = keep(value, tmp_path)

    assert 'trusted=["model_of_test.Weights", "sklearn.tree._tree.Tree"]' in stored.code
    assert stored.packages == ("skops", "numpy", "sklearn")
    weights, forest = back(stored, tmp_path, monkeypatch)
    assert type(weights) is module.Weights
    assert (forest.predict(X) == value[1].predict(X)).all()


def test_no_estimator_starts_threads_in_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vote = VotingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(2, n_jobs=-1))], n_jobs=2)
    vote.fit(X, Y)

    found = back(keep(vote, tmp_path), tmp_path, monkeypatch)

    assert (found.n_jobs, [getattr(inner, "n_jobs", 1) or 1 for inner in found.estimators_]) == (1, [1, 1])
    assert (vote.n_jobs, vote.estimators_[1].n_jobs) == (2, -1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Birch().fit(X), "Birch are not supported"),
        (lambda x: x, "<lambda>"),
        (types.SimpleNamespace(a=1), "types.SimpleNamespace, which nbprod does not trust"),
    ],
    ids=["unsupported", "lambda", "untrusted"],
)
def test_what_has_no_safe_format_says_why_and_leaves_no_file(value: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Unstorable, match=reason):
        keep(value, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ("words = Words(a=1)\nwords.unknown = 9\nvalue = words", ".unknown is lost"),
        ("value = {'a': [Pair((1, 2))]}", r"\['a'\]\[0\] becomes a tuple"),
        ("value = Weights(Metres(1.5))", ".w becomes a float"),
    ],
)
def test_what_does_not_come_back_as_it_was_is_refused(
    module: types.ModuleType, make: str, reason: str, tmp_path: Path
) -> None:
    """skops keeps no attributes of a dict's subclass, and makes plain values of subclasses."""
    exec(make, module.__dict__)

    with pytest.raises(Unstorable, match=f"skops does not give it back as it was: {reason}"):
        keep(module.value, tmp_path)

    assert keep(module.value, tmp_path, allow_pickle=True).format == "pickle"


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3),
        GradientBoostingClassifier(n_estimators=3),
        TfidfVectorizer(),
        IsolationForest(n_estimators=3),
        MLP,
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_of_scikit_learn_come_back_part_by_part(model: Any) -> None:
    model.fit(["red wine", "old port"] if isinstance(model, TfidfVectorizer) else X, Y)
    data = skops.io.dumps(model)

    assert lost(model, skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))) is None
    other = copy.deepcopy(model)
    attribute = next(name for name in vars(model) if name.endswith("_"))
    delattr(other, attribute)
    assert lost(model, other) is not None


def test_pickle_is_used_only_where_allowed_and_needed(tmp_path: Path) -> None:
    assert keep(Birch().fit(X), tmp_path, allow_pickle=True).format == "pickle"
    assert keep(LogisticRegression().fit(X, Y), tmp_path, allow_pickle=True).format == "skops"
