"""What cannot become a service: a clear message, exit code 1 (3 for the gate), and nothing is stored or left behind."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Folder

LINES = "from sklearn.linear_model import LinearRegression\nX = [[0.0], [1.0]]\n"


@pytest.mark.parametrize(
    ("cells", "message", "fix"),
    [
        ([("task:train", "x = 1")], "a.ipynb: there is nothing to serve", "Tag the cell that defines the function"),
        (
            [
                ("task:train", LINES + "a = LinearRegression().fit(X, [0, 1])\nb = LinearRegression().fit(X, [1, 0])"),
                ("task:use", "print(a.predict(X), b.predict(X))"),
            ],
            "the notebook fits 2 models (a, b) and does not say which is to be served",
            "Tag a cell `serve`",
        ),
        (
            [("task:train", "w = 2.0"), ("serve", "def f(x: float):\n    return x * w")],
            "a.ipynb, cell 2: there is no sample input for 'f'",
            "Call `f(...)` in the notebook once",
        ),
        (
            [
                ("task:train", "import pathlib\npathlib.Path('w.txt').write_text('3')"),
                ("serve", "def f(x: float):\n    return x * float(open('w.txt').read())\n\nf(1.0)"),
            ],
            "'f' reads w.txt when it is asked",
            "Read it in a cell before",
        ),
        (
            [
                ("task:train", "import re\npattern = re.compile('a')"),
                ("serve", "def f(x: str):\n    return bool(pattern.match(x))\n\nf('a')"),
            ],
            "'pattern' (a re.Pattern), which 'f' needs, cannot be packaged safely",
            "--allow-pickle",
        ),
        (
            [("task:train", "import random\nw = 2.0"), ("serve", "def f(x: float):\n    return w + random.random()\n\nf(1.0)")],
            "'f' answers otherwise when it is asked the same again",
            "Make a generator with a seed inside the function",
        ),
        (
            [("task:train", "w = 2.0"), ("serve", "def f(x: float):\n    return x / (w - 2)\n\ntry:\n    f(1.0)\nexcept ZeroDivisionError:\n    pass")],
            "`f` fails on the sample from the notebook: ZeroDivisionError",
            "It must return values that JSON can carry",
        ),
    ],
    ids=["no model", "two models", "no example", "a file", "no safe format", "chance", "fails"],
)  # fmt: skip
def test_what_cannot_be_served_is_told_and_nothing_is_stored(nbprod: Folder, cells, message: str, fix: str) -> None:
    nbprod.notebook(*cells)
    assert nbprod("run", "a.ipynb").code == 0

    refused = nbprod("promote", "a.ipynb")

    assert refused.code == 1
    assert message in refused.err
    assert fix in refused.err
    assert "Traceback" not in refused.err
    assert nbprod("models", "--json").json == {"versions": [], "services": []}
    assert not list((nbprod.path / ".nbprod").glob("scratch/*"))
    told = nbprod("promote", "a.ipynb", "--json").events[-1]["error"]
    assert message.partition(": ")[2] in told["what"] or told["what"] in message or message in told["what"]
    assert fix in told["fix"]


def test_a_gate_on_a_metric_that_the_run_does_not_have_names_the_nearest(nbprod: Folder) -> None:
    nbprod.notebook(
        ("task:train", "w = 2.0"), ("metrics", "score = 0.5"), ("serve", "def f(x: float):\n    return x * w\n\nf(1.0)")
    )
    nbprod.config("pipelines:\n  a:\n    notebook: a.ipynb\n    promote: {require: {scor: '>= 0.1'}}\n")
    assert nbprod("run", "a").code == 0

    for command in (["promote", "a"], ["promote", "a", "--force", "--because", "x"], ["promote", "a", "--dry-run"]):
        refused = nbprod(*command)
        assert refused.code == 3, command
        assert "the gate asks for metric 'scor', which the run does not have" in refused.err
        assert "Did you mean 'score'?" in refused.err
    assert nbprod("models", "--json").json["versions"] == []
