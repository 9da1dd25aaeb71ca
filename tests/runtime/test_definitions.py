"""Functions and classes: by name where source defines them, by code where not; and the state that they gather."""

from __future__ import annotations

from tests.runtime.chain import Chain


def test_what_source_defines_is_saved_by_name(chain: Chain) -> None:
    defs = """
        import functools
        class A:
            class Inner:
                pass
            def m(self): return k
            @classmethod
            def make(cls): return cls()
            @staticmethod
            def plain(): return "plain"
        def f(x): return helper(x)
        @functools.lru_cache
        def cached(x): return x
        part = functools.partial(f, 2)
        def deco(g):
            @functools.wraps(g)
            def inner(*a): return g(*a) + 1
            return inner
        @deco
        def decorated(x): return x
    """
    names = ["A", "f", "cached", "part", "deco", "decorated", "functools"]
    source = (
        defs
        + """
        k = 1
        values = [A(), A.Inner(), A.m, A().m, A.make, A.plain, f, cached, part, functools.partial(f, 3), decorated, A]
    """
    )
    a = chain.task("a", source, ["values"], defined=names)
    assert a.facts["needs"] == {"values": ["A", "cached", "decorated", "f", "part"]}
    b = chain.task(
        "b",
        """
        k = 7
        def helper(x): return x * 10
        inst, inner, m, bound, make, plain, g, c, p, p3, d, cls = values
        print(type(inst) is A, type(inner) is A.Inner, m is A.m, bound(), make() is not None, make.__self__ is A, plain is A.plain)
        print(g is f, c is cached, p is part, p3(), p3.func is f, d is decorated, d(1), cls is A)
        """,
        takes={"a": ["values"]},
        defs=defs,
        defined=names,
    )
    assert b.out == "True True True 7 True True True\nTrue True True 30 True True 2 True\n"


def test_a_function_without_a_name_is_saved_by_code_and_reads_live_globals(chain: Chain) -> None:
    source = """
        import numpy as np
        k = 2
        def helper(v): return v + 1
        def counter():
            n = 0
            def up():
                nonlocal n
                n += 1
                return n
            def get(): return n
            return up, get
        up, get = counter(); up()
        def fact():
            def go(n): return 1 if n < 2 else n * go(n - 1)
            return go
        table = {"scale": lambda v, *, by=[3]: [helper(u * k) for u in [v, by[0]]], "fact": fact(), "np": np.sqrt}
        table["scale"].note = {"a": 1}
    """
    a = chain.task("a", source, ["table", "up", "get"], defined=["helper", "counter", "fact", "np"])
    assert a.facts["needs"] == {"table": ["helper", "k"]}
    assert a.facts["shares"] == [["get", "up"]]
    b = chain.task(
        "b",
        """
        k = 100
        print(table["scale"](1), table["scale"].note, table["fact"](5), table["np"](4), up(), get(), table["scale"].__globals__ is globals())
        """,
        takes={"a": ["table", "up", "get"]},
        defs="def helper(v): return v + 1",
        defined=["helper"],
    )
    assert b.out == "[101, 301] {'a': 1} 120 2.0 2 2 True\n"
    assert b.facts["writes"] == ["get", "up"]


def test_a_function_taken_over_is_referred_to_by_its_name(chain: Chain) -> None:
    chain.task("a", "k = 1; f = (lambda: (lambda v: v + k))()", ["k", "f"])
    b = chain.task("b", "fs = [f, lambda: k]", ["fs"], takes={"a": ["f", "k"]})
    assert b.facts["needs"] == {"fs": ["f", "k"]}
    assert b.facts["shares"] == []
    c = chain.task("c", "print(fs[0] is f, fs[0](1))", takes={"a": ["k", "f"], "b": ["fs"]})
    assert c.out == "True 2\n"


def test_classes_that_no_source_defines_are_saved_by_value(chain: Chain) -> None:
    source = """
        import abc, collections, dataclasses, enum, typing
        def make():
            @dataclasses.dataclass
            class Point:
                x: int
                y: list = dataclasses.field(default_factory=list)
                limit: typing.ClassVar[int] = 3
                def far(self): return self.x > self.limit
            class Base(abc.ABC):
                __slots__ = ("a", "__dict__")
                @abc.abstractmethod
                def go(self): ...
                @property
                def twice(self): return self.a * 2
            class Child(Base):
                def go(self): return super().__repr__()[:1] + str(self.twice)
                @classmethod
                def new(cls, a):
                    made = cls(); made.a = a; return made
            class Colour(enum.Enum):
                RED = 1
                BLUE = 2
                def next(self): return Colour(3 - self.value)
            return Point, Base, Child, Colour
        Point, Base, Child, Colour = make()
        Pair = collections.namedtuple("Pair", "left right", defaults=[5])
        Dynamic = type("Dynamic", (dict,), {"n": 1, "m": lambda self: self.n})
        things = [Point(5), Child.new(4), Colour.RED, Pair(1), Dynamic(a=1)]
    """
    names = ["Point", "Base", "Child", "Colour", "Pair", "Dynamic", "things"]
    a = chain.task("a", source, names)
    assert a.error is None
    b = chain.task(
        "b",
        """
        import dataclasses
        p, c, r, pair, d = things
        print(type(p) is Point, p, p.far(), Point(1) == Point(1), Point(2).y, dataclasses.fields(p)[1].default is dataclasses.MISSING)
        print(type(c) is Child, c.go(), isinstance(c, Base), r is Colour.RED, r.next() is Colour.BLUE, list(Colour))
        print(pair == Pair(1, 5), type(pair) is Pair, pair._replace(left=2), d.m(), type(d) is Dynamic)
        try: Base()
        except TypeError as error: print("abstract" in str(error))
        """,
        takes={"a": names},
    )
    assert b.out == (
        "True make.<locals>.Point(x=5, y=[]) True True [] True\n"
        "True <8 True True True [<Colour.RED: 1>, <Colour.BLUE: 2>]\n"
        "True True Pair(left=2, right=5) 1 True\nTrue\n"
    )


STATEFUL = """
    import functools
    calls = []
    @functools.lru_cache(maxsize=None)
    def slow(n, by=1):
        calls.append(n)
        return n * n
    class Tally:
        count = 0
        names = []
        def __init__(self, name, extra=[]):
            type(self).count += 1
            Tally.names.append(name)
            extra.append(name)
            self.extra = extra
    def visit(seen=[]):
        visit.times += 1
        seen.append(visit.times)
        return seen
    def memo(f):
        cache = {}
        @functools.wraps(f)
        def inner(x):
            if x not in cache:
                cache[x] = f(x)
            return cache[x]
        inner.cache = cache
        return inner
    @memo
    def square(x, log=[]):
        log.append(x)
        return len(log)
    class Counted:
        def __init__(self, f): self.f, self.n = f, 0
        def __call__(self, *a):
            self.n += 1
            return self.f(*a)
    @Counted
    def counted(): return 1
"""
DEFINED = ["functools", "slow", "Tally", "visit", "memo", "square", "Counted", "counted"]


def test_state_gathered_by_functions_and_classes_is_carried(chain: Chain) -> None:
    use = "    slow(3); slow(4, by=2); slow(3); Tally('x'); visit(); square(2); square(3); square(2); counted()\n"
    a = chain.task("a", STATEFUL + "    visit.times = 0\n", ["calls"], defined=DEFINED, known=["calls"])
    assert a.facts["writes"] == ["visit"]
    show = """
    print(calls, slow.cache_info(), Tally.count, Tally.names, visit(), visit.times, square(9), square.cache, counted(), counted.n)
    print(Tally("again").extra, slow(3))
    """
    defs = STATEFUL.replace("calls = []", "")
    b = chain.task("b", use, ["calls"], defs=defs, takes={"a": ["calls", "visit"]}, defined=DEFINED)
    assert b.facts["writes"] == ["Tally", "counted", "slow", "square", "visit"]
    assert b.outputs["slow"]["format"] == "overlay"
    takes = ["calls", "Tally", "counted", "slow", "square", "visit"]
    chain.task("c", use, takes, defs=defs, takes={"b": takes}, defined=DEFINED)
    d = chain.task("d", show, defs=defs, takes={"c": takes}, defined=DEFINED)
    kernel = chain.task("kernel", STATEFUL + "    visit.times = 0\n" + use + use + show)
    assert d.out == kernel.out


def test_a_bounded_cache_keeps_its_order_and_its_counts(chain: Chain) -> None:
    defs = """
    from functools import lru_cache
    @lru_cache(maxsize=2, typed=True)
    def f(*a, **k): return [a, k]
"""
    use = "    for v in (1, 2, 1, 3): f(v)\n    f(1.0, b=2)\n"
    show = "    print(f.cache_info(), f(3), f.cache_info(), f(1.0, b=2), f.cache_info(), f(1), f.cache_info())\n"
    chain.task("a", defs + use, defined=["f"])
    b = chain.task("b", show, defs=defs, takes={"a": ["f"]}, defined=["f"])
    assert b.out == chain.task("kernel", defs + use + show).out


def test_an_unchanged_definition_writes_nothing(chain: Chain) -> None:
    names = [*DEFINED, "E", "P", "D", "np", "pd", "plt", "keras_free"]
    source = (
        STATEFUL
        + """
    import enum, dataclasses, collections, numpy as np, pandas as pd
    import matplotlib.pyplot as plt
    from sklearn.base import BaseEstimator
    class E(enum.Enum):
        A = 1
    P = collections.namedtuple("P", "a b")
    @dataclasses.dataclass
    class D:
        a: int = 1
        b: dict = dataclasses.field(default_factory=dict)
    class keras_free(BaseEstimator):
        def __init__(self, a=1): self.a = a
    made = [E.A, P(1, 2), D(), keras_free().get_params(), np.ones(3).mean(), pd.DataFrame({"a": [1]}).describe()]
    plt.rcParams["lines.linewidth"]
    """
    )
    a = chain.task("a", source, ["made"], defined=names)
    assert a.facts["writes"] == []


def test_replaced_methods_and_attributes_are_carried(chain: Chain) -> None:
    defs = """
    class Model:
        kind = "old"
        gone = 1
        def predict(self, x): return x
    def better(self, x): return x + 100
"""
    defined = ["Model", "better"]
    chain.task("a", defs + "    m = Model()", ["m"], defined=defined)
    b = chain.task(
        "b", "Model.predict = better; Model.kind = 'new'; Model.added = lambda self: k; del Model.gone", [],
        defs=defs, takes={"a": ["m"]}, defined=defined,
    )  # fmt: skip
    assert b.facts["writes"] == ["Model"]
    assert b.facts["needs"] == {"Model": ["better", "k"]}
    c = chain.task(
        "c", "k = 5; print(m.predict(1), Model.predict is better, m.kind, m.added(), hasattr(m, 'gone'))",
        prelude=[defs, "a", "b"], takes={"a": ["m"], "b": ["Model"]}, defined=defined,
    )  # fmt: skip
    assert c.out == "101 True new 5 False\n"


def test_patched_modules_and_library_classes_are_carried(chain: Chain) -> None:
    defs = "import textwrap, math, pandas as pd\nfrom fractions import Fraction\n"
    defined = ["textwrap", "math", "pd", "Fraction"]
    a = chain.task(
        "a",
        defs
        + "original = textwrap.dedent; math.tau_twice = 2 * math.tau; textwrap.dedent = lambda value: 'patched ' + original(value)\n"
        "pd.DataFrame.wide = lambda self: self.shape[1]\nFraction.half = property(lambda self: self / 2)",
        ["original"],
        defined=defined,
    )
    assert a.facts["writes"] == ["Fraction", "math", "pd", "textwrap"]
    assert a.facts["needs"]["textwrap"] == ["original"]
    b = chain.task(
        "b",
        "print(textwrap.dedent('x'), round(math.tau_twice, 3), pd.DataFrame({'a': [1]}).wide(), Fraction(1, 2).half)",
        defs=defs, takes={"a": ["original", *a.facts["writes"]]}, defined=defined,
    )  # fmt: skip
    assert b.out == "patched x 12.566 1 1/4\n"


def test_a_default_that_the_source_evaluated_travels_when_it_is_asked_for(chain: Chain) -> None:
    defs = "import uuid\ndef tag(value=uuid.uuid4().hex): return value\nclass A:\n    made = uuid.uuid4().hex\n"
    a = chain.task("a", defs + "first = tag(), A.made", ["first", "tag", "A"], defined=["tag", "A", "uuid"])
    assert a.facts["writes"] == []
    takes = {"a": ["first", "tag", "A"]}
    b = chain.task("b", "print((tag(), A.made) == first)", defs=defs, takes=takes, defined=["tag", "A", "uuid"])
    assert b.out == "True\n"


def test_an_object_that_a_function_remembers_is_shared_with_the_variable(chain: Chain) -> None:
    defs = "def note(x): note.log.append(x)\n"
    a = chain.task("a", defs + "note.log = log = []", ["log", "note"], defined=["note"])
    assert a.facts["shares"] == [["log", "note"]]
    b = chain.task("b", "note(1); print(log)", defs=defs, takes={"a": ["log", "note"]}, defined=["note"])
    assert b.out == "[1]\n"
    assert b.facts["writes"] == ["log", "note"]


def test_cached_functions_type_variables_and_views_without_a_carried_source_cross(chain: Chain) -> None:
    source = """
        import functools, typing
        def work(x): return [x]
        cached = functools.lru_cache(maxsize=4)(work)
        cached(1); cached(2); cached(1)
        T = typing.TypeVar("T", bound=int)
        UserId = typing.NewType("UserId", int)
        owner = {"a": 1}
        keys, items = owner.keys(), owner.items()
        chained = map(str.upper, ["a", "b"]); next(chained)
    """
    names = ["cached", "T", "UserId", "owner", "keys", "items", "chained"]
    a = chain.task("a", source, names, defined=["work", "functools", "typing"])
    assert a.facts["needs"] == {"cached": ["work"]}
    assert a.facts["shares"] == [["items", "keys", "owner"]]
    b = chain.task(
        "b",
        """
        owner["b"] = 2
        print(cached.cache_info(), cached(1), cached.__wrapped__ is work, T, T.__bound__, UserId(5), UserId.__name__, keys, items, list(chained))
        """,
        takes={"a": names},
        defs="def work(x): return 'made anew'",
        defined=["work"],
    )
    assert b.out == (
        "CacheInfo(hits=1, misses=2, maxsize=4, currsize=2) [1] True ~T <class 'int'> 5 UserId "
        "dict_keys(['a', 'b']) dict_items([('a', 1), ('b', 2)]) ['B']\n"
    )
