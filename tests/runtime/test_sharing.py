"""Variables that share objects or memory go on sharing them in later tasks."""

from __future__ import annotations

from tests.runtime.chain import Chain


def test_two_names_of_one_object_stay_one(chain: Chain) -> None:
    a = chain.task("a", "m1 = m2 = []; other = []", ["m1", "m2", "other"])
    assert a.facts["shares"] == [["m1", "m2"]]
    assert a.digest("m1") == a.digest("m2") != a.digest("other")
    assert a.outputs["m1"]["group"] == ["m1", "m2"]
    b = chain.task("b", "m2.append(1)", takes={"a": ["m1", "m2"]})
    assert b.facts["writes"] == ["m1", "m2"]
    assert b.facts["shares"] == [["m1", "m2"]]
    assert chain.task("c", "print(m1, m1 is m2)", takes={"b": ["m1", "m2"]}).out == "[1] True\n"


def test_an_object_inside_another_is_the_same_object(chain: Chain) -> None:
    chain.task("a", "row = [1]; table = {'first': row}; apart = [1]", ["row", "table", "apart"])
    b = chain.task("b", "table['first'].append(5)", ["table"], takes={"a": ["row", "table", "apart"]})
    assert b.facts["writes"] == ["row"]
    assert chain.task("c", "print(row, table['first'] is row)", takes={"b": ["row", "table"]}).out == "[1, 5] True\n"


def test_an_input_that_an_output_refers_to_is_saved_with_it(chain: Chain) -> None:
    chain.task("a", "m1 = [0]", ["m1"])
    b = chain.task("b", "m2 = m1", ["m2"], takes={"a": ["m1"]})
    assert b.facts["shares"] == [["m1", "m2"]]
    assert b.facts["writes"] == []
    assert chain.task("c", "m2.append(1); print(m1)", takes={"b": ["m1", "m2"]}).out == "[0, 1]\n"


def test_views_of_an_array_stay_views(chain: Chain) -> None:
    source = """
        import numpy as np
        whole = np.arange(10); part = whole[2:5]; turned = whole[::-2]
        big = np.zeros((500, 100)); column = big[:, 3]; flat = big.ravel()[10:20]; swapped = big.T
        things = np.array([1, [2], 3], dtype=object); inner = things[1:]
        raw = bytearray(64); left = np.frombuffer(raw, dtype="i4"); right = np.frombuffer(raw, dtype="u1")[8:]
    """
    names = ["whole", "part", "turned", "big", "column", "flat", "swapped", "things", "inner", "left", "right"]
    a = chain.task("a", source, names)
    assert a.facts["shares"] == [
        ["part", "turned", "whole"], ["big", "column", "flat", "swapped"], ["inner", "things"], ["left", "right"],
    ]  # fmt: skip
    b = chain.task(
        "b",
        """
        import numpy as np
        part[:] = -1; column[:] = 7; flat[:] = 8; inner[0] = 5; left[2] = -1
        print(whole, turned, part.base is whole)
        print(big[:, 3].sum(), big[0, 10:20].sum(), np.shares_memory(swapped, big), column.base is big, swapped[3, 4])
        print(things, right[:4], left.tolist()[:4])
        """,
        takes={"a": names},
    )
    kernel = chain.task("kernel", source + """
        part[:] = -1; column[:] = 7; flat[:] = 8; inner[0] = 5; left[2] = -1
        print(whole, turned, part.base is whole)
        print(big[:, 3].sum(), big[0, 10:20].sum(), np.shares_memory(swapped, big), column.base is big, swapped[3, 4])
        print(things, right[:4], left.tolist()[:4])
    """)  # fmt: skip
    assert b.out == kernel.out
    assert b.facts["writes"] == sorted(names)


def test_views_of_other_types_stay_views(chain: Chain) -> None:
    source = """
        import numpy as np
        base = np.zeros(6); masked = np.ma.masked_array(base, mask=[0, 1, 0, 0, 0, 0]); matrix = np.asmatrix(base[:4]).reshape(2, 2)
        table = np.zeros(3, dtype=[("a", int), ("b", float)]); records = table.view(np.recarray); column = table["b"]
    """
    names = ["base", "masked", "matrix", "table", "records", "column"]
    use = """
        base[:] = 1; table["a"] = 5; column[1] = 7
        print(repr(masked), repr(matrix), repr(records), records.a, records.b, masked.fill_value)
    """
    chain.task("a", source, names)
    b = chain.task("b", "import numpy as np\n" + use.replace("        ", ""), takes={"a": names})
    assert b.out == chain.task("kernel", source + use).out


def test_views_survive_being_passed_on_twice(chain: Chain) -> None:
    chain.task("a", "import numpy as np; whole = np.zeros(9000); part = whole[5:10]", ["whole", "part"])
    chain.task("b", "whole[0] = 1", ["whole", "part"], takes={"a": ["whole", "part"]})
    c = chain.task("c", "part[:] = 2; print(whole.sum(), part.base is whole)", takes={"b": ["whole", "part"]})
    assert c.out == "11.0 True\n"


def test_views_inside_one_variable_stay_views(chain: Chain) -> None:
    chain.task("a", "import numpy as np; d = {'w': np.zeros(9000)}; d['p'] = d['w'][1:3]", ["d"])
    assert chain.task("b", "d['p'][:] = 1; print(d['w'].sum())", takes={"a": ["d"]}).out == "2.0\n"


def test_frames_that_copy_on_write_are_saved_apart(chain: Chain) -> None:
    source = """
        import pandas as pd, numpy as np
        df = pd.DataFrame({"a": np.arange(5000.0), "b": np.arange(5000.0), "c": pd.Categorical(["x", "y"] * 2500), "s": ["q"] * 5000})
        y, c, sub, copy, head = df["a"], df["c"], df[["a", "b"]], df.copy(deep=False), df.head(100)
    """
    names = ["df", "y", "c", "sub", "copy", "head"]
    assert chain.task("a", source, names).facts["shares"] == []
    source += "    values = df['b'].to_numpy()\n"
    b = chain.task("b", source, [*names, "values"])
    assert {"df", "values"} <= set(b.facts["shares"][0])


def test_an_estimator_and_its_parts_stay_one(chain: Chain) -> None:
    source = """
        from sklearn.preprocessing import StandardScaler
        from sklearn.pipeline import make_pipeline
        from sklearn.linear_model import LinearRegression
        scaler = StandardScaler(); pipe = make_pipeline(scaler, LinearRegression()); apart = LinearRegression()
    """
    a = chain.task("a", source, ["scaler", "pipe", "apart"])
    assert a.facts["shares"] == [["pipe", "scaler"]]
    b = chain.task("b", "pipe.fit([[1.0], [3.0]], [1, 2]); print(scaler.mean_)", takes={"a": ["scaler", "pipe"]})
    assert b.out == "[2.]\n"


def test_equal_values_and_immutable_ones_are_not_taken_for_shared(chain: Chain) -> None:
    source = """
        import datetime, pathlib, re, numpy as np, enum
        t = (1, "x"); u = {"k": t}; v = [t]
        day = datetime.date(2026, 1, 1); days = [day]
        p = pathlib.Path("a"); ps = [p]; r = re.compile("x"); rs = [r]
        dt = np.dtype("f4"); dts = [dt]; s = np.float64(2); ss = [s]
        class Colour(enum.Enum):
            RED = 1
        red = Colour.RED; reds = [red]
        f = len; fs = [len]; k = int; ks = [int]
    """
    names = [
        "t",
        "u",
        "v",
        "day",
        "days",
        "p",
        "ps",
        "r",
        "rs",
        "dt",
        "dts",
        "s",
        "ss",
        "red",
        "reds",
        "f",
        "fs",
        "k",
        "ks",
    ]
    assert chain.task("a", source, names, defined=["Colour"]).facts["shares"] == []


def test_unchanged_inputs_are_known_to_be_unchanged(chain: Chain) -> None:
    source = """
        import numpy as np, pandas as pd
        from sklearn.tree import DecisionTreeClassifier
        X = np.random.default_rng(0).random((5000, 4)); y = (X[:, 0] > 0.5).astype(int)
        df = pd.DataFrame(X, columns=list("abcd")); df["s"] = "text"
        model = DecisionTreeClassifier().fit(X, y); words = {"a", "b"}; nested = {"k": [1, {"z": (1, 2)}]}
    """
    names = ["X", "y", "df", "model", "words", "nested"]
    chain.task("a", source, names)
    reading = "model.predict(X); df.describe(); df.groupby('s').mean(); df['a'].sum(); len(words); nested['k'][1]['z']; X.T @ X"
    assert chain.task("b", reading, takes={"a": names}).facts["writes"] == []
    changing = (
        "X[4999, 3] = 0; df.loc[3, 's'] = 'u'; nested['k'][1]['z'] = 0; words.add('c'); y[0] += 1; model.max_depth = 3"
    )
    c = chain.task("c", changing, takes={"a": names})
    assert c.facts["writes"] == sorted(names)
    assert set(c.outputs) == set(names)


def test_a_write_of_the_same_value_changes_nothing(chain: Chain) -> None:
    chain.task("a", "import numpy as np; X = np.ones(50000)", ["X"])
    assert chain.task("b", "X[7] = 1.0", takes={"a": ["X"]}).facts["writes"] == []


def test_an_input_bound_to_something_else_is_written(chain: Chain) -> None:
    chain.task("a", "x = 1; y = 2; z = [1]", ["x", "y", "z"])
    b = chain.task("b", "globals()['x'] = 5; del globals()['y']; exec('z = [2]')", takes={"a": ["x", "y", "z"]})
    assert (b.facts["writes"], b.result["missing"]) == (["x", "y", "z"], ["y"])
    assert chain.task("c", "print(x, z)", takes={"b": ["x", "z"]}).out == "5 [2]\n"


def test_globals_that_nobody_foresaw_are_reported_and_saved(chain: Chain) -> None:
    a = chain.task(
        "a",
        "x = 1; globals()['surprise'] = [3]; globals()['lock'] = __import__('threading').Lock()",
        ["x"],
        known=["x"],
    )
    assert a.facts["writes"] == ["lock", "surprise"]
    assert (sorted(a.outputs), a.error) == (["surprise", "x"], None)
    source = (
        "from math import *\nfor i in [1]:\n    def f(): global g; g = 1\nf()\nimport os.path as p\nexec('dynamic = 1')"
    )
    assert chain.task("b", source).facts["writes"] == ["dynamic"]
