"""What code does to the notebook's global names, in evaluation order: the result of `dataflow`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

Roots = frozenset[str]
"""Names whose objects an expression may be, or lie inside. `$p` is parameter p of the function that is looked at."""
NOTHING: Roots = frozenset()


class Sure(IntEnum):
    """How sure it is that a read happens."""

    GUARDED = 0
    """A NameError would be caught."""
    MAYBE = 1
    """On some path only, or when a function is called."""
    CERTAIN = 2


@dataclass(slots=True)
class Call:
    """One call, as far as its callee and arguments can be named."""

    path: tuple[str, ...]
    """The callee as a dotted name (`np.random.rand` is three parts); empty when it is none."""
    method: str
    """The last part of an attribute that is called."""
    receiver: Roots
    args: tuple[Roots, ...]
    keywords: tuple[tuple[str, Roots], ...]
    passed: tuple[str, ...]
    """Global names that are handed over as they are: they may be functions."""
    line: int
    options: frozenset[str] = frozenset()
    """`inplace`, `seeded` (an explicit random_state), `quiet` (every argument is a literal or a name)."""


@dataclass(slots=True)
class Store:
    """A store into something: `x.a = ...`, `x[i] = ...`, `del x[i]`."""

    path: tuple[str, ...]
    """The target without what is in brackets: `os.environ["A"] = 1` is `os`, `environ`."""
    roots: Roots
    line: int


@dataclass(slots=True)
class Held:
    """What an assigned value may carry along: names of functions and classes, and free names of lambdas."""

    names: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()


@dataclass(slots=True)
class Effects:
    """Effects of a statement, or of calling a function, on global names. Lines are lines of the cell."""

    reads: dict[str, tuple[int, Sure]] = field(default_factory=dict)
    """Names read before they are certainly assigned here."""
    defines: set[str] = field(default_factory=set)
    may_define: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    may_delete: set[str] = field(default_factory=set)
    augments: dict[str, int] = field(default_factory=dict)
    """Names changed by `x += ...`: in place or anew, as their type has it."""
    stores: list[Store] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    imports: dict[str, str] = field(default_factory=dict)
    """Names bound by imports, and the dotted name that each stands for."""
    modules: set[str] = field(default_factory=set)
    """Modules that are imported, in full."""
    star: set[str] = field(default_factory=set)
    """Modules imported by `from m import *`."""
    codes: dict[str, Code] = field(default_factory=dict)
    """Functions and classes bound to names here."""
    held: dict[str, Held] = field(default_factory=dict)
    alias: dict[str, Roots] = field(default_factory=dict)
    """For a name assigned here, the names whose object it may be or lie inside."""
    kinds: dict[str, str] = field(default_factory=dict)
    """What is known of an assigned value: `generator`, `open file`, `lock`, ... or `iterator`."""
    made_by: dict[str, str] = field(default_factory=dict)
    """For a name that is assigned the result of `f(...)`: f."""
    hidden_writes: set[str] = field(default_factory=set)
    """Hidden state written by magics."""
    setup: set[str] = field(default_factory=set)
    """Magics that set the shell up."""
    files_read: set[str] = field(default_factory=set)
    files_written: set[str] = field(default_factory=set)
    everything: int = 0
    """The line of an access to all live names (`eval`, `globals()`, ...); 0 for none."""
    everything_by: str = ""
    anything: int = 0
    """The line of what may define any name (`exec`, `%run`); 0 for none."""
    replaces: bool = False
    """What may define any name may also change those that are there."""
    words: set[str] = field(default_factory=set)
    """Words of opaque text that are names, if they happen to be live."""
    history: dict[str, int] = field(default_factory=dict)
    """`_`, `_3`, `In`, `Out`, ... and where they are read."""

    def read(self, name: str, line: int, sure: Sure) -> None:
        before = self.reads.get(name)
        if before is None or before[1] < sure:
            self.reads[name] = (line, sure)


@dataclass(slots=True)
class Code:
    """A function, or a class with its methods, of the notebook."""

    name: str
    kind: str
    """`function` or `class`."""
    line: int
    effects: Effects = field(default_factory=Effects)
    """Of calling it; of a class, of all its methods."""
    params: tuple[str, ...] = ()
    vararg: str | None = None
    methods: dict[str, Code] = field(default_factory=dict)
    bound: bool = False
    """A method that takes its object first."""
    defaults: frozenset[str] = frozenset()
    """Parameters whose default is an object that can change."""
    kept: Roots = NOTHING
    """What it returns or puts away."""
    remembers: bool = False
    """Calling it changes it: a cache, or a variable of an enclosing call."""
    hands_memory: bool = False
    """What it returns may be a function that remembers."""
    yields: bool = False
