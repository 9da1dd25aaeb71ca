"""Metrics, missing names, and what is said of values that cannot be passed on."""

from __future__ import annotations

import pytest

from tests.runtime.chain import Chain


def test_metrics_become_plain_numbers(chain: Chain) -> None:
    source = """
        import numpy as np, pandas as pd, decimal, fractions, math
        a, b, c, d, e, f, g, h, i = 1, 0.5, True, np.float32(0.25), np.array(3), np.int64(4), np.bool_(False), decimal.Decimal("1.5"), fractions.Fraction(1, 2)
        nan, inf, na = float("nan"), -math.inf, pd.NA
    """
    names = [*"abcdefghi", "nan", "inf", "na"]
    a = chain.task("a", source, metrics=[*names, "absent"])
    values = [1, 0.5, 1, 0.25, 3, 4, 0, 1.5, 0.5, None, None, None]
    assert a.result["metrics"] == dict(zip(names, values, strict=True))
    assert a.result["missing"] == ["absent"]


@pytest.mark.parametrize(
    "value", ["'0.9'", "[1]", "None", "1j", "__import__('numpy').ones(1)", "__import__('datetime').date.today()"]
)
def test_a_metric_that_is_no_number_is_an_error(chain: Chain, value: str) -> None:
    a = chain.task("a", f"score = {value}; x = 1", ["x"], metrics=["score"], fails=True)
    assert a.error is not None
    assert (a.error["kind"], a.error["variable"], "x" in a.outputs) == ("metric-not-scalar", "score", True)
    assert a.error["reason"].startswith("it is a ")
    assert "the metric 'score' must be one number: it is a " in a.err


@pytest.mark.parametrize(
    ("value", "place", "kind", "advice"),
    [
        ("(i for i in [])", "x", "generator", "Turn it into a list"),
        ("open('/dev/null')", "x", "_io.TextIOWrapper", "Open the file"),
        ("{'deep': [1, Box(2, threading.Lock())]}", "x['deep'][1].held[1]", "_thread.lock", "Make it in the task"),
        ("__import__('sqlite3').connect(':memory:')", "x", "sqlite3.Connection", "Open the connection"),
        ("__import__('socket').socket()", "x", "socket.socket", "Open the connection"),
        ("threading.Thread()", None, "threading.Thread", "Make it"),
        ("lambda: lock", None, "function", "both tasks into one"),
        ("(lambda held: lambda: held)(threading.Lock())", "x.<held>", "function", "Make it"),
        ("__import__('functools').partial(print, threading.Lock())", "x.args[0]", "functools.partial", "Make it"),
        ("__import__('numpy').array([1, threading.Lock()], dtype=object)", "x[1]", "numpy.ndarray", "Make it"),
        ("__import__('re').match('a', 'a')", "x", "re.Match", "both tasks into one"),
        ("__import__('weakref').ref(Box())", "x", "weakref.ReferenceType", "both tasks into one"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_saved_is_named_with_its_place(
    chain: Chain, value: str, place: str | None, kind: str, advice: str
) -> None:
    source = "import threading\nclass Box:\n    def __init__(self, *held): self.held = held\nlock = threading.Lock()\n"
    if value == "lambda: lock":
        a = chain.task("a", source + f"x = {value}", ["x"], defined=["Box", "threading"])
        assert a.facts["needs"] == {"x": ["lock"]}
        return
    a = chain.task(
        "a",
        source + f"x = {value}; y = [1]",
        ["x", "y"],
        defined=["Box", "threading"],
        wanted_by={"x": ["b", "c"]},
        fails=True,
    )
    assert a.error is not None
    assert (a.error["kind"], a.error["variable"], a.error["wanted_by"]) == ("unsaveable", "x", ["b", "c"])
    assert list(a.outputs) == ["y"]
    assert place is None or a.error["where"] == place
    assert advice in a.error["fix"]
    assert f"'x', a {a.error['type']}, cannot be passed on to tasks 'b' and 'c': {a.error['reason']}" in a.err
    if place == "x":
        assert a.error["type"] == kind


def test_state_of_a_function_that_cannot_be_saved_is_named_with_its_place(chain: Chain) -> None:
    source = """
        import functools, threading
        @functools.lru_cache
        def connect(where): return {"where": where, "lock": threading.Lock()}
        connect("here")
        def f(): pass
        f.held = [threading.Lock()]
    """
    a = chain.task("a", source, defined=["connect", "f"])
    assert (a.facts["writes"], a.error, a.outputs) == (["connect", "f"], None, {})
    b = chain.task("b", source, ["f"], defined=["connect", "f"], fails=True)
    assert b.error is not None
    assert b.error["where"] == "f.held[0]"
    c = chain.task("c", source, ["connect"], defined=["connect", "f"], fails=True)
    assert c.error is not None
    assert c.error["where"] == "connect's cache['entries'][0][2]['lock']"


def test_what_saves_but_does_not_load_is_found_when_it_is_saved(chain: Chain) -> None:
    source = """
        class Bad:
            def __init__(self, a): self.a = a
            def __reduce__(self): return Bad, ()
        x = [Bad(1)]
    """
    a = chain.task("a", source, ["x"], defined=["Bad"], fails=True)
    assert a.error is not None
    assert "can be saved, but not loaded again" in a.error["reason"]
    assert not list(chain.store.glob("tmp-*"))
    assert a.outputs == {}


def test_outputs_that_do_not_exist_are_missing(chain: Chain) -> None:
    a = chain.task("a", "x = 1; y = 2; del y", ["x", "y", "@torch.random"])
    assert (list(a.outputs), a.result["missing"]) == (["x"], ["@torch.random", "y"])


def test_the_cells_code_leaves_no_trace_of_ours(chain: Chain) -> None:
    source = """
        import sys
        print([n for n in dir() if not n.startswith("__")], [m for m in sys.modules if "nbprod" in m], [p for p in sys.path if "nbprod" in p])
    """
    chain.task("x", "x = {lambda: 1}", ["x"])
    assert chain.task("a", source, takes={"x": ["x"]}).out == "['sys', 'x'] [] []\n"


def test_packages_that_are_loaded_are_named_with_their_versions(chain: Chain) -> None:
    import numpy as np
    import sklearn

    packages = chain.task("a", "import sklearn.tree").result["packages"]
    assert (packages["numpy"], packages["sklearn"]) == (np.__version__, sklearn.__version__)
    assert "pandas" not in chain.task("b", "import numpy").result["packages"]


def test_a_store_that_is_full_says_so_and_keeps_nothing(chain: Chain) -> None:
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))"
    a = chain.task("a", f"import numpy as np\nx = np.ones(1_000_000)\n{limit}", ["x"], fails=True)
    assert a.error is not None
    assert a.error["kind"] == "disk-full"
    assert "no room left" in a.err
    assert "Free some space" in a.err
    assert not list(chain.store.glob("*"))
