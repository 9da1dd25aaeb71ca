"""Random programs, cut at random places: values, identities and shared memory are those of one namespace."""

from __future__ import annotations

import json
import textwrap
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nbprod.runtime.session import Session

DEFINITIONS = """
import copy, collections, functools
import numpy as np, pandas as pd
class Box:
    shared = []
    def __init__(self, held): self.held = held
    def get(self): return self.held
    def put(self, value):
        self.held, old = value, self.held
        return old
class Slots:
    __slots__ = ("a", "b")
Pair = collections.namedtuple("Pair", "left right")
def counter(start):
    n = [start]
    def up(by=1):
        n.append(by)
        return len(n)
    def get(): return n
    return up, get
def remember(x, seen=[]):
    seen.append(x)
    return seen
"""
DEFINED = ["copy", "collections", "functools", "np", "pd", "Box", "Slots", "Pair", "counter", "remember"]
FIRST = ["a = [1]", "b = {'k': a, 'l': [2]}", "c = np.arange(6.0)", "d = Box(a)", "e, f = counter(1)"]
NAMES = ["a", "b", "c", "d", "e", "f"]
MAKE = [
    "X = []", "X = {}", "X = {1, 2}", "X = Y", "X = [Y, Z]", "X = (Y, Z)", "X = {'k': Y, 'l': Z}", "X = Pair(Y, [Z])", "X = Box(Y)",
    "X = Box", "X = np.arange(6.0)", "X = np.zeros((60, 60))", "X = Y[1:4]", "X = Y[::-2]", "X = Y.T", "X = Y.reshape(-1)", "X = Y.get",
    "X, Z = counter(3)", "X = lambda v=Y: (v, Z)", "X = functools.partial(Box, Y)", "X = copy.copy(Y)", "X = copy.deepcopy([Y, Z])",
    "X = np.array([Y, 1, None], dtype=object)[:2]", "X = pd.DataFrame({'p': np.arange(5.0), 'q': list('vwxyz')})", "X = Y['p']",
    "X = Y.to_numpy()", "X = Y.loc[1:3]", "X = Slots(); X.a = Y", "X = remember", "X = remember(Y)", "X = remember(3)", "X = Box.shared",
    "X = bytearray(b'abc')", "X = collections.deque([Y], maxlen=3)", "X = collections.defaultdict(list, a=Y)",
    "X = np.ma.masked_array(Y, mask=False)", "X = Y.keys()", "X = 5", "X = 'text'", "X = np.float64(3)", "X = type(Y)", "X = Y.held",
]  # fmt: skip
CHANGE = [
    "X.append(Y)", "X['k'] = Y", "X[0] = 7", "X[1] = Y", "X += [1]", "X += 1", "X.add(9)", "X.held = Y", "X.put(Y)", "X()", "X(2)", "X[...] = 4",
    "X.note = Y", "Box.shared.append(X)", "Box.extra = X", "remember(X)", "remember.note = X", "X.loc[2, 'p'] = 99", "X['new'] = 1", "X.sort()",
    "X.clear()", "X.b = Y", "Box.get = lambda self: ('patched', self.held)", "X.pop()", "X.resize(2, 2, refcheck=False)", "del X",
]  # fmt: skip


@st.composite
def statement(draw: Any) -> str:
    text = draw(st.sampled_from(MAKE + CHANGE))
    for letter in "XYZ":
        text = text.replace(letter, draw(st.sampled_from(NAMES)))
    return str(text)


def run_code(source: str, namespace: dict[str, Any]) -> None:
    with suppress(TypeError, AttributeError, KeyError, IndexError, NameError, ValueError, RecursionError, BufferError):
        exec(compile(source, "<cell>", "exec"), namespace)


def in_one(parts: list[list[str]]) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    run_code(DEFINITIONS, namespace)
    for part in parts:
        for source in part:
            run_code(source, namespace)
    return namespace


def in_tasks(parts: list[list[str]], folder: Path) -> dict[str, Any]:
    """Each task takes all that the one before it left."""
    taken: dict[str, str] = {}
    namespace: dict[str, Any] = {}
    for number, part in enumerate([*parts, []]):
        namespace = {"__name__": "__main__"}
        result = folder / "result.json"
        job = {
            "task": f"t{number}", "store": str(folder / "store"), "result": str(result), "loads": {"before": taken},
            "outputs": NAMES, "watch": NAMES + DEFINED, "defined": DEFINED,
        }  # fmt: skip
        session = Session(job, namespace)
        run_code(DEFINITIONS, namespace)
        session.load("before")
        session.ready()
        for source in part:
            run_code(source, namespace)
        session.finish()
        told = json.loads(result.read_text())
        taken = {name: about["artifact"] for name, about in told["outputs"].items()} | {
            name: digest for name, digest in taken.items() if name in DEFINED and name not in told["outputs"]
        }
    return namespace


class Picture:
    """What can be told of all values from inside: content, types, which objects are one, which arrays share memory."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.numbers: dict[int, int] = {}
        self.alive: list[Any] = []
        self.arrays: list[tuple[str, Any]] = []
        names = [*NAMES, "remember", "Box"]
        self.lines = [f"{name} = {self.show(namespace[name], name)}" for name in names if name in namespace]
        for at, (first, one) in enumerate(self.arrays):
            for second, two in self.arrays[at + 1 :]:
                if np.shares_memory(one, two):
                    self.lines.append(f"{first} shares memory with {second}")

    def show(self, value: Any, way: str) -> str:
        if (
            value is None
            or type(value) in (int, float, str, bool, bytes)
            or isinstance(value, (np.generic, types.ModuleType))
        ):
            return repr(value)
        if type(value) is tuple:
            return f"({', '.join(self.show(part, f'{way}.{at}') for at, part in enumerate(value))})"
        known = self.numbers.get(id(value))
        if known is not None:
            return f"<{known}>"
        number = self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)
        return f"{number}:{type(value).__name__}{self.inside(value, way)}"

    def inside(self, value: Any, way: str) -> str:
        if isinstance(value, np.ndarray):
            self.arrays.append((way, value))
            shown = (
                [self.show(part, way) for part in value.ravel()]
                if value.dtype == object
                else np.asarray(value).tolist()
            )
            return f"{value.dtype}{value.shape}{value.flags.writeable}{shown}"
        if isinstance(value, (pd.DataFrame, pd.Series)):
            return f"{value.to_dict()}{value.attrs}"
        if isinstance(value, set):
            return str(sorted(value))
        if isinstance(value, bytearray):
            return repr(value)
        parts: list[Any] = []
        if isinstance(value, dict):
            parts += [self.show([key, item], way) for key, item in value.items()]
        elif isinstance(value, (list, tuple)) or type(value).__name__ in ("deque", "dict_keys"):
            parts += [self.show(part, way) for part in value]
        elif isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            live = value.__globals__ is self.namespace
            parts += [value.__qualname__, str(live), self.show([value.__defaults__, *cells, dict(vars(value))], way)]
        elif isinstance(value, types.MethodType):
            parts += [value.__func__.__qualname__, self.show(value.__self__, way)]
        elif type(value).__name__ == "partial":
            parts += [self.show([value.func, value.args, value.keywords], way)]
        elif isinstance(value, type):
            if value.__module__ == "__main__":
                own = {key: part for key, part in vars(value).items() if not key.startswith("__")}
                parts += [value.__name__, self.show(own, way)] if value.__name__ == "Box" else [value.__name__]
            return str([*parts, self.namespace.get(value.__name__) is value])
        if type(value).__name__ == "Slots":
            parts += [self.show(getattr(value, "a", None), way), self.show(getattr(value, "b", None), way)]
        elif type(value).__module__ == "__main__":
            parts += [
                str(type(value) is self.namespace.get(type(value).__name__)),
                self.show(dict(getattr(value, "__dict__", {})), way),
            ]
        return "[" + ", ".join(parts) + "]"


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=100, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(parts=st.lists(st.lists(statement(), min_size=1, max_size=6), min_size=1, max_size=4))
def test_a_program_cut_into_tasks_ends_with_the_same_values(tmp_path_factory: Any, parts: list[list[str]]) -> None:
    parts = [[*FIRST, *parts[0]], *parts[1:]]
    whole = Picture(in_one(parts)).lines
    cut = Picture(in_tasks(parts, tmp_path_factory.mktemp("random"))).lines
    program = "\n# next task\n".join(textwrap.indent("\n".join(part), "  ") for part in parts)
    assert cut == whole, program
