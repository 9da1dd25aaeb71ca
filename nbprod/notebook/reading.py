"""Reads of names: what is bound where they are read, and what is to be said when nothing is."""

from __future__ import annotations

import builtins
from collections.abc import Mapping

from nbprod.notebook.effects import Sure
from nbprod.notebook.events import Event, Finding, Kind, Statement
from nbprod.notebook.facts import Facts
from nbprod.notebook.history import History

SHELL_NAMES = frozenset(
    """get_ipython In Out _ __ ___ _i _ii _iii _ih _oh _dh exit quit display __name__ __doc__ __builtins__ __builtin__ __spec__ __loader__
    __package__ __annotations__ __IPYTHON__ open ls ll pwd who whos lsmagic""".split()
)
MEMORY = frozenset({"_", "__", "___", "In", "Out", "_ih", "_oh", "_i", "_ii", "_iii"})
"""The kernel's own memory of inputs and outputs."""
KNOWN = frozenset(dir(builtins)) | SHELL_NAMES


def is_memory(name: str) -> bool:
    """Say whether a name is the kernel's own memory of inputs and outputs, unless the notebook binds it: `_`, `Out`, `_3`."""
    return name in MEMORY or (name[:1] == "_" and name.lstrip("_i").isdigit())


class Reader(History):
    """Resolves what statements read.

    Args:
        statements: All statements in notebook order; each has its place (`pos`, even numbers) and task.
        facts: What runs have taught about each task.
        endings: Whether each cell, by id, ends in an expression.
    """

    def __init__(self, statements: list[Statement], facts: Mapping[str, Facts], endings: Mapping[str, bool]) -> None:
        super().__init__(statements, facts)
        self.endings = endings
        self.writers: list[tuple[str, int, Statement]] = []
        """Tasks that may define any name."""
        self.missed: dict[tuple[str, str], int] = {}
        """For a task and a name, where the task first read the name while nothing of the notebook was bound to it."""
        self.saw_all: dict[str, int] = {}
        """For a task, where it first looked at all names that lived."""

    def read(self, statement: Statement, names: Mapping[str, tuple[int, Sure, bool]], everything: bool) -> None:
        """Resolve the names that a statement reads, every live one if `everything`."""
        task, pos = statement.task, statement.pos
        for name, (line, sure, _) in names.items():
            event = self.use(task, name, pos)
            if event is None or event.kind is Kind.DELETE:
                if task is not None:
                    self.missed.setdefault((task, name), pos)
                self._unknown(statement, name, line, sure, event)
            else:
                statement.requires.append(event)
            if is_memory(name):
                self._check_history(statement, name, line, event)
        for word in statement.effects.words:
            if word in self.current:
                self.use(task, word, pos)
        if everything and task is not None:
            self.saw_all.setdefault(task, pos)
            line, by = (
                statement.effects.everything or statement.piece.line,
                statement.effects.everything_by or "a function called here",
            )
            if len(self.first) > 1:
                what = f"{by} may read any name: every variable that lives here is passed to task {task!r}"
                self.findings.append(Finding("wildcard", by, statement, line, what))
            for name, event in list(self.current.items()):
                if event.kind is not Kind.DELETE and not name.startswith("@"):
                    self.use(task, name, pos)

    def _unknown(self, statement: Statement, name: str, line: int, sure: Sure, event: Event | None) -> None:
        if name in KNOWN or is_memory(name):
            return
        if self.writers:
            task, pos, writer = self.writers[-1]
            made = Event(name, pos, task, Kind.SOFT, writer)
            self.history.setdefault(name, []).insert(0, made)
            self.current[name] = made
            self.touched[task].setdefault(name, made)
            self.use(statement.task, name, statement.pos)
            return
        if "@star" in self.current or sure is Sure.GUARDED:
            return
        code = "deleted-name" if event is not None else "undefined-name"
        other = event.statement if event is not None else None
        self.findings.append(Finding(code, name, statement, line, other=other, sure=sure is Sure.CERTAIN))

    def _check_history(self, statement: Statement, name: str, line: int, event: Event | None) -> None:
        """The kernel's own memory of inputs and outputs stays in the task."""
        if event is not None or statement.task is None:
            return
        earlier = [s for s in self.statements[: statement.pos // 2] if s.cell.id != statement.cell.id]
        if name.strip("_") == "":
            last = next((s for s in reversed(earlier) if self.endings.get(s.cell.id)), None)
            if last is None or last.task == statement.task:
                return
            detail = f"{name!r} is here the output of cell {last.cell.number}, which another task runs: it does not cross tasks"
        elif all(s.task == statement.task for s in earlier):
            return
        else:
            detail = f"{name!r} counts the inputs and outputs of the whole notebook; a task has only its own"
        self.findings.append(Finding("history", name, statement, line, detail))
