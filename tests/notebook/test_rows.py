"""The table of known wrong answers, statically: who takes what from whom. The kernel tests are in `tests/equivalence`."""

from __future__ import annotations

import pytest

from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Graph
from tests.notebook.making import codes, errors, graph, pipeline, steps


def inputs(made: Graph, task: str) -> dict[str, str]:
    return made.nodes[task].inputs


def test_row_1_and_3_the_last_writer_wins():
    made = graph("# %% task:a\nx=1\n# %% task:b\nx=2\n# %% task:c\nprint(x)")
    assert inputs(made, "c") == {"x": "b"}
    assert made.nodes["a"].outputs == ()
    assert made.nodes["b"].upstream == frozenset()


def test_row_2_changes_in_place_form_a_chain():
    made = graph("# %% task:a\ndf=[]\n# %% task:b\ndf.append(1)\n# %% task:c\ndf.append(2)\n# %% task:d\nprint(df)")
    assert [inputs(made, task) for task in "bcd"] == [{"df": "a"}, {"df": "b"}, {"df": "c"}]
    assert made.nodes["b"].wanted_by == {"df": ("c",)}


@pytest.mark.parametrize(
    "change",
    ["x.sort()", "x[0] = 1", "x += [1]", "del x[0]", "random.shuffle(x)", "heapq.heappush(x, 1)", "np.copyto(x, 1)", "setattr(x, 'a', 1)",
     "x.fillna(0, inplace=True)", "x.loc[0, 'a'] = 1", "x['b'].replace(1, 2, inplace=True)", "x.model.fit(1)", "x.unknown_method()",
     "next(x)", "change(x)", "change(v=x)", "later(1, x)", "for r in x:\n    r['k'] = 1", "np.add(1, 2, out=x)", "y = x\ny.append(1)",
     "x[0].append(1)", "x.get('a').append(1)", "C(x)", "C(0).take(x)", "insort(x, 3)", "[r.pop() for r in x]",
     "x.items.append(1)", "rng.shuffle(x)", "a, x[0] = 1, 2", "x.a.b += 1", "w = x[0]\nw.append(2)"],
)  # fmt: skip
def test_row_2_what_changes_an_object(change):
    made = graph(
        "# %%\nimport random, heapq\nimport numpy as np\nfrom bisect import insort\n"
        "def change(v):\n    v.append(1)\ndef later(n, u):\n    change(u)\n"
        "class C:\n    def __init__(self, v):\n        v and v.append(3)\n    def take(self, z):\n        z.clear()\n"
        "# %% task:a\nrng = np.random.default_rng(0)\nx = make = [3, 1]\n"
        f"# %% task:b\n{change}\n# %% task:c\nprint(x)"
    )
    assert inputs(made, "c")["x"] == "b"


@pytest.mark.parametrize(
    "use",
    ["print(x)", "x.head()", "y = x.copy()", "x.groupby('a').agg('sum').reset_index(inplace=False)", "x.predict([1])", "len(x)", "sorted(x)",
     "y = x + 1", "x.fillna(0)", "np.sort(x)", "look(x)", "y = x[0]", "[v for v in x]", "x.score(1, 2)", "x.iloc[0]['a']", "f'{x}'",
     "plt.plot(x)", "y = x.drop(columns='a')\ny['b'] = 1", "y = x[x > 1]\ny['b'] = 2", "K(1).look(x)", "x.mean().round(2)",
     "y = x.merge(x).sort_values('a')\ny.insert(0, 'z', 1)", "model = M().fit(x)", "a, b = train_test_split(x, random_state=0)"],
)  # fmt: skip
def test_what_only_reads_leaves_the_object_to_its_maker(use):
    made = graph(
        "# %%\nimport numpy as np\nimport matplotlib.pyplot as plt\nfrom sklearn.model_selection import train_test_split\n"
        "from sklearn.linear_model import LinearRegression as M\n"
        "def look(v):\n    v = v.copy()\n    v.append(1)\n    return v[0]\nclass K:\n    def __init__(self, n):\n        self.n = n\n"
        "    def look(self, v):\n        self.n += 1\n        return v\n"
        f"# %% task:a\nx = np.arange(3)\n# %% task:b\n{use}\n# %% task:c\nprint(x)"
    )
    assert inputs(made, "c")["x"] == "a"


def test_row_4_may_define_takes_the_older_version_in_and_gives_the_newer_out():
    made = graph("# %% task:a\nx=1\ncond=0\n# %% task:b\nif cond:\n    x=2\nprint(x)\n# %% task:c\nprint(x)")
    assert inputs(made, "b") == {"x": "a", "cond": "a"}
    assert inputs(made, "c") == {"x": "b"}


def test_a_loop_variable_that_nobody_reads_makes_no_edge():
    made = graph("# %% task:a\nxs = [1]\nfor i in xs:\n    print(i)\n# %% task:b\nys = [2]\nfor i in ys:\n    print(i)")
    assert made.nodes["b"].upstream == frozenset()


def test_row_5_a_guarded_read():
    made = graph("# %% task:a\nm=1\n# %% task:b\ntry:\n    m\nexcept NameError:\n    m=None")
    assert inputs(made, "b") == {"m": "a"}
    assert codes(pipeline("# %% task:b\ntry:\n    m\nexcept NameError:\n    m=None")) == []


def test_row_6_and_7_local_names_are_local():
    made = graph(
        "# %% task:a\ni=1\nv=2\n# %% task:b\ns=[i for i in range(3)]\nclass C:\n    v=3\nasync def f(v):\n    return v\ng=lambda i: i\n"
        "# %% task:c\nprint(i, v)"
    )
    assert made.nodes["b"].upstream == frozenset()
    assert inputs(made, "c") == {"i": "a", "v": "a"}


@pytest.mark.parametrize(
    ("definition", "use"),
    [("f = lambda v: v * k", "f(1)"), ("def f(v):\n    return v * k", "f(1)"), ("class M:\n    def go(self):\n        return k", "M().go()"),
     ("def g():\n    return k\ndef f():\n    return g()", "f()"), ("def f():\n    return lambda: k", "f()()"),
     ("class M:\n    def go(self):\n        return k\nm = M()", "m.go()"), ("def h():\n    return k\nd = {'h': h}", "d['h']()"),
     ("d = [lambda: k]", "d[0]()"), ("import functools\ndef h(n):\n    return k + n\np = functools.partial(h, 1)", "p()"),
     ("def h():\n    return k\nq = h", "q()")],
)  # fmt: skip
def test_row_8_a_function_brings_the_globals_of_its_place_of_use(definition, use):
    made = graph(f"# %% task:k\nk = 2\n# %% task:a\n{definition}\n# %% task:k2\nk = 3\n# %% task:c\nprint({use})")
    assert inputs(made, "c")["k"] == "k2"


@pytest.mark.parametrize(
    "access", ["eval(q)", "globals()", "locals()", "vars()", "dir()", "exec(q)", "get_ipython().user_ns", "f()"]
)
def test_row_9_access_to_all_names_takes_all_and_says_so(access):
    made = pipeline(
        f"# %% task:a\nm = 1\nq = 'm'\nimport os\ndef f():\n    return globals()\n# %% task:b\n{access}\n# %% task:c\nprint(1)"
    )
    assert not errors(made)
    (problem,) = [d for d in made.diagnostics if d.code == "wildcard"]
    assert (problem.severity, problem.cell) == ("warning", 2)
    assert inputs(made.resolve(), "b") == {"m": "a", "q": "a"}
    assert {"os", "f"} <= set(made.resolve().nodes["b"].defines)


def test_row_9_literal_code_is_read_as_code():
    made = graph(
        "# %% task:a\nm = 1\nn = 2\n# %% task:b\nprint(eval('m'), globals()['n'])\nexec('p = m')\n# %% task:c\nprint(p)"
    )
    assert inputs(made, "b") == {"m": "a", "n": "a"}
    assert inputs(made, "c") == {"p": "b"}


def test_what_exec_may_have_defined_comes_from_it():
    made = pipeline("# %% task:a\ncode = 'p = 1'\nx = []\n# %% task:b\nexec(code)\n# %% task:c\nprint(p, x)")
    assert not errors(made)
    assert inputs(made.resolve(), "c") == {"p": "b", "x": "b"}


def test_row_10_shared_objects_come_together():
    text = "# %% task:a\nm1 = make()\nm2 = other()\n# %% task:b\nm2.append(1)\n# %% task:c\nprint(m1)"
    made = pipeline("# %%\nfrom lib import make, other\n" + text)
    assert inputs(made.resolve(), "c") == {"m1": "a"}
    told = made.resolve({"a": Facts(shares=frozenset({frozenset({"m1", "m2"})}))})
    assert inputs(told, "b") == {"m1": "a", "m2": "a"}
    assert inputs(told, "c") == {"m1": "b"}
    assert told.nodes["b"].outputs == ("m1",)


@pytest.mark.parametrize(
    "made_by", ["m1 = m2 = []", "m1 = []\nm2 = m1", "m1 = {'k': []}\nm2 = m1['k']", "m1, m2 = [], 0\nm2 = m1"]
)
def test_row_10_plain_aliases_are_seen_in_the_code(made_by):
    made = graph(f"# %% task:a\n{made_by}\n# %% task:b\nm2.append(1)\n# %% task:c\nprint(m1)")
    assert inputs(made, "c")["m1"] == "b"


def test_views_that_nobody_changes_make_no_edge():
    made = pipeline(
        "# %% task:a\nx = list(range(9))\n# %% task:b\ny = x[2:]\n# %% task:c\nprint(x)\n# %% task:d\nprint(y)"
    )
    told = made.resolve({"b": Facts(shares=frozenset({frozenset({"x", "y"})}))})
    assert told.nodes["c"].upstream == {"a"}


def test_row_11_a_parameter_that_a_task_changes_is_its_variable():
    made = graph("# %% parameters\nlr = 0.1\n# %% task:a\nprint(lr)\n# %% task:b\nlr = lr * 2\n# %% task:c\nprint(lr)")
    assert [made.nodes[task].parameters for task in "abc"] == [("lr",), ("lr",), ()]
    assert inputs(made, "c") == {"lr": "b"}


def test_row_12_a_function_that_changes_a_global():
    made = graph(
        "# %% task:a\nc=0\ndef f():\n    global c\n    c+=1\n# %% task:b\nf()\n# %% task:d\nf()\n# %% task:e\nprint(c)"
    )
    assert [inputs(made, task) for task in "bde"] == [{"c": "a"}, {"c": "b"}, {"c": "d"}]


def test_row_13_a_name_defined_nowhere_is_an_error_where_it_is_read():
    made = pipeline("# %% task:a\nvalues = 1\n# %% task:b\nx = 1\nprint(valeus)")
    (problem,) = errors(made)
    assert (problem.code, problem.cell, problem.line, problem.task) == ("undefined-name", 2, 2, "b")
    assert "'values'" in (problem.hint or "")


def test_a_name_defined_only_later_is_out_of_order():
    (problem,) = errors(pipeline("# %% task:a\nprint(x)\n# %% task:b\nx = 1"))
    assert problem.code == "out-of-order"
    assert "cell 2" in problem.message


def test_a_name_that_only_a_skipped_cell_defines():
    (problem,) = errors(pipeline("# %% skip\nx = 1\n# %% task:a\nprint(x)"))
    assert "`skip`" in problem.message
    assert problem.fix is not None
    assert (problem.fix.cell, problem.fix.tags) == ("c1", ())


def test_a_function_that_is_not_called_may_read_what_comes_later():
    assert codes(pipeline("# %% task:a\ndef f():\n    return later\n# %% task:b\nlater = 1\nf()")) == []


def test_row_16_a_wildcard_import_is_carried_whole():
    made = pipeline("# %% task:a\nfrom math import *\nr = 2\n# %% task:b\nprint(floor(pi * r))")
    assert not errors(made)
    assert steps(made.resolve().nodes["b"]) == ["from math import *", "r < a"]
    assert [d.severity for d in made.diagnostics if d.code == "wildcard-import"] == ["info"]


def test_row_18_files_that_the_code_names_order_tasks():
    made = graph(
        "# %%\nimport pandas as pd\nfrom pathlib import Path\n# %% task:a\ndf = pd.DataFrame()\n# %% task:w\npd.DataFrame().to_csv('out/x.csv')\n"
        "# %% task:r\npd.read_csv('out/x.csv')\n# %% task:p\n(Path('out') / 'x.csv').read_text()\n# %% task:again\nopen('./out/x.csv', 'w')\n"
        "# %% task:other\nopen('y.csv').read()"
    )
    after = {name: set(node.after) for name, node in made.nodes.items()}
    assert after == {"a": set(), "w": set(), "r": {"w"}, "p": {"w"}, "again": {"w", "r", "p"}, "other": set()}


def test_row_18_files_that_runs_have_seen_order_tasks():
    made = pipeline("# %% task:w\nf('w')\n# %% task:r\nf('r')\n# %% task:z\nf('z')".replace("f(", "print("))
    told = made.resolve({"w": Facts(files_written=frozenset({"/d/x"})), "r": Facts(files_read=frozenset({"/d/x"}))})
    assert [set(node.after) for node in told.nodes.values()] == [set(), {"w"}, set()]


def test_row_23_late_binding_finds_the_newest_helper():
    made = graph(
        "# %% task:a\ndef h():\n    return 1\ndef f():\n    return h()\n# %% task:b\nf()\n# %% task:c\ndef h():\n    return 2\n# %% task:d\nf()"
    )
    assert [s.source.splitlines()[1].strip() for s in made.nodes["b"].prelude] == ["return 1", "return h()"]
    assert [s.source.splitlines()[1].strip() for s in made.nodes["d"].prelude] == ["return h()", "return 2"]


def test_row_24_instances_load_under_the_class_that_made_them():
    made = graph(
        "# %% task:a\nclass A:\n    v = 1\nold = A()\n# %% task:b\nclass A:\n    v = 2\n# %% task:c\nprint(isinstance(old, A))"
    )
    assert steps(made.nodes["c"]) == ["A", "old < a", "A"]


def test_row_25_a_deleted_name_is_gone():
    made = pipeline("# %% task:a\nx=1\n# %% task:b\nprint(x)\ndel x\n# %% task:c\nprint(x)")
    assert [(d.code, d.cell) for d in errors(made)] == [("deleted-name", 3)]
    assert made.resolve().nodes["c"].upstream == frozenset()
    assert codes(pipeline("# %% task:a\nlist = [1]\ndel list\n# %% task:b\nprint(list())")) == []


def test_what_only_a_definition_needed_is_deleted_again_where_the_notebook_does():
    made = graph(
        "# %% task:a\nx = [1]\ndef f(n=len(x)):\n    return n\n# %% task:b\ndel x\n# %% task:c\nprint(f(), dir())"
    )
    assert steps(made.nodes["c"]) == ["x < a", "f", "del x"]


@pytest.mark.parametrize(
    ("made_by", "kind"),
    [("x = (i for i in range(3))", "generator"), ("x = open('a')", "open file"), ("x = threading.Lock()", "lock"),
     ("x = sqlite3.connect('a')", "database connection"), ("x = numbers()", "generator")],
)  # fmt: skip
def test_row_26_what_cannot_cross_is_said_with_both_tasks(made_by, kind):
    text = f"# %%\nimport threading, sqlite3\ndef numbers():\n    yield 1\n# %% task:a\n{made_by}\n# %% task:b\n"
    (problem,) = [d for d in pipeline(text + "print(x)").diagnostics if d.code == "unsaveable"]
    assert problem.severity == "warning"
    for part in (kind, "'a'", "'b'", "'x'"):
        assert part in problem.message
    assert "unsaveable" not in codes(pipeline(text + "print(1)"))


def test_row_27_the_random_state_is_handed_on_once_it_is_seeded():
    text = "# %%\nimport numpy as np\n# %% task:a\n{seed}\n# %% task:b\nprint(np.random.rand())\n# %% task:c\nprint(np.random.rand())"
    seeded = graph(text.format(seed="np.random.seed(0)"))
    assert inputs(seeded, "b") == {"@numpy.random": "a"}
    assert inputs(seeded, "c") == {"@numpy.random": "b"}
    unseeded = graph(text.format(seed="print(0)"))
    assert unseeded.nodes["c"].upstream == frozenset()


def test_row_27_what_may_draw_reads_the_seeded_state():
    text = (
        "# %%\nimport random\nfrom sklearn.x import Model, train_test_split\n# %% task:a\nrandom.seed(0)\n# %% task:b\n"
    )
    assert "@random" in inputs(graph(text + "Model().fit(1)"), "b")
    assert "@random" in inputs(
        graph(
            text.replace("random.seed(0)", "seed_everything(0)").replace("Model,", "Model, seed_everything,")
            + "random.random()"
        ),
        "b",
    )
    assert inputs(graph(text + "print(1)"), "b") == {}


def test_row_28_what_is_set_once_holds_in_every_later_task():
    made = graph(
        "# %% task:a\nimport os, warnings\nimport pandas as pd\nos.environ['A'] = '1'\nwarnings.filterwarnings('ignore')\npd.set_option('x', 1)\n"
        "%env B=2\n# %% task:b\nprint(1)\n# %% task:c\nos.chdir(where())\n# %% task:d\nprint(2)".replace(
            "where()", "str(1)"
        )
    )
    sources = [getattr(step, "source", "") for step in made.nodes["b"].prelude]
    assert sources[-4:] == [
        "os.environ['A'] = '1'",
        "warnings.filterwarnings('ignore')",
        "pd.set_option('x', 1)",
        "%env B=2",
    ]
    assert inputs(made, "d") == {"@cwd": "c"}


def test_row_28_contexts_of_numbers_hold_in_every_later_task():
    """They are no variables, and no hidden state that is looked at: without the statement the next kernel computes otherwise."""
    lines = ["decimal.getcontext().prec = 3", "np.seterr(all='raise')"]
    made = graph(
        "# %% task:a\nimport decimal\nimport numpy as np\n"
        + "\n".join(lines)
        + "\n# %% task:b\nprint(decimal.Decimal(1) / 3)"
    )

    assert [getattr(step, "source", "") for step in made.nodes["b"].prelude][-2:] == lines


def test_row_28_filters_inside_catch_warnings_are_not_state():
    made = graph(
        "# %% task:a\nimport warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    x = 1\n# %% task:b\nprint(1)"
    )
    assert made.nodes["b"].upstream == frozenset()


@pytest.mark.parametrize("name", ["_", "__", "_3", "Out[1]", "In[0]", "_i2", "_oh"])
def test_row_29_the_kernels_memory_does_not_cross(name):
    made = pipeline(f"# %% task:a\n1 + 1\n# %% task:b\nprint({name})")
    (problem,) = errors(made)
    assert (problem.code, problem.cell, problem.task) == ("history", 2, "b")


def test_row_29_the_last_output_of_the_same_task_and_a_variable_of_that_name_are_fine():
    assert codes(pipeline("# %% task:a\nx = 1\n# %% task:b\nx + 1\n# %%\nprint(_)")) == []
    assert codes(pipeline("# %% task:a\n_, x = 1, 2\n1\n# %% task:b\nprint(_)")) == []
    assert codes(pipeline("# %%\n1\n# %%\nprint(_1, Out, In)")) == []


def test_row_30_a_default_sees_the_version_of_its_place():
    made = graph(
        "# %% task:a\ndf = [1, 2]\ndef f(n=len(df)):\n    return n\n# %% task:b\ndf = [1]\n# %% task:c\nprint(f(), df)"
    )
    assert steps(made.nodes["c"]) == ["df < a", "f", "df < b"]


def test_row_30_a_default_whose_version_is_overwritten_in_its_own_task_travels_as_a_value():
    made = graph("# %% task:a\ndf = [1, 2]\ndef f(n=len(df)):\n    return n\ndf = [1]\n# %% task:c\nprint(f())")
    assert steps(made.nodes["c"]) == ["f < a"]
    assert "f" not in made.nodes["a"].defines


@pytest.mark.parametrize(
    ("definition", "use", "changed"),
    [("def f(x, seen=[]):\n    seen.append(x)", "f(1)", "f"), ("import functools\n@functools.lru_cache\ndef f(x):\n    return x", "f(1)", "f"),
     ("def f():\n    f.n += 1\nf.n = 0", "f()", "f"), ("class C:\n    n = 0\n    def __init__(self):\n        C.n += 1", "C()", "C"),
     ("class C:\n    n = 0\n    def __init__(self):\n        type(self).n += 1", "C()", "C"),
     ("class C:\n    all = []\n    def add(self):\n        self.all.append(1)\nc = C()", "c.add()", "C"),
     ("class C:\n    n = 0\n    @classmethod\n    def inc(cls):\n        cls.n += 1", "C.inc()", "C"),
     ("class C:\n    n = 0", "C.n = 5", "C"), ("def f(): pass", "f.calls = 1", "f")],
)  # fmt: skip
def test_row_30_state_gathered_by_a_definition_travels_beside_it(definition, use, changed):
    made = graph(f"# %% task:a\n{definition}\n# %% task:b\n{use}\n# %% task:c\n{use}")
    assert inputs(made, "c")[changed] == "b"
    assert changed in [name for step in made.nodes["c"].prelude if hasattr(step, "source") for name in step.names]
    assert changed in made.nodes["b"].defines


def test_a_default_that_nobody_changes_is_no_state():
    made = graph("# %% task:a\ndef f(x, opts={}):\n    return opts.get(x)\n# %% task:b\nf(1)\n# %% task:c\nf(2)")
    assert made.nodes["c"].upstream == frozenset()


def test_row_30_a_function_with_a_default_that_differs_each_time_is_a_value():
    made = graph("# %% task:a\nimport uuid\ndef f(v=uuid.uuid4().hex):\n    return v\n# %% task:b\nprint(f())")
    assert steps(made.nodes["b"]) == ["f < a"]


def test_row_30_a_decorator_that_registers_makes_a_value():
    made = graph(
        "# %% task:a\nhandlers = {}\ndef register(fn):\n    handlers[fn.__name__] = fn\n    return fn\n@register\ndef double(x):\n    return x * 2\n"
        "# %% task:b\nprint(handlers, double(1))"
    )
    assert inputs(made, "b") == {"handlers": "a", "double": "a"}


def test_row_31_a_patched_module_or_class_is_its_state():
    made = graph(
        "# %% task:a\nimport math\nclass M: pass\n# %% task:b\nmath.two = 2\nM.go = lambda self: 1\n# %% task:c\nprint(math.two, M)"
    )
    assert inputs(made, "c") == {"math": "b", "M": "b"}
    assert {"math", "M"} <= made.nodes["b"].defines


def test_imports_for_their_effect_are_carried_though_nobody_reads_their_name():
    made = graph(
        "# %%\nfrom sklearn.experimental import enable_it\nfrom lib import used, unused\nimport os\n# %% task:a\nprint(os, used)\n# %% task:b\nprint(1)"
    )
    assert steps(made.nodes["b"]) == ["enable_it"]


def test_future_imports_come_first():
    made = graph(
        "# %% task:a\nx = 1\n# %%\nfrom __future__ import annotations\ndef f(a: B): return x\n# %% task:b\nf(1)"
    )
    assert steps(made.nodes["b"])[0] == "annotations"


def test_submodules_that_are_imported_apart_are_all_carried():
    made = graph("# %%\nimport scipy\nimport scipy.stats\nimport scipy.linalg\n# %% task:a\nprint(scipy.stats)")
    assert len(made.nodes["a"].prelude) == 3


def test_facts_reads_and_writes_are_taken_into_account():
    made = pipeline("# %% task:a\nx = 1\n# %% task:b\nprint('b')\n# %% task:c\nprint(x)")
    told = made.resolve({"b": Facts(reads=frozenset({"x"}), writes=frozenset({"x"}))})
    assert inputs(told, "b") == {"x": "a"}
    assert inputs(told, "c") == {"x": "b"}


def test_facts_needs_bring_names_at_the_place_of_the_task_that_loads():
    made = pipeline(
        "# %% task:a\nk = 1\npipe = make(k)\n# %% task:b\nk = 2\n# %% task:c\npipe.go()".replace("make(k)", "str(k)")
    )
    told = made.resolve({"a": Facts(needs={"pipe": frozenset({"k"})})})
    assert inputs(told, "c")["k"] == "b"
    assert inputs(told, "c")["pipe"] == "a"


def test_keep_saves_last_versions_whoever_needs_them():
    made = pipeline("# %% task:a\nx = 1\ny = 2\nimport os\n# %% task:b\nx = 3\nif x:\n    y = 4")
    assert made.resolve(keep=frozenset({"x"})).nodes["b"].outputs == ("x",)
    every = made.resolve(keep=frozenset({"@all"}))
    assert (every.nodes["a"].outputs, every.nodes["b"].outputs) == (("y",), ("x", "y"))
    assert every.nodes["b"].wanted_by == {"x": (), "y": ()}


def test_independent_branches_stay_independent():
    made = graph(
        "# %%\nimport pandas as pd\nfrom m import A, B\nSEED = 3\n# %% task:load\ndf = pd.read_csv('x')\n# %% task:one\none = A(SEED)\none.fit(df)\nprint(df.shape)\n"
        "# %% task:two\ntwo = B(SEED)\ntwo.fit(df)\nfor i in range(9):\n    print(i)\n# %% task:both\nprint(one.score(df), two.score(df))"
    )
    assert made.nodes["one"].upstream == {"setup", "load"}
    assert made.nodes["two"].upstream == {"setup", "load"}
    assert made.nodes["both"].upstream == {"load", "one", "two"}
