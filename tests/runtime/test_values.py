"""Every value comes back as what it was: type, content, identity."""

from __future__ import annotations

import pytest

from tests.runtime.chain import Chain

SCALARS = """
    import numpy as np, datetime, decimal, fractions, pathlib, uuid, re, collections
    values = {
        "float64": np.float64(1.5), "bool_": np.bool_(True), "datetime64": np.datetime64("2026-01-02"), "str_": np.str_("x"),
        "timedelta64": np.timedelta64(3, "h"), "dtype": np.dtype([("a", "f4")]), "zero": np.array(3.0),
        "date": datetime.date(2026, 1, 2), "decimal": decimal.Decimal("1.10"), "fraction": fractions.Fraction(1, 3),
        "path": pathlib.Path("a/b"), "uuid": uuid.UUID(int=5), "re": re.compile("a+"), "ellipsis": ..., "not": NotImplemented,
        "deque": collections.deque([1, 2], maxlen=3), "counter": collections.Counter("aab"), "range": range(3),
        "default": collections.defaultdict(list, {1: [2]}), "slice": slice(1, None, 2), "frozen": frozenset([1]),
        "bytes": bytearray(b"ab"), "complex": 1 + 2j, "big": 10 ** 50, "type": int, "nonetype": type(None), "builtin": len, "method": [3].append,
    }
    shown = [(key, type(value).__name__, repr(value)) for key, value in values.items() if key != "method"]
"""


def test_scalars_and_small_things_keep_their_types(chain: Chain) -> None:
    chain.task("a", SCALARS, ["values", "shown"])
    b = chain.task(
        "b",
        "print([(key, type(value).__name__, repr(value)) for key, value in values.items() if key != 'method'] == shown)",
        takes={"a": ["values", "shown"]},
    )
    assert b.out == "True\n"


ARRAYS = """
    import numpy as np
    big = np.arange(20_000.0).reshape(100, 200)
    values = {
        "plain": np.arange(5), "big": big, "fortran": np.asfortranarray(big), "strided": big[::2, ::3], "readonly": big.copy(),
        "record": np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        "structured": np.array([(1, "x")], dtype=[("a", "i4"), ("b", "U3")]),
        "objects": np.array([1, "x", None, [2]], dtype=object), "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        "matrix": np.matrix([[1, 2]]), "empty": np.empty((0, 3)), "strings": np.array(["a", "bc"]), "dates": np.array(["2026-01-01"], "M8[D]"),
        "poly": np.polynomial.Polynomial([1, 2]), "bigrecord": np.rec.array(np.zeros(5000, dtype=[("a", int), ("b", float)])),
    }
    values["readonly"].flags.writeable = False
    rng = np.random.default_rng(7)
    rng.random(3)
    state = np.random.RandomState(3)
    def show():
        return [(k, type(v).__name__, str(getattr(v, "dtype", "")), str(getattr(v, "flags", "")).replace("OWNDATA : True", "OWNDATA : False"),
                 repr(v)) for k, v in values.items()]
"""


def test_arrays_of_every_kind_keep_type_layout_and_flags(chain: Chain) -> None:
    chain.task("a", ARRAYS + "    shown = show()\n    drawn = rng.bit_generator.state, state.get_state()[1].tolist()", ["values", "shown", "rng", "state", "drawn"])  # fmt: skip
    defs = ARRAYS[ARRAYS.index("    def show") :]
    b = chain.task(
        "b",
        """
        for now, then in zip(show(), shown):
            if now != then: print(now, then)
        print((rng.bit_generator.state, state.get_state()[1].tolist()) == drawn, type(rng).__name__)
        """,
        defs=defs,
        takes={"a": ["values", "shown", "rng", "state", "drawn"]},
    )
    assert b.out == "True Generator\n"


def test_a_small_array_owns_its_memory_and_can_be_resized_in_place(chain: Chain) -> None:
    chain.task("a", "import numpy as np; a = np.arange(6)", ["a"])
    assert chain.task("b", "a.resize(2, 2); print(a.tolist())", takes={"a": ["a"]}).out == "[[0, 1], [2, 3]]\n"


FRAMES = """
    import numpy as np, pandas as pd, scipy.sparse as sp
    frame = pd.DataFrame(
        {"a": pd.Categorical(["x", "y"], categories=["y", "x"], ordered=True), "b": pd.array([1, None], dtype="Int64"), "s": ["p", None],
         "o": [[1], {2}], "t": pd.to_timedelta([1, 2], "s"), "p": pd.period_range("2026-01", periods=2, freq="M"), "f": [1.5, np.nan],
         "i": pd.arrays.IntervalArray.from_breaks([0, 1, 2]), "z": pd.arrays.SparseArray([0, 1])},
        index=pd.date_range("2026-01-01", periods=2, tz="UTC", name="when"))
    frame.attrs["source"] = "case"
    frame = frame.set_flags(allows_duplicate_labels=False)
    series = frame["f"].rename("g")
    multi = pd.Series(range(4), index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["u", "v"]))
    groups = frame.groupby("a", observed=True)
    sparse = sp.random(50, 50, 0.1, random_state=0, format="csr")
    shown = [repr(frame), frame.dtypes.to_dict(), frame.attrs, frame.index.freqstr, frame.flags.allows_duplicate_labels, repr(series),
             repr(multi), groups.size().to_dict(), sparse.toarray().tolist(), type(sparse).__name__, frame["a"].cat.ordered]
"""


def test_frames_series_and_sparse_matrices_come_back_whole(chain: Chain) -> None:
    names = ["frame", "series", "multi", "groups", "sparse", "shown"]
    chain.task("a", FRAMES, names)
    check = FRAMES[FRAMES.index("    shown = ") :].replace("shown", "now", 1) + "    print(now == shown)"
    b = chain.task("b", check, takes={"a": names})
    assert b.out == "True\n"
    assert b.facts["writes"] == []


def test_what_a_task_changes_in_place_never_reaches_the_artifact(chain: Chain) -> None:
    source = "import numpy as np, pandas as pd\na = np.zeros(100_000)\ndf = pd.DataFrame({'x': np.zeros(100_000)})"
    chain.task("a", source, ["a", "df"])
    takes = {"a": ["a", "df"]}
    chain.task("b", "a += 1; df.loc[0, 'x'] = 5; df['y'] = 1", takes=takes)
    assert chain.task("c", "print(a.sum(), df.x.sum(), list(df))", takes=takes).out == "0.0 0.0 ['x']\n"


def test_loading_a_large_array_reads_nothing(chain: Chain) -> None:
    chain.task("a", "import numpy as np\na = np.ones(30_000_000)", ["a"])
    memory = "int(open('/proc/self/statm').read().split()[1]) * 4096"
    b = chain.task(
        "b",
        f"print(({memory} - before) < 60e6, a.shape)",
        takes={"a": ["a"]},
        prelude=[f"import numpy\nbefore = {memory}", "a"],
    )
    assert b.out == "True (30000000,)\n"
    assert b.facts["writes"] == []


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_equal_values_have_equal_digests_in_different_processes(chain: Chain, hash_seed: str) -> None:
    source = """
        import numpy as np, pandas as pd
        from sklearn.tree import DecisionTreeClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        X = np.arange(6000.0).reshape(-1, 2)
        df = pd.DataFrame({"a": [1, 2], "s": ["x", "y"]})
        model = make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)).fit(X, X[:, 0] > 9)
        def outer():
            k = 3
            return lambda v: [v + k, {"a": np.pi}, lambda u: u]
        f = outer()
        class A:
            "text"
            n = 1
            def m(self, x: int = 3) -> int:
                return super().__hash__() + x
        things = {"f": f, "A": A, "a": A(), "model": model, "nested": [df, {"k": (1, "x")}]}
    """
    first = chain.task("a", source, ["X", "df", "model", "f", "things"], env={"PYTHONHASHSEED": "3"})
    second = chain.task("b", source, ["X", "df", "model", "f", "things"], env={"PYTHONHASHSEED": hash_seed})
    assert {n: first.digest(n) for n in first.outputs} == {n: second.digest(n) for n in second.outputs}


def test_long_chains_of_objects_are_saved(chain: Chain) -> None:
    source = """
        class Node:
            def __init__(self, next): self.next = next
        head = nested = None
        for i in range(20_000): head, nested = Node(head), [nested]
    """
    defs = source[: source.index("        head")]
    a = chain.task("a", source, ["head", "nested"], defined=["Node"])
    assert a.error is None
    count = "n, at = 0, head\nwhile at is not None: n, at = n + 1, at.next\nprint(n)"
    b = chain.task("b", count, takes={"a": ["head", "nested"]}, defs=defs, defined=["Node"])
    assert b.out == "20000\n"
    assert b.facts["writes"] == []


def test_values_of_jax_and_sklearn_cross(chain: Chain) -> None:
    source = """
        import jax, jax.numpy as jnp, numpy as np
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
        from sklearn.compose import make_column_transformer
        from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
        X = np.random.default_rng(0).random((200, 3)); y = (X.sum(1) > 1.5).astype(int)
        k = 2
        array = jnp.arange(5.0); key = jax.random.key(0); old = jax.random.PRNGKey(1)
        fast = jax.jit(lambda v: v * k)
        boosted = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(X, y)
        forest = RandomForestClassifier(5, random_state=0).fit(X, y)
        columns = make_column_transformer((FunctionTransformer(lambda v: v * k), [0]), (OneHotEncoder(), [1])).fit(X.round())
        vector = np.vectorize(lambda v: v + k)
        shown = [boosted.predict(X).sum(), forest.predict_proba(X).sum(), columns.transform(X.round()).sum(), vector([1, 2]).tolist(),
                 float(jax.random.normal(key)), float(jax.random.normal(old)), fast(array).tolist()]
    """
    names = ["X", "y", "array", "key", "old", "fast", "boosted", "forest", "columns", "vector", "shown", "k"]
    a = chain.task("a", source, names, defined=["jax", "jnp", "np"])
    assert a.error is None
    assert a.facts["shares"] == []
    assert a.facts["needs"] == {"columns": ["k"], "fast": ["k"], "vector": ["k"]}
    show = (
        source[source.index("        shown = ") :].replace("shown", "now", 1).rstrip() + "\n        print(now == shown)"
    )
    b = chain.task("b", show, takes={"a": names}, defs="import jax, numpy as np", defined=["jax", "np"])
    assert b.out == "True\n"
    assert b.facts["writes"] == []
