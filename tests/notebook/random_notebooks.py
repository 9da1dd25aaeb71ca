"""Random notebooks: statements that run, cut into cells and tasks at random."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.notebook.replay import run_in_one_namespace

VALUES = "abcde"
FUNCTIONS = "fgh"


@dataclass
class Made:
    """The cells of a notebook, and the task of each."""

    cells: list[str]
    tasks: list[str]

    @property
    def text(self) -> str:
        return "\n\n".join(
            f'# %% tags=["task:{task}"]\n{cell}' for cell, task in zip(self.cells, self.tasks, strict=True)
        )


def make_notebook(seed: int, size: int = 14) -> Made:
    """Make a notebook of about `size` statements that runs to its end in one namespace."""
    rng = random.Random(seed)
    statements: list[str] = []
    for _ in range(size):
        candidate = _statement(rng)
        if run_in_one_namespace([*statements, candidate])[2] is None:
            statements.append(candidate)
        if rng.random() < 0.6:
            name = rng.choice(VALUES)
            candidate = rng.choice(
                [f"print({name})", f"print({name}, {rng.choice(VALUES)})", f"print({rng.choice(FUNCTIONS)}({name}))"]
            )
            if run_in_one_namespace([*statements, candidate])[2] is None:
                statements.append(candidate)
    cells: list[str] = []
    statements = statements or ["print(0)"]
    while statements:
        count = rng.choice([1, 1, 1, 2, 3])
        cells.append("\n".join(statements[:count]))
        del statements[:count]
    tasks: list[str] = []
    number = 0
    for _ in cells:
        if rng.random() < 0.6:
            number += 1
        tasks.append(f"t{number}")
    return Made(cells, tasks)


def _statement(rng: random.Random) -> str:
    a, b, c = (rng.choice(VALUES) for _ in range(3))
    f, g = (rng.choice(FUNCTIONS) for _ in range(2))
    n = rng.randrange(5)
    return rng.choice(
        [
            f"{a} = {n}",
            f"{a} = [{n}, {n + 1}]",
            f"{a} = {{'k': {n}}}",
            f"{a} = {b}",
            f"{a} = {b} = [{n}]",
            f"{a}.append({n})",
            f"{a}.append({b})" if a != b else f"{a} = {n}",
            f"{a}[0] = {n}",
            f"{a}['k'] = {n}",
            f"{a}['k'] = {b}" if a != b else f"{a} = {n}",
            f"{a} = [{b}, {n}]" if a != b else f"{a} = {n}",
            f"{a} = {{'in': {b}}}" if a != b else f"{a} = {n}",
            f"{a}['in'].append({n})",
            f"{a} = {b}[0]",
            f"{a}[0].append({n})",
            f"{a} += [{n}]",
            f"{a} += {n}",
            f"if {b}:\n    {a} = {n}",
            f"if {n % 2}:\n    {a} = [{n}]\nelse:\n    {b} = {n}",
            f"for i in range({n}):\n    {a}.append(i)",
            f"for i in range({n}):\n    {a} = i",
            f"for row in list({a}):\n    row.append({n})",
            f"while len({a}) < {n}:\n    {a}.append(0)",
            f"del {a}",
            f"del {a}[0]",
            f"try:\n    {a}\nexcept NameError:\n    {a} = {n}",
            f"{a} = [i * {n} for i in {b}]",
            f"{a} = sum(i for i in range({n}))",
            f"def {f}(x):\n    return (str(x)[:9], {a})",
            f"def {f}(x, n=len({a})):\n    return (str(x)[:9], n)",
            f"def {f}(x):\n    global {a}\n    {a} = {n}\n    return {n}",
            f"def {f}(x):\n    global {a}\n    {a} += 1\n    return {a}",
            f"def {f}(x):\n    {a}.append({n})\n    return len({a})",
            f"def {f}(x):\n    x.append({n})\n    return x",
            f"def {f}(x, seen=[]):\n    seen.append({n})\n    return len(seen)",
            f"def {f}(x):\n    return ({g}(x), {n})" if f != g else f"{f} = lambda x: ({a}, {n})",
            f"{f} = lambda x: (str(x)[:9], {a})",
            f"def {f}(x):\n    {f}.calls += 1\n    return {f}.calls\n{f}.calls = 0",
            f"import functools\n@functools.lru_cache(maxsize=None)\ndef {f}(x):\n    {a}.append(x)\n    return len({a})",
            f"def {f}(x):\n    y = {a}\n    y.append({n})\n    return len(y)",
            f"def {f}(x):\n    def inner(z):\n        return (z, {a})\n    return inner(str(x)[:9])",
            f"{f} = {g}",
            f"{a} = {f}({b})",
            f"{f}({a})",
            f"{a} = {{'f': {f}}}",
            f"{a} = [{f}, {n}]",
            f"print({a}['f']({n}))",
            f"print({a}[0]({n}))",
            f"{a} = list(map({f}, list({b})))",
            f"import numpy as np\n{a} = np.arange({n} + 3)",
            f"{a} = {b}[1:]",
            f"{a} = {b}.reshape(-1, 1)",
            f"{a}[:2] = {n}",
            f"{a} = {b} + {n}",
            "import numpy.random as nr\nnr.seed(5)",
            f"{a} = nr.randint(0, 9, {n})",
            f"nr.shuffle({a})",
            f"print(nr.rand() if {n} else random.random())",
            f"{a} = {{**{b}, 'z': {n}}}",
            f"{a} = {b}.get('k')",
            f"{a}.update(z={n})",
            f"{a}.setdefault('in', []).append({n})",
            f"{a} = ({b}, {c})",
            f"{f}.extra = {a}",
            f"print(getattr({f}, 'extra', None))",
            f"{a}.v = {b}",
            f"{a} = {b}.v",
            f"try:\n    {a} = {b}['k'] + 1\nexcept (KeyError, TypeError, IndexError) as error:\n    {c} = {n}",
            f"if len({a}):\n    del {a}",
            f"for {a} in [{n}, {b}]:\n    if {n} > 2:\n        continue\n    {c} = {n}",
            _class_with_state(a, n),
            _plain_class(f, n),
            f"{a} = C({b})",
            f"{a} = [C({n}), {b}]",
            f"print({a}.over())",
            f"print({a}.put({n}))",
            f"print(isinstance({a}, C))",
            f"C.n = {n}",
            f"C.over = lambda self: ({n}, {a})",
            "import random\nrandom.seed(3)",
            f"{a} = random.random()",
            "import math\nmath.two = 2",
            f"{a} = math.floor(2.5) + math.two",
            f"{a} = eval('{b}')",
            f"exec('{a} = {n}')",
            f"globals()['{a}'] = {n}",
            f"print(sorted(k for k in globals() if k in '{VALUES}'))",
            f"({a} := {n})",
            f"match {a}:\n    case [{b}, *_]:\n        pass\n    case _:\n        {b} = {n}",
            f"{a}, {b} = {n}, [{n}]",
            f"{a}, *{b} = [{n}, 2, 3]",
            f"with __import__('contextlib').suppress(Exception):\n    {a} = {b}[7]",
            f"{a} = {b} if {n % 2} else {c}",
            f"{a} = {b}.copy()",
            f"{a} = sorted({b})",
            f"{a}.sort()",
            f"{a} = iter([1, 2, 3])",
            f"print(next({a}))",
            f"@(lambda q: q)\ndef {f}(x):\n    return (str(x)[:9], {n})",
            f"def {f}(x):\n    hold = [{n}]\n    def g2(z):\n        hold.append({n})\n        return len(hold)\n    return g2",
            f"{g} = {f}({a})",
        ]
    )


def _class_with_state(a: str, n: int) -> str:
    return f"""class C:
    n = {n}
    items = []
    def __init__(self, v):
        self.v = v
        C.n += 1
    def __repr__(self):
        return f'C({{self.v}}, {{C.n}})'
    def put(self, x):
        self.items.append(x)
        return self.items
    def over(self):
        return (self.v, {a})"""


def _plain_class(f: str, n: int) -> str:
    return f"""class C:
    def __init__(self, v):
        self.v = v
    def over(self):
        return {f}(self.v)
    def put(self, x):
        self.v = x
        return {n}"""
