"""The history of a notebook's names: each event is a version of a name, made by a statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from nbprod.notebook.analysis import Piece
from nbprod.notebook.cell import Cell
from nbprod.notebook.definitions import Form
from nbprod.notebook.effects import Code, Effects, Held


@dataclass(eq=False, slots=True)
class Statement:
    """A top-level statement in its place, and the task that runs it; `None` for what is only carried."""

    cell: Cell
    piece: Piece
    task: str | None
    pos: int
    effects: Effects = field(init=False)
    form: Form = field(init=False)
    requires: list[Event] = field(default_factory=list)
    """What evaluating it reads, in the versions of its place."""
    replayable: bool = True

    def __post_init__(self) -> None:
        self.effects, self.form = self.piece.effects, self.piece.form


class Kind(Enum):
    """How a version came to be."""

    DEFINE = "carried as source"
    VALUE = "computed anew"
    SOFT = "computed on some path: it may still be the older version"
    MUTATE = "changed in place"
    PARAM = "a parameter, bound to its value of the run"
    DELETE = "deleted"


@dataclass(eq=False, slots=True)
class Event:
    """A version of a name."""

    name: str
    pos: int
    task: str | None
    kind: Kind
    statement: Statement | None = None
    prev: Event | None = None
    """The older version, where this one is made of it."""
    codes: tuple[Code, ...] = ()
    """The functions and classes that it may be."""
    module: str | None = None
    """The dotted name that an import bound it to."""
    held: Held | None = None
    inside: tuple[Code, ...] = ()
    """The functions and classes that its value may hold."""
    what: str = ""
    full: bool = True
    """Its artifact is the whole value, not the changes to what the source defines."""
    groups: list[Group] = field(default_factory=list)
    changed: bool = False
    """A later version is made by changing its object."""
    state: bool = False
    """Source that evaluates differently elsewhere: the class's state travels besides it."""

    @property
    def by_source(self) -> bool:
        """Whether the name stands for what source defines, changed perhaps."""
        return self.kind is Kind.DEFINE or (self.kind is Kind.MUTATE and not self.full)


@dataclass(eq=False, slots=True)
class Group:
    """Names that share objects when `owner` has run to `pos`, each in the version it has there."""

    owner: str
    pos: int
    members: dict[str, Event]


@dataclass(slots=True)
class Use:
    """A read of a version by a task's statement."""

    event: Event
    pos: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth a diagnostic, found on the way."""

    code: str
    name: str
    statement: Statement
    line: int
    detail: str = ""
    other: Statement | None = None
    sure: bool = True
