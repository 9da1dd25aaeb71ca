"""What one statement does to global names."""

from __future__ import annotations

import ast
import sys

import pytest

from nbprod.notebook.dataflow import effects_of
from nbprod.notebook.effects import Effects


def effects(source: str) -> Effects:
    (node,) = ast.parse(source).body
    return effects_of(node)


def names(text: str) -> set[str]:
    return set(text.split())


BUILTINS = names(
    "print len range list sum max super type sorted isinstance open Exception NameError ValueError object dict str int staticmethod property classmethod"
)


@pytest.mark.parametrize(
    ("source", "reads", "defines", "may"),
    [
        ("x = y", "y", "x", ""),
        ("x += 1", "x", "", ""),
        ("x: int = y", "y", "x", ""),
        ("x: int", "", "", ""),
        ("a, (b, *c) = d", "d", "a b c", ""),
        ("a = b = c", "c", "a b", ""),
        ("x.a = y", "x y", "", ""),
        ("x[i] = y", "x i y", "", ""),
        ("print(x := y)", "y", "x", ""),
        ("(x := 1) and (y := x)", "", "x", "y"),
        ("x = a if b else c", "a b c", "x", ""),
        ("[i * k for i in xs if i > t]", "k xs t", "", ""),
        ("{i: j for i, j in xs}", "xs", "", ""),
        ("[y for x in a for y in x]", "a", "", ""),
        ("[i for i in i]", "i", "", ""),
        ("[last := i for i in xs]", "xs", "", "last"),
        ("sum(v for v in v)", "v", "", ""),
        ("if c:\n x = 1", "c", "", "x"),
        ("if c:\n x = 1\nelse:\n x = 2", "c", "x", ""),
        ("if c:\n x = 1\nelse:\n raise ValueError", "c", "x", ""),
        ("if c:\n x = 1\n print(x, y)", "c y", "", "x"),
        ("if c:\n x = 1\nelif d:\n x = 2\nelse:\n x = 3", "c d", "x", ""),
        ("for i in xs:\n t = i", "xs", "", "i t"),
        ("for i in range(3):\n t = i", "", "i t", ""),
        ("for i in range(0):\n t = i", "", "", "i t"),
        ("for i in [1, 2]:\n pass\nelse:\n z = i", "", "i", "z"),
        ("while c:\n x = c", "c", "", "x"),
        ("while True:\n x = 1\n break", "", "", "x"),
        ("try:\n m\nexcept NameError:\n m = None", "m", "", "m"),
        ("try:\n import a\nexcept ImportError:\n a = None", "ImportError", "a", ""),
        ("try:\n x = f()\nexcept Exception:\n raise", "f", "x", ""),
        ("try:\n x = f()\nfinally:\n y = 1", "f", "x y", ""),
        ("try:\n pass\nexcept Exception as e:\n print(e)", "", "", ""),
        ("with f() as g, h(g) as k:\n x = k", "f h", "g k x", ""),
        ("with suppress(Exception):\n x = 1", "suppress", "", "x"),
        ("match v:\n case [a, *rest]:\n  b = a\n case {'k': c, **others}:\n  pass", "v", "", "a rest b c others"),
        ("match v:\n case 1:\n  x = 1\n case _:\n  x = 2", "v", "x", ""),
        ("match v:\n case Point(x=px) if px > lim:\n  pass", "v Point lim", "", "px"),
        ("del x", "x", "", ""),
        ("import a.b", "", "a", ""),
        ("import a.b as c, d", "", "c d", ""),
        ("from a import b as c, d", "", "c d", ""),
        ("async def f():\n return k", "", "f", ""),
        ("def f(x, n=len(df), *a, k: T = 1, **kw) -> R:\n return x, n, a, k, kw, g", "df T R", "f", ""),
        ("@deco(arg)\ndef f():\n return 1", "deco arg", "f", ""),
        ("f = lambda v, w=d: v * k", "d", "f", ""),
        ("class A(Base, metaclass=M):\n n = N\n m = n\n v = [n for _ in range(2)]\n def go(self):\n  return n, later",
         "Base M N n", "A", ""),
        ("class A:\n x = [q for q in rows]", "rows", "A", ""),
        ("global_ = globals()['a']", "a", "global_", ""),
        ("globals()['a'] = b", "b", "a", ""),
        ("eval('a + b')", "a b", "", ""),
        ("exec('c = d')", "d", "c", ""),
        ("df.query('a > @limit and b < @other')", "df limit other", "", ""),
        ("df.query('a > @limit', inplace=True)", "df limit", "", ""),
        ("x = f'{a!r:>{width}} {b.c}'", "a width b", "x", ""),
        ("await f(x)", "f x", "", ""),
        ("print(*a, **b)", "a b", "", ""),
        ("assert x, y", "x y", "", ""),
    ],
)  # fmt: skip
def test_reads_and_definitions(source, reads, defines, may):
    found = effects(source)
    assert set(found.reads) - BUILTINS == names(reads)
    assert found.defines == names(defines)
    assert found.may_define == names(may)


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("def f(a):\n b = a + k\n return b", "k"),
        ("def f():\n global c\n c += 1", "c"),
        ("def f():\n x = 1\n def g():\n  nonlocal x\n  x = y\n return g", "y"),
        ("def f(n):\n return f(n - 1) + g(n)", "f g"),
        ("def f():\n for i in xs:\n  yield i", "xs"),
        ("def f():\n import numpy as np\n return np.zeros(z)", "z"),
        ("def f():\n try:\n  pass\n except E as e:\n  return e", "E"),
        ("def f():\n with a as b:\n  return b", "a"),
        ("def f():\n [w := i for i in r]\n return w", "r"),
        ("def f():\n match v:\n  case [h, *t]:\n   return h, t", "v"),
        ("def f():\n del q\n", ""),
        ("class A:\n def m(self, other=None):\n  return self.x + other + rate", "rate"),
        ("class A:\n z = 1\n def m(self):\n  return z", "z"),
        ("f = lambda x: [x + k for _ in range(m)]", "k m"),
        ("def f(self):\n return super().f() and __class__", "__class__"),
    ],
)
def test_free_names_of_functions_and_classes(source, reads):
    found = effects(source)
    (code,) = found.codes.values()
    assert set(code.effects.reads) - BUILTINS == names(reads)
    assert set(found.reads) & names(reads) == set()


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x.a = 1", "x"), ("x[0] = 1", "x"), ("x[0].b[1] = 1", "x"), ("del x[0]", "x"), ("del x.a", "x"), ("x.a += 1", "x"),
        ("df.loc[m, 'a'] = 0", "df"), ("np.f = g", "np"), ("f.calls = 0", "f"), ("a.b, c = 1, 2", "a"), ("for x.i in y: pass", "x"),
        ("for r in rows:\n r['a'] = 1", "rows"), ("for i, r in enumerate(rows):\n r.x = 1", "rows"),
        ("for a, b in zip(u, v):\n a.x = 1", "u v"), ("with f() as x.y: pass", "x"), ("np.add(a, b, out=c)", "c"),
        ("(x if c else y).z = 1", "x y"), ("d.get('k').a = 1", "d"),
    ],
)  # fmt: skip
def test_stores_change_what_they_lie_in(source, changed):
    roots = set().union(*(store.roots for store in effects(source).stores))
    assert roots == names(changed)


def test_deleting_and_perhaps_deleting():
    assert effects("del x, y").deletes == {"x", "y"}
    assert effects("if c:\n del x").may_delete == {"x"}
    assert effects("for i in range(2):\n x = i\nelse:\n del x").deletes == set()
    assert "e" in effects("try:\n f()\nexcept E as e:\n pass").may_delete


def test_a_read_of_what_the_statement_has_assigned_is_none():
    assert set(effects("for i in range(3):\n t = i\n print(t)").reads) - BUILTINS == set()
    assert set(effects("if c:\n t = 1\n t.append(2)").reads) == {"c"}


def test_parameters_that_a_function_changes_are_told_from_copies():
    def stores(source: str) -> set[str]:
        (code,) = effects(source).codes.values()
        return set().union(*(store.roots for store in code.effects.stores))

    assert stores("def f(df):\n df['x'] = 1") == {"$df"}
    assert stores("def f(df):\n df = df.copy()\n df['x'] = 1") == set()
    assert stores("def f(df):\n sub = df\n sub['x'] = 1") == {"$df"}
    assert stores("def f(a):\n for b in a:\n  b.x = 1") == {"$a"}
    assert stores("def f(a):\n b = a[0]\n b.x = 1") == {"$a"}
    assert stores("def f(*, n):\n def g():\n  n[0] = 1\n return g") == {"$n"}
    assert stores("def f():\n g = G\n g.x = 1") == {"G"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is of Python 3.12")
@pytest.mark.parametrize(
    "source", ["type A[T] = list[T]", "class A[T](dict):\n x: T", "def f[T: int](x: T) -> T:\n return x"]
)
def test_type_parameters_are_local(source):
    found = effects(source)
    assert set(found.reads) - BUILTINS == set()
    assert found.defines in ({"A"}, {"f"})
