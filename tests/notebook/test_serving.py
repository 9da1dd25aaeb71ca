from __future__ import annotations

from tests.notebook.making import codes, errors, graph, pipeline, steps

MODEL = "# %%\nfrom lib import Model, Scaler, load\n# %% task:a\nX, y = load()\nscaler = Scaler()\nZ = scaler.fit_transform(X)\n# %% task:b\nmodel = Model()\nmodel.fit(Z, y)\n"


def test_the_function_of_the_serve_cell_and_what_it_uses():
    made = pipeline(
        MODEL
        + "# %% task:c\nprint(model.score(Z, y))\n# %% serve\nlimit = 0.5\ndef helper(v):\n    return v > limit\ndef answer(rows):\n    return helper(model.predict(scaler.transform(rows)))\nanswer(X)"
    )
    assert not errors(made)
    assert made.serve is not None
    assert (made.serve.name, made.serve.kind, made.serve.cell.number) == ("answer", "function", 5)
    assert made.serve.samples == ("answer(X)", "Z")
    served = made.resolve().serve
    assert served is not None
    assert served.cells == ()
    assert set(served.defines) == {"helper", "answer"}
    assert served.inputs == {"limit": "c", "model": "b", "scaler": "a"}
    assert {"X", "Z"} <= set(made.resolve().nodes["a"].outputs)


def test_predict_is_preferred_and_late_binding_holds():
    made = pipeline(
        "# %% task:a\nk = 1\n# %% serve\ndef predict(x):\n    return x * k\ndef other(x):\n    return x\n# %% task:b\nk = 2"
    )
    assert made.serve is not None
    assert made.serve.name == "predict"
    assert made.resolve().serve.inputs == {"k": "b"}


def test_parameters_are_bound_for_the_service():
    served = graph("# %% parameters\nlimit = 3\n# %% task:a\nx = 1\n# %% serve\ndef f(v):\n    return v > limit").serve
    assert steps(served) == ["= limit", "f"]
    assert served.parameters == ("limit",)


def test_without_a_serve_cell_the_estimator_that_predicts_is_served():
    made = pipeline(MODEL + "# %% task:c\npred = model.predict(Z)")
    assert (made.serve.name, made.serve.kind, made.serve.samples) == ("model", "estimator", ("Z",))
    assert steps(made.resolve().serve)[-1] == "model < b"


def test_a_transformer_alone_is_not_served():
    assert (
        pipeline("# %%\nfrom lib import Scaler, X\n# %% task:a\ns = Scaler()\ns.fit(X)\ns.transform(X)").serve is None
    )
    assert pipeline("# %% task:a\nx = 1").serve is None


def test_an_estimator_fitted_where_it_is_made():
    made = pipeline("# %%\nfrom lib import Model, X, y\n# %% task:a\nm = Model().fit(X, y)")
    assert (made.serve.name, made.serve.kind) == ("m", "estimator")


def test_a_serve_cell_without_a_function_is_an_error():
    assert codes(pipeline("# %% task:a\nx = 1\n# %% serve\ny = 2")) == ["serve-nothing"]


def test_metrics_are_the_names_that_the_cell_assigns():
    made = pipeline(
        "# %% task:a\nx = 1\n# %% metrics\nacc = x / 2\nf1: float = 0.5\nimport os\nif x:\n    maybe = 1\nloss, err = 1, 2"
    )
    assert made.metrics == ("acc", "f1", "err", "loss")
    node = made.resolve().nodes["a"]
    assert node.metrics == ("acc", "f1", "err", "loss")
    assert set(node.metrics) <= set(node.outputs)


def test_a_metric_that_is_no_number_is_an_error():
    made = pipeline("# %% task:a\nx = 1\n# %% metrics\nok = 0.1\nconfusion = [[1, 2]]\nname = f'{x}'")
    assert [(d.code, d.line) for d in errors(made)] == [("metric-not-scalar", 2), ("metric-not-scalar", 3)]


def test_a_metrics_cell_that_assigns_nothing_is_warned_of():
    assert codes(pipeline("# %% task:a, metrics\nprint(1)")) == ["metrics-nothing"]
