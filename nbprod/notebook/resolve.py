"""From the history of names to the graph: what each task must find before its cells run, and from whom.

A need is a version of a name that a task must see. A version that source defines is carried, with what evaluating it needs; one that
a task computed is loaded from it, and then that task must save it. Versions that may still be the older one are followed to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from nbprod.notebook import state
from nbprod.notebook.events import Event, Group, Kind, Statement
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Bind, Define, Load, Step
from nbprod.notebook.timeline import Timeline

_COMPUTED = frozenset({Kind.VALUE, Kind.SOFT, Kind.MUTATE})


class Needs:
    """Follows every need to its source.

    `steps[task]` are the versions that the task takes from elsewhere, `outputs[task]` the names that it must save and for whom.
    """

    def __init__(self, timeline: Timeline, facts: Mapping[str, Facts]) -> None:
        self.timeline = timeline
        self.facts = facts
        self.steps: dict[str, dict[Event, None]] = {}
        self.source: dict[tuple[str, Event], str] = {}
        """The task that a version is loaded from, where it is not the one that made it (shared objects)."""
        self.outputs: dict[str, dict[str, set[str]]] = {}
        self._todo: list[tuple[str, Event, int]] = []
        self._seen: set[tuple[str, int]] = set()
        self.soonest: dict[tuple[str, Event], int] = {}
        """The place of the first definition that needs a version to be evaluated."""
        self._read_by_code: set[tuple[str, int]] = set()
        self._settle_definitions()

    def ask(self, task: str, event: Event | None, pos: int) -> None:
        """Note that `task`, at `pos`, needs a version."""
        if event is not None and (task, id(event)) not in self._seen:
            self._seen.add((task, id(event)))
            self._todo.append((task, event, pos))

    def follow(self) -> None:
        """Follow all needs; objects that are shared come together."""
        while True:
            while self._todo:
                self._follow(*self._todo.pop())
            if not self._join_groups():
                return

    def _follow(self, task: str, event: Event, pos: int) -> None:
        if event.kind is Kind.DELETE:
            return
        if event.task == task:
            if event.kind is Kind.SOFT or (event.kind is Kind.DEFINE and event.prev is not None):
                self.ask(task, event.prev, event.pos)
            return
        steps = self.steps.setdefault(task, {})
        if event.kind is Kind.DEFINE:
            statement = event.statement
            assert statement is not None
            steps[event] = None
            for other in statement.requires:
                needed = self._available(task, statement, other)
                self.ask(task, needed, event.pos)
                self.soonest[task, needed] = min(event.pos, self.soonest.get((task, needed), event.pos))
            self.ask(task, event.prev, event.pos)
            if (event.state or not statement.replayable) and event.task is not None and not event.name.startswith("@"):
                self._save(event.task, event.name, task)
        elif event.kind is Kind.PARAM:
            steps[event] = None
        else:
            assert event.task is not None
            steps[event] = None
            self._save(event.task, event.name, task)
            if event.kind is Kind.SOFT:
                self.ask(event.task, event.prev, event.pos)
            if event.name in state.ENVIRONMENT:
                # What source sets is set at its place all the same: an import that follows there may look at it.
                self.ask(task, event.prev, event.pos)
            if not event.full:
                base = event.prev
                while base is not None and base.kind is not Kind.DEFINE:
                    base = base.prev
                self.ask(task, base, event.pos)
            self._carry_along(task, event, pos)

    def _save(self, owner: str, name: str, for_whom: str) -> None:
        self.outputs.setdefault(owner, {}).setdefault(name, set()).add(for_whom)

    def _carry_along(self, task: str, event: Event, pos: int) -> None:
        """Take what functions and classes inside a value refer to: its classes as they were made, globals as they are by now."""
        owner = self.source.get((task, event), event.task)
        assert owner is not None
        told = self.facts.get(owner)
        names = {need for name in _saved_with(event.name, told) for need in told.needs.get(name, ())} if told else set()
        if event.held:
            names |= event.held.free
            names |= {
                n for n in event.held.names if (made := self.timeline.at(n, event.pos)) and (made.codes or made.inside)
            }
        end = max(event.pos, self.timeline.last[owner]) + 2  # what is saved by name is what the name meant then
        for name in sorted(names):
            made = self.timeline.at(name, end)
            if made is not None and name != event.name:
                self.ask(task, made, pos)
                self.read_codes(task, made, pos)
            now = self.timeline.at(name, pos)
            if now is not None:
                self.ask(task, now, pos)
                self.read_codes(task, now, pos)
        self.read_codes(task, event, pos)

    def read_codes(self, task: str, event: Event, pos: int) -> None:
        """Take what the body of a function reads when it is called at `pos`."""
        todo = [*event.codes, *event.inside]
        while todo:
            code = todo.pop()
            if (task, id(code)) in self._read_by_code:
                continue
            self._read_by_code.add((task, id(code)))
            for name in code.effects.reads:
                now = self.timeline.at(name, pos)
                if now is not None:
                    self.ask(task, now, pos)
                    todo += [*now.codes, *now.inside]

    def place(self, owner: str, event: Event) -> int:
        """Return the place at which a version can be loaded from a task: where all that lies in one artifact with it has been made."""
        pos = event.pos
        if owner != event.task:
            pos = max((group.pos for group in event.groups if group.owner == owner), default=pos)
        told = self.facts.get(owner)
        end = self.timeline.last[owner] + 2
        for name in _saved_with(event.name, told) if told else ():
            other = self.timeline.at(name, end)
            if other is not None:
                pos = max(pos, other.pos)
        return pos

    def carried(self, task: str) -> dict[tuple[str, int], Statement]:
        """Return the statements that are carried into a task, by cell and line."""
        found: dict[tuple[str, int], Statement] = {}
        for event in self.steps.get(task, {}):
            if event.kind is Kind.DEFINE and event.statement is not None:
                found[event.statement.cell.id, event.statement.piece.line] = event.statement
        return found

    # Definitions that cannot be evaluated again elsewhere

    def _settle_definitions(self) -> None:
        """A definition that read a version which its task has overwritten since cannot be evaluated again: its result is saved."""
        for events in self.timeline.history.values():
            for event in events:
                statement = event.statement
                if event.kind is Kind.MUTATE and event.prev is not None and event.prev.full:
                    event.full = True  # a change of what has become a value
                if event.kind is not Kind.DEFINE or statement is None or statement.task is None:
                    continue
                if all(self._is_last(statement, other) for other in statement.requires):
                    continue
                statement.replayable = False
                if any(code.kind == "function" for code in event.codes) or event.name.startswith("@"):
                    event.kind, event.full = Kind.VALUE, True

    def _is_last(self, statement: Statement, event: Event) -> bool:
        if event.task is None or event.task != statement.task or event.kind not in _COMPUTED:
            return True
        return self.timeline.touched[event.task][event.name] is event and event.what != "default"

    def _available(self, task: str, statement: Statement, event: Event) -> Event:
        if statement.replayable or event.task is None:
            return event
        return self.timeline.touched[event.task].get(event.name, event)

    # Objects that names share

    def _join_groups(self) -> bool:
        """Where objects are shared and it can be told, load all names of a group together; say whether anything is new."""
        before = len(self._todo)
        changed = False
        for task, steps in list(self.steps.items()):
            place = self.timeline.first.get(task, 1 << 60)
            groups: dict[int, Group] = {}
            for event in steps:
                for group in event.groups:
                    if group.owner != task and group.pos < place:
                        groups[id(group)] = group
            for group in sorted(groups.values(), key=lambda g: -g.pos):
                current = {n: e for n, e in group.members.items() if self._sees(task, n, e, place)}
                needed = [e for e in current.values() if e in steps]
                if len(current) < 2 or not needed:
                    continue
                if len(needed) < 2 and not any(e.changed or self._component_changed(e) for e in current.values()):
                    continue
                for name, event in current.items():
                    if (task, event) in self.source or event.kind is Kind.DEFINE:
                        continue
                    self.source[task, event] = group.owner
                    changed = True
                    self._save(group.owner, name, task)
                    steps.setdefault(event, None)
                    self._seen.add((task, id(event)))
                    if event.task is not None and event.task != group.owner:
                        self.ask(group.owner, event, group.pos)
                    elif event.kind is Kind.PARAM:
                        self.ask(group.owner, event, group.pos)
                    if event.kind is not Kind.PARAM:
                        self._todo.append((task, event, place))
        return changed or len(self._todo) > before

    def _sees(self, task: str, name: str, event: Event, place: int) -> bool:
        return self.timeline.at(name, place) is event

    def _component_changed(self, event: Event) -> bool:
        """Say whether anything that shares objects with a version, directly or through others, is changed later."""
        todo, seen = [event], {event}
        while todo:
            one = todo.pop()
            if one.changed:
                return True
            for group in one.groups:
                for other in group.members.values():
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
        return False


def _saved_with(name: str, told: Facts) -> set[str]:
    """Return the names that lie in one artifact with `name`: loading one loads all."""
    found = {name}
    while True:
        more = found.union(*(group for group in told.shares if not found.isdisjoint(group)))
        if more == found:
            return found
        found = more


def prelude_of(task: str, needs: Needs, parameters: tuple[str, ...]) -> tuple[Step, ...]:
    """Put the steps of a task in notebook order; loads from one task come together where that changes nothing."""
    defines: dict[int, tuple[Statement, set[str]]] = {}
    loads: dict[tuple[str, str], tuple[int, Event]] = {}
    bound: dict[str, int] = {}
    for event in needs.steps.get(task, {}):
        statement = event.statement
        if event.kind is Kind.DEFINE and statement is not None:
            defines.setdefault(id(statement), (statement, set()))[1].add(event.name)
            saved = event.task is not None and event.task != task and event.name in needs.outputs.get(event.task, {})
            if saved and (event.state or not statement.replayable) and not event.name.startswith("@"):
                loads[str(event.task), event.name] = (event.pos, event)
        elif event.kind is Kind.PARAM and (task, event) not in needs.source:
            bound[event.name] = event.pos
        else:
            owner = needs.source.get((task, event), event.task)
            assert owner is not None
            pos = needs.place(owner, event)
            if event.task is not None and needs.soonest.get((task, event), pos) < pos:
                if owner == event.task:
                    pos = event.pos
                else:
                    loads[event.task, event.name] = (event.pos, event)
            key = owner, event.name
            if key not in loads or loads[key][0] < pos:
                loads[key] = (pos, event)
    places = [(statement.pos, 1, statement) for statement, _ in defines.values()]
    steps: list[tuple[float, int, str, Step]] = []
    for statement, _ in defines.values():
        future = "__future__" in statement.effects.modules
        effects = statement.effects
        names = tuple(sorted(effects.defines | effects.may_define))
        step = Define(statement.cell, statement.piece.line, statement.piece.source, names)
        steps.append((-1.0 if future else float(statement.pos), 1, "", step))
    if bound:
        pos = max(bound.values())
        steps.append((float(pos), 2, "", Bind(tuple(name for name in parameters if name in bound))))
    for owner in sorted({owner for owner, _ in loads}):
        mine = sorted((pos, name, event) for (o, name), (pos, event) in loads.items() if o == owner)
        batch: list[str] = []
        for number, (pos, name, event) in enumerate(mine):
            batch.append(name)
            following = mine[number + 1][0] if number + 1 < len(mine) else None
            if following is None or not _may_wait(event, pos, following, places, [e for _, _, e in mine[: number + 1]]):
                steps.append((pos + 0.5, 3, owner, Load(owner, tuple(sorted(batch)))))
                batch = []
    steps += _deletions(task, needs, {name for *_, step in steps for name in step.names})
    steps.sort(key=lambda item: item[:3])
    return tuple(step for *_, step in steps)


def _deletions(task: str, needs: Needs, names: set[str]) -> list[tuple[float, int, str, Step]]:
    """Delete again, where the notebook does, what only a definition needed to be evaluated."""
    start = needs.timeline.first.get(task, 1 << 60)
    found: list[tuple[float, int, str, Step]] = []
    for name in sorted(names):
        event = needs.timeline.at(name, start)
        if event is not None and event.kind is Kind.DELETE and event.statement is not None:
            line = event.statement.piece.line
            found.append((event.pos, 4, name, Define(event.statement.cell, line, f"del {name}", ())))
    return found


def _may_wait(event: Event, pos: int, until: int, places: list[tuple[int, int, Statement]], batch: list[Event]) -> bool:
    """Say whether loading versions later, after the definitions between two places, gives the same."""
    for place, _, statement in places:
        if pos <= place <= until and (
            any(e in statement.requires for e in batch) or statement.effects.codes or statement.form.nature == "setup"
        ):
            return False
    return True
