"""Roles that are proposed: which cells are parameters, metrics, the service, or only look."""

from __future__ import annotations

import pytest

from nbprod.notebook.suggest import suggest
from tests.notebook.written import notebook, retagged, roles


@pytest.mark.parametrize(
    ("cell", "later", "role"),
    [
        ("n = 3\nname = 'x'", "print(n, name)", "parameters"),
        ("rate: float = 0.1", "print(rate)", "parameters"),
        ("n = 3", "n = n + 1\nprint(n)", None),  # set anew: a value given to a run would not last
        ("n = 3", "print(1)", None),  # nobody reads it
        ("n = 3 * 2", "print(n)", None),
        ("n = 3\nm = len('ab')", "print(n, m)", None),
        ("rows = [1, 2]", "rows.append(3)\nprint(rows)", None),
        ("query = '''select a\nfrom b'''", "print(query)", None),
    ],
)
def test_parameters_are_settings_that_are_set_once_and_read(cell: str, later: str, role: str | None) -> None:
    found = suggest(notebook(f"# %%\n{cell}\n# %%\n{later}\n# %%\nprint('end')"))

    assert roles(found).get("c1") == role


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("acc = accuracy_score(y, p)\nprint(acc)", {"acc"}),
        ("scores = cross_val_score(m, X, y)", set()),  # an array
        ("score = cross_val_score(m, X, y).mean()", {"score"}),
        ("p = m.predict(X)\nacc = accuracy_score(y, p)", set()),  # `p` would be a metric too, and is no number
        ("acc = (m.predict(X) == y).mean()", {"acc"}),
        ("mape = (abs(p - y) / y).mean() * 100", {"mape"}),
        ("rmse = np.sqrt(np.mean((y - p) ** 2))", {"rmse"}),
        ("center = (y - p).mean()", set()),  # a mean, but no metric
        ("mae = (y - p).mean(axis=0)", set()),
        ("report = classification_report(y, y)", set()),
        ("f = f1_score(y, y, average=None)", set()),  # one for each class
        ("r2 = round(m.score(X, y), 3)\ngain = r2 - 0.5", {"r2", "gain"}),
        ("loss, acc = m.evaluate(X, y)", {"loss", "acc"}),
        ("total = 1 + 2", set()),
        ("cm = confusion_matrix(y, y)", set()),
    ],
)
def test_metrics_are_numbers_that_metric_functions_give(cell: str, names: set[str]) -> None:
    made = notebook(f"""
# %%
import numpy as np
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score
from sklearn.model_selection import cross_val_score
from sklearn.linear_model import LogisticRegression
# %%
X, y, p = [[1], [2]], [0, 1], [0, 1]
m = LogisticRegression().fit(X, y)
# %%
{cell}
""")

    assert set(retagged(made, suggest(made)).metrics) == names


@pytest.mark.parametrize(
    ("function", "served"),
    [
        ("def ask(rows):\n    clean = rows * 2\n    return m.predict(clean)", True),
        ("def ask(rows):\n    print(m.predict(rows))", False),  # it returns nothing
        (
            "def measure(level):\n    return (m.predict(X) > level).mean()",
            False,
        ),  # it asks about the notebook's own data
        ("def ask(model, rows):\n    return model.predict(rows)", False),  # any model
        ("def double(x):\n    return 2 * x", False),
    ],
)
def test_served_is_a_function_that_asks_the_fitted_model_what_it_is_given(function: str, served: bool) -> None:
    made = notebook(f"# %%\nX, y = load()\nm = make()\nm.fit(X, y)\n# %%\n{function}\n# %%\nprint(X)")

    assert (roles(suggest(made)).get("c2") == "serve") is served


@pytest.mark.parametrize(
    ("cell", "skipped"),
    [
        ("df.head()", True),
        ("df", True),
        ("print(df.shape)\ndf.info()", True),
        ("counts = df.a.value_counts()\nplt.bar(counts.index, counts)\nplt.show()", True),
        ("df.a.hist()\nplt.savefig('a.png')", False),  # it leaves a file
        ("df.to_csv('b.csv')", False),
        ("df.sample(3)", False),  # after a seed, what it draws changes what later cells draw
        ("assert df.shape[0] > 3", False),
        ("df.head()\nk = 3", False),  # `k` is read later
        ("df['b'] = 1\ndf.head()", False),
        ("print(total)", False),  # a result
    ],
)
def test_skipped_is_what_only_looks_at_data(cell: str, skipped: bool) -> None:
    made = notebook(f"""
# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
# %%
np.random.seed(1)
df = pd.read_csv("a.csv")
k = 2
# %%
total = df.a.sum() + np.random.rand()
# %%
{cell}
# %%
print(df.b.sum() + np.random.rand() + k)
""")

    assert (roles(suggest(made)).get("c4") == "skip") is skipped


def test_a_name_that_code_before_it_could_miss_is_no_parameter() -> None:
    """A parameter is bound before its task's first cell, whatever stands above its own cell."""
    made = notebook("""
# %%
rows = [1]
print(sorted(globals()))
# %%
n = 3
# %%
print(n, rows)
""")
    guarded = notebook("# %%\ntry:\n    n\nexcept NameError:\n    print('none')\n# %%\nn = 3\n# %%\nprint(n)")

    assert roles(suggest(made)) == {}
    assert roles(suggest(guarded)) == {}
