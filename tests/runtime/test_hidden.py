"""State that is no variable is handed over, and its changes are noticed."""

from __future__ import annotations

import pytest

from tests.runtime.chain import Chain


@pytest.mark.parametrize(
    ("state", "defs", "seed", "draw"),
    [
        ("@random", "import random", "random.seed(1)", "print(random.random(), random.choice(range(1000)))"),
        ("@numpy.random", "import numpy as np", "np.random.seed(1)", "print(np.random.rand(3), np.random.normal())"),
    ],
)
def test_seeded_draws_go_on_where_they_stood(chain: Chain, state: str, defs: str, seed: str, draw: str) -> None:
    a = chain.task("a", f"{defs}\n{seed}")
    assert state in a.facts["writes"]
    b = chain.task("b", draw, takes={"a": [state]}, defs=defs)
    assert (b.facts["writes"], b.facts["reads"]) == ([state], [state])
    c = chain.task("c", f"{defs}\n{draw}", takes={"b": [state]})
    kernel = chain.task("kernel", f"{defs}\n{seed}\n{draw}\n{draw}")
    assert b.out + c.out == kernel.out
    idle = chain.task("idle", "pass", [state], takes={"a": [state]}, defs=defs)
    assert (idle.facts["writes"], idle.digest(state)) == ([], a.digest(state))


def test_draws_that_nobody_seeded_are_reads_and_no_writes(chain: Chain) -> None:
    source = "for _ in range(3000): random.random(), np.random.rand()\nnp.random.normal(size=7)"
    a = chain.task("a", source, defs="import random, numpy as np")
    assert (a.facts["writes"], a.facts["reads"]) == ([], ["@numpy.random", "@random"])


def test_an_import_among_the_cells_writes_nothing(chain: Chain) -> None:
    source = """
        import numpy as np
        import pandas as pd
        import matplotlib.pyplot as plt
        from sklearn.ensemble import RandomForestClassifier
        import seaborn_like_nothing if False else None
    """.replace("        import seaborn_like_nothing if False else None\n", "")
    a = chain.task("a", source)
    assert (a.facts["writes"], a.result["files"]) == ([], {"read": {}, "written": {}})


def test_environment_folder_path_and_options_are_handed_over(chain: Chain) -> None:
    source = """
        import os, sys, warnings
        import pandas as pd, matplotlib
        os.makedirs("sub", exist_ok=True)
        os.environ["NBPROD_CASE"] = "yes"
        os.environ.pop("NBPROD_GONE")
        pd.set_option("display.precision", 2)
        pd.options.display.float_format = lambda v: f"<{v}>"
        sys.path.insert(0, "/nbprod/case/path")
        sys.path.append("/nbprod/last")
        warnings.filterwarnings("ignore", message="case twenty eight")
        matplotlib.rcParams["lines.linewidth"] = 4.5
        os.chdir("sub")
    """
    states = ["@cwd", "@environ", "@matplotlib.rcParams", "@pandas.options", "@sys.path", "@warnings"]
    env = {"NBPROD_GONE": "1"}
    a = chain.task("a", source, env=env)
    assert a.facts["writes"] == states
    show = """
        import os, sys, warnings
        import pandas as pd, matplotlib
        print(os.path.basename(os.getcwd()), os.environ.get("NBPROD_CASE"), os.environ.get("NBPROD_GONE"), pd.get_option("display.precision"))
        print(sys.path[0], sys.path[-1], matplotlib.rcParams["lines.linewidth"], pd.DataFrame({"a": [1.5]}))
        warnings.warn("case twenty eight")
    """
    b = chain.task("b", show, takes={"a": states}, env=env)
    assert b.facts["writes"] == []
    assert b.out == chain.task("kernel", source + show, env=env).out
    more = chain.task("more", "import os; os.environ['NBPROD_MORE'] = '1'", takes={"a": states}, env=env)
    assert more.facts["writes"] == ["@environ"]
    c = chain.task(
        "c",
        "import os; print(os.environ['NBPROD_CASE'], os.environ['NBPROD_MORE'])",
        takes={"more": ["@environ"]},
        env=env,
    )
    assert c.out == "yes 1\n"


def test_what_an_import_sets_in_the_environment_does_not_count(chain: Chain) -> None:
    (chain.folder / "sets.py").write_text("import os\nos.environ['SET_BY_IMPORT'] = '1'\n")
    assert chain.task("a", "import sets").facts["writes"] == []


def test_open_figures_are_handed_over_with_the_variables_that_hold_them(chain: Chain) -> None:
    source = """
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        plt.figure(); plt.close(); other = plt.figure(7)
        fig, ax = plt.subplots(num=3)
        ax.plot([1, 2, 3])
    """
    a = chain.task("a", source, ["fig", "ax"])
    assert a.facts["writes"] == ["@matplotlib.figures", "@matplotlib.rcParams"]
    takes = {"a": ["@matplotlib.rcParams", "fig", "ax", "@matplotlib.figures"]}
    b = chain.task("b", "ax.set_title('later')", takes=takes, defs="import matplotlib.pyplot as plt")
    assert b.facts["writes"] == ["@matplotlib.figures", "ax", "fig"]
    takes = {"a": ["@matplotlib.rcParams"], "b": ["@matplotlib.figures", "fig", "ax"]}
    c = chain.task("c", "print(plt.get_fignums(), plt.gcf() is fig, fig.axes[0] is ax, ax.get_title(), plt.get_backend())",
                   takes=takes, defs="import matplotlib.pyplot as plt")  # fmt: skip
    assert c.out == "[3, 7] True True later Agg\n"


KERAS = {"KERAS_BACKEND": "jax"}


def test_keras_draws_and_names_go_on_where_they_stood(chain: Chain) -> None:
    seed = "import keras\nkeras.utils.set_random_seed(3)\nfirst = keras.layers.Dense(2)\n"
    draw = "layer = keras.layers.Dense(2); layer.build((2, 3))\nprint(layer.name, layer.kernel.numpy().sum(), keras.random.normal((2,)))\n"
    a = chain.task("a", seed, env=KERAS)
    states = ["@keras.random", "@numpy.random", "@random"]
    assert a.facts["writes"] == states
    b = chain.task("b", draw, defs="import keras", takes={"a": states}, env=KERAS)
    c = chain.task(
        "c", draw, defs="import keras", takes={"a": ["@numpy.random"], "b": ["@keras.random", "@random"]}, env=KERAS
    )
    assert b.out + c.out == chain.task("kernel", seed + draw + draw, env=KERAS).out


def test_a_keras_model_goes_on_training_as_if_it_had_not_crossed(chain: Chain) -> None:
    make = """
import numpy as np, keras
X = np.linspace(0, 1, 32, dtype="float32").reshape(-1, 1)
y = 3 * X[:, 0] + 1
keras.utils.set_random_seed(0)
inputs = keras.layers.Input((1,))
code = keras.layers.Dense(4, activation="relu", kernel_regularizer="l2")(inputs)
code = keras.layers.BatchNormalization()(code)
encoder = keras.Model(inputs, code)
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.2)(code)))
model.compile(optimizer=keras.optimizers.AdamW(1e-2), loss="mse", metrics=["mae"])
history = model.fit(X, y, epochs=2, verbose=0)
"""
    more = """
model.predict(X[:3], verbose=0)
more = model.fit(X, y, epochs=3, verbose=0)
print(more.history, int(model.optimizer.iterations.value), encoder.layers[1] is model.layers[1], history.model is model)
print(encoder.predict(X[:2], verbose=0), model.evaluate(X, y, verbose=0))
model.layers[1].trainable = False
model.compile("sgd", "mse")
print(model.fit(X, y, epochs=1, verbose=0).history, len(model.trainable_variables), keras.models.clone_model(model).count_params())
"""
    names = ["X", "y", "encoder", "model", "history"]
    states = ["@keras.random", "@numpy.random", "@random"]
    a = chain.task("a", make, [*names, *states], env=KERAS)
    again = chain.task("again", make, [*names, *states], env=KERAS)
    assert a.facts["shares"] == [["encoder", "history", "model"]]
    assert {n: a.digest(n) for n in a.outputs} == {n: again.digest(n) for n in again.outputs}
    b = chain.task("b", more, defs="import numpy as np, keras", takes={"a": [*names, *states]}, env=KERAS)
    assert b.out == chain.task("kernel", make + more, env=KERAS).out
    predicting = chain.task(
        "p", "model.predict(X, verbose=0)", defs="import keras", takes={"a": [*names, *states]}, env=KERAS
    )
    assert predicting.facts["writes"] == []


def test_a_keras_model_of_the_notebooks_own_class_crosses(chain: Chain) -> None:
    defs = """
import keras
class Net(keras.Model):
    def __init__(self, width):
        super().__init__()
        self.inner, self.last, self.notes = keras.layers.Dense(width), keras.layers.Dense(1), {"seen": [1]}
    def call(self, x, training=False):
        return self.last(self.inner(x))
"""
    source = """
import numpy as np
keras.utils.set_random_seed(0)
X = np.ones((8, 2), dtype="float32")
net = Net(3)
net.compile("adam", keras.losses.MeanSquaredError())
net.fit(X, X[:, 0], epochs=1, verbose=0)
net.hook = lambda: len(X)
"""
    more = "print(net.fit(X, X[:, 0], epochs=2, verbose=0).history, net.notes, type(net) is Net, net.hook())\n"
    a = chain.task("a", defs + source, ["X", "net"], defined=["Net", "keras"], env=KERAS)
    assert a.facts["needs"] == {"net": ["Net", "X"]}
    b = chain.task("b", more, defs=defs, takes={"a": ["X", "net"]}, defined=["Net", "keras"], env=KERAS)
    assert b.out == chain.task("kernel", defs + source + more, env=KERAS).out
