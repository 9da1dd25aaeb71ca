from __future__ import annotations

import datetime as dt
import enum
import json

import numpy as np
import pandas as pd
import pytest

from nbprod.promotion.support import plain, steady_batches


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.1), 0.10000000149011612),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
        (np.bool_(True), True),
        (np.array(["2026-01-02"], dtype="datetime64[D]"), ["2026-01-02"]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series({"a": 0.5, "b": 1.0}), {"a": 0.5, "b": 1.0}),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.Timestamp("2026-01-02 03:04"), "2026-01-02T03:04:00"),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        (dt.date(2026, 1, 2), "2026-01-02"),
        ({Colour.RED: (1, {2})}, {"red": [1, [2]]}),
    ],
)
def test_values_of_the_usual_libraries_become_plain_json(value: object, expected: object) -> None:
    result = plain(value)

    assert result == expected
    assert type(result) is type(expected)
    assert json.loads(json.dumps(result, allow_nan=False)) == expected


def test_a_value_without_a_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="has no JSON form"):
        plain([object()])


def test_a_keras_model_survives_a_call_that_fails_and_answers_batches_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keras on JAX takes the weights out of a model while it predicts, and leaves it without them if that fails."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "jax":
        pytest.skip(f"Keras runs on {keras.backend.backend()} here")
    layers = [keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    rows = np.random.default_rng(0).normal(size=(70, 3)).astype("float32")
    expected = np.asarray(model(rows))

    steady_batches(model)

    for bad, options in ((rows[:, :2], {}), (rows[:40, :2], {}), (rows[:, :2], {"batch_size": 8})):
        with pytest.raises(ValueError, match=r"incompatible|shape"):
            model.predict(bad, **options)
        for count in (1, 5, 32, 33, 70):
            np.testing.assert_allclose(model.predict(rows[:count]), expected[:count], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.predict(rows, batch_size=8), expected, rtol=1e-5, atol=1e-6)
