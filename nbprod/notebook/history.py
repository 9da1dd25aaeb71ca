"""The versions of names so far, and what each task uses of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from nbprod.notebook.callgraph import CallGraph
from nbprod.notebook.events import Event, Finding, Group, Kind, Statement, Use
from nbprod.notebook.facts import Facts

VALUES = frozenset({Kind.VALUE, Kind.SOFT, Kind.MUTATE, Kind.PARAM})
"""Versions that are values, not source."""


class History:
    """What has happened to each name up to a place.

    Args:
        statements: All statements in notebook order; each has its place (`pos`, even numbers) and task.
        facts: What runs have taught about each task.
    """

    def __init__(self, statements: list[Statement], facts: Mapping[str, Facts]) -> None:
        self.statements = statements
        self.facts = facts
        self.current: dict[str, Event] = {}
        self.history: dict[str, list[Event]] = {}
        self.uses: dict[str, list[Use]] = {}
        self.touched: dict[str, dict[str, Event]] = {}
        """For each task, the last version that it made of each name."""
        self.findings: list[Finding] = []
        self.graph = CallGraph(self.current)
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        for statement in statements:
            if statement.task is not None:
                self.first.setdefault(statement.task, statement.pos)
                self.last[statement.task] = statement.pos

    def at(self, name: str, pos: int) -> Event | None:
        """Return the version of `name` that a statement at `pos` sees."""
        events = self.history.get(name)
        if not events:
            return None
        place = bisect_left(events, pos, key=lambda event: event.pos)
        return events[place - 1] if place else None

    def add(self, event: Event) -> None:
        """Make a version the current one."""
        old = self.current.get(event.name)
        self.current[event.name] = event
        events = self.history.setdefault(event.name, [])
        events.append(event)
        if event.task is not None:
            self.touched[event.task][event.name] = event
        if event.codes or event.inside or event.module or (old is not None and (old.codes or old.inside or old.module)):
            self.graph.forget()

    def use(self, task: str | None, name: str, pos: int) -> Event | None:
        """Note that a task reads the current version of a name, and return it."""
        event = self.current.get(name)
        if event is not None and task is not None:
            self.uses[task].append(Use(event, pos))
        return event

    def share(self, task: str, pos: int, members: dict[str, Event]) -> None:
        """Note that names share objects at a place."""
        if len(members) > 1:
            group = Group(task, pos, members)
            for event in members.values():
                event.groups.append(group)

    def inherit(self, event: Event, before: Event) -> None:
        """Note that a version which may still be the older one may still share its objects."""
        for group in before.groups:
            members = {name: old for name, old in group.members.items() if self.current.get(name) is old}
            self.share(str(event.task), event.pos, {**members, event.name: event})

    def change(self, task: str, names: list[str], pos: int, statement: Statement, *, known: bool = False) -> None:
        """Make new versions of names whose objects are changed in place, and of all that share objects with them."""
        todo, changed = list(names), dict[str, Event | None]()
        while todo:
            name = todo.pop()
            if name in changed:
                continue
            event = self.current.get(name)
            if known and (event is None or event.kind is Kind.DELETE):
                continue  # a built-in, or nothing: `_read` has said so
            changed[name] = event
            for group in event.groups if event else ():
                todo += [member for member, version in group.members.items() if self.current.get(member) is version]
        made: dict[str, Event] = {}
        for name in sorted(changed):
            event = changed[name]
            self.use(task, name, pos)
            if event is None:
                new = Event(name, pos, task, Kind.MUTATE, statement)
            else:
                event.changed = True
                by_source = event.kind is Kind.DEFINE and (bool(event.codes) or event.module is not None)
                full = event.full if event.kind is not Kind.DEFINE else not by_source
                new = Event(
                    name,
                    pos,
                    task,
                    Kind.MUTATE,
                    statement,
                    event,
                    event.codes,
                    event.module,
                    event.held,
                    event.inside,
                    event.what,
                    full,
                )
            self.add(new)
            made[name] = new
        groups = {id(g): g for event in changed.values() if event for g in event.groups}
        for group in groups.values():
            self.share(task, pos, {n: made[n] for n in group.members if n in made})
