"""Proposes tags for a notebook that has none, or not all, from its headings and its data flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nbprod.notebook import tags as tagging
from nbprod.notebook.cell import Cell, Heading, Notebook
from nbprod.notebook.cellflow import CellFlow, flow_of
from nbprod.notebook.diagnostics import Diagnostic, Severity
from nbprod.notebook.naming import Namer, listed
from nbprod.notebook.pipeline import Pipeline, pipeline_of
from nbprod.notebook.roles import Roles
from nbprod.notebook.sections import Material, Section, cut
from nbprod.notebook.stages import Stage

_WHY = {
    "imports": "only imports and settings: every task that needs them gets them",
    "skip": "only looks at data: nothing that it makes is read later",
}
_Refused = frozenset[tuple[str, str]]
"""Cell ids with what they must not get: a role, or `cut`, a task that begins there."""


@dataclass(frozen=True)
class SuggestedTask:
    """A task as it would be: the ids of its cells, and in one sentence why."""

    name: str
    cells: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Suggestion:
    """Tags for a notebook: for each code cell whose tags would change, by its id, all its tags as they would be.

    `reasons` says for each of these cells why, in a few words.
    """

    tasks: tuple[SuggestedTask, ...]
    tags: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Draft:
    """A proposal: roles by cell id, and the tasks."""

    roles: dict[str, str]
    reasons: dict[str, str]
    sections: list[Section]
    names: list[str]


def suggest(notebook: Notebook) -> Suggestion:
    """Propose tags; those of ours that are there are kept, and only what is missing is proposed.

    The proposal is built before it is returned: with these tags the notebook has no error that it does not have without.
    """
    before = pipeline_of(notebook)
    flow = flow_of(notebook)
    if not flow.timeline.statements:
        return Suggestion((), {})
    known = _errors(before)
    author = _Author(notebook, flow, before)
    refused: _Refused = frozenset()
    while True:
        draft = author.draft(refused)
        new = _tags_of(draft, flow)
        after = pipeline_of(_retagged(notebook, new))
        wrong = author.refuse(draft, after, [one for key, one in _errors(after).items() if key not in known])
        if not wrong:
            break
        if wrong <= refused:  # nothing is left to take back
            return Suggestion((), {})
        refused |= wrong
    return _suggestion(draft, flow, after, new, author)


class _Author:
    """Makes drafts for one notebook."""

    def __init__(self, notebook: Notebook, flow: CellFlow, before: Pipeline) -> None:
        self.notebook = notebook
        self.in_tasks = {cell.id for task in before.tasks.values() for cell in task.cells}
        self.flow = flow
        self.roles = Roles(flow)
        self.marks = [tagging.read_marks(cell)[0] for cell in flow.cells]
        self.used = {role for cell in notebook.cells for role in tagging.read_marks(cell)[0].roles}
        self.tagged = {place for place, marks in enumerate(self.marks) if marks.task or marks.roles or marks.after}

    def draft(self, refused: _Refused) -> _Draft:
        """Propose everything that is not refused."""
        roles, reasons = self._roles(refused)
        draft = _Draft(roles, reasons, [], [])
        work = [place for place in range(len(self.flow.cells)) if self._works(place, roles)]
        helpers = self._helpers(work, refused)
        for place in helpers:
            self._give(draft.roles, draft.reasons, place, "imports", "functions and classes that later cells use")
        work = [place for place in work if place not in helpers]
        draft.sections = cut(self._material(work, refused))
        self._home_of_definitions(draft, refused)
        draft.names = Namer(self.roles, draft.sections).names()
        return draft

    def _roles(self, refused: _Refused) -> tuple[dict[str, str], dict[str, str]]:
        roles: dict[str, str] = {}
        reasons: dict[str, str] = {}
        measured: set[str] = set()
        free = [place for place in range(len(self.flow.cells)) if place not in self.tagged]

        def may(place: int, role: str) -> bool:
            return role not in self.used and (self.flow.cells[place].id, role) not in refused

        serving = [place for place in free if may(place, "serve") and self.roles.serves(place)]
        if serving:
            function = self.roles.serves(serving[-1])
            self._give(roles, reasons, serving[-1], "serve", f"{function} asks the model about what it is given")
        for place in reversed(free):
            names = self.roles.metrics(place) if may(place, "metrics") else []
            if names and not measured & set(names) and self._last_word(place, names):
                measured |= set(names)
                self._give(roles, reasons, place, "metrics", f"assigns {listed(names)}")
        for place in free:
            if self.flow.cells[place].id in roles:
                continue
            if may(place, "skip") and self.roles.installs(place):
                self._give(roles, reasons, place, "skip", "installs packages: a run takes those of its kernel")
            elif may(place, "imports") and self.roles.is_setup(place) and not self._carried_already(place):
                self._give(roles, reasons, place, "imports", _WHY["imports"])
            elif may(place, "parameters") and (names := self.roles.parameters(place)):
                self._give(roles, reasons, place, "parameters", f"settings that later cells read: {listed(names)}")
        protected = {place for place in range(len(self.flow.cells)) if not may(place, "skip")} | self.tagged
        protected |= {place for place in free if self.flow.cells[place].id in roles}
        looks = self.roles.skippable(protected)
        if any(place not in looks and self._works(place, roles) for place in range(len(self.flow.cells))):
            for place in looks:
                self._give(roles, reasons, place, "skip", _WHY["skip"])
        return roles, reasons

    def _give(self, roles: dict[str, str], reasons: dict[str, str], place: int, role: str, why: str) -> None:
        roles[self.flow.cells[place].id], reasons[self.flow.cells[place].id] = role, why

    def _last_word(self, place: int, names: list[str]) -> bool:
        """Say whether no later cell sets one of the names anew."""
        last = max(statement.pos for statement in self.flow.statements[place])
        return all(self.flow.timeline.history[name][-1].pos <= last + 1 for name in names)

    def _works(self, place: int, roles: Mapping[str, str]) -> bool:
        """Say whether a cell belongs to a task."""
        role = roles.get(self.flow.cells[place].id)
        return role in (None, "metrics", "serve") and not self._carried_already(place)

    def _helpers(self, work: list[int], refused: _Refused) -> set[int]:
        """Return the cells of definitions before the first work is done: they need no task."""
        found: set[int] = set()
        for place in work:
            cell = self.flow.cells[place]
            if place in self.tagged or (cell.id, "imports") in refused or not self.roles.only_defines(place):
                break
            if self.roles.serves(place):
                break
            found.add(place)
        return found if len(found) < len(work) else set()

    def _carried_already(self, place: int) -> bool:
        """Say whether a cell of a notebook that has tags of ours belongs to no task as it is."""
        return bool(self.tagged) and self.flow.cells[place].id not in self.in_tasks

    def _material(self, work: list[int], refused: _Refused) -> Material:
        cells = self.flow.cells
        gaps: dict[int, list[Heading]] = {}
        headings = list(self.notebook.headings)
        for place in work:
            before = [heading for heading in headings if heading.index < cells[place].index]
            gaps[place] = before
            headings = headings[len(before) :]
        names = {place: marks.task for place, marks in enumerate(self.marks) if marks.task and place in work}
        return Material(
            places=work,
            headings=gaps,
            stages={place: self.roles.stage[place] for place in work},
            costs=dict(zip(work, self.flow.costs(work), strict=True)),
            names=names,
            refused=frozenset(place for place in work if (cells[place].id, "cut") in refused),
            extras=self._is_extra,
            changed=self._changes,
        )

    def _is_extra(self, places: list[int]) -> bool:
        """Say whether cells only define something and show it at work, and nobody takes anything but source from them."""
        statements = [s for place in places for s in self.flow.statements[place]]
        defines = any(s.effects.codes for s in statements)
        gives = any(not link.source and link.user not in places for place in places for link in self.flow.taken[place])
        return (
            defines
            and not gives
            and not any(self.roles.stage[place] in (Stage.TRAIN, Stage.EVALUATE, Stage.SAVE) for place in places)
        )

    def _changes(self, places: list[int], later: list[int]) -> bool:
        links = (link for place in places for link in self.flow.taken[place])
        return any(link.changes and not link.source and link.user in later for link in links)

    def _home_of_definitions(self, draft: _Draft, refused: _Refused) -> None:
        """A cell of definitions whose users are all in other tasks belongs to none."""
        if "imports" in self.used:
            return
        for section in draft.sections:
            for place in list(section.cells):
                cell = self.flow.cells[place]
                users = {link.user for link in self.flow.taken[place]}
                if (
                    len(section.cells) > 1
                    and place not in self.tagged
                    and cell.id not in draft.roles
                    and (cell.id, "imports") not in refused
                    and self.roles.only_defines(place)
                    and users
                    and not users & set(section.cells)
                ):
                    section.cells.remove(place)
                    self._give(
                        draft.roles, draft.reasons, place, "imports", "functions and classes that later tasks use"
                    )

    def refuse(self, draft: _Draft, after: Pipeline, errors: list[Diagnostic]) -> set[tuple[str, str]]:
        """Return what must go from a draft that gives these new errors, or in which cells are not where they should be."""
        wrong: set[tuple[str, str]] = set()
        by_number = {cell.number: cell for cell in self.flow.cells}
        for error in errors:
            cell = by_number.get(error.cell or 0)
            role = draft.roles.get(cell.id) if cell is not None else None
            if cell is not None and role is not None:
                wrong.add((cell.id, role))
            elif error.code in ("undefined-name", "out-of-order") and "skip" in draft.roles.values():
                wrong |= {(name, "skip") for name, given in draft.roles.items() if given == "skip"}
            else:
                wrong |= self._uncut(draft, cell, error)
        in_tasks = {cell.id for task in after.tasks.values() for cell in task.cells}
        loose = [
            (one, role) for one, role in draft.roles.items() if role in ("imports", "parameters") and one in in_tasks
        ]
        return wrong | set(loose[-1:])  # it does more than it seems to; the others may be in a task because of it

    def _uncut(self, draft: _Draft, cell: Cell | None, error: Diagnostic) -> set[tuple[str, str]]:
        """Merge the task that a problem is in with the one before it, or the first two."""
        cuts = [section.cells[0] for section in draft.sections[1:] if section.name is None]
        ids = [self.flow.cells[place].id for place in cuts]
        if cell is None:
            return {(name, "cut") for name in ids} or {(name, role) for name, role in draft.roles.items()}
        number = cell.number
        if error.code == "unsaveable":  # it points to the maker; the task behind it is to be the same
            later = [place for place in cuts if self.flow.cells[place].number > number]
            near = later[:1]
        else:
            near = [place for place in cuts if self.flow.cells[place].number <= number][-1:]
        return {(self.flow.cells[place].id, "cut") for place in near or cuts}


def _errors(pipeline: Pipeline) -> dict[tuple[str, int | None, int | None], Diagnostic]:
    """Return what keeps a notebook from running; a value that cannot be saved is among it."""
    return {
        (one.code, one.cell, one.line): one
        for one in pipeline.diagnostics
        if one.severity is Severity.ERROR or one.code == "unsaveable"
    }


def _tags_of(draft: _Draft, flow: CellFlow) -> dict[str, tuple[str, ...]]:
    new: dict[str, tuple[str, ...]] = {}
    by_id = {cell.id: cell for cell in flow.cells}
    for name, section in zip(draft.names, draft.sections, strict=True):
        if section.name is None:
            first = flow.cells[section.cells[0]]
            new[first.id] = (*first.tags, f"task:{name}")
    for cell_id, role in draft.roles.items():
        new[cell_id] = (*new.get(cell_id, by_id[cell_id].tags), role)
    return {cell.id: new[cell.id] for cell in flow.cells if cell.id in new}


def _retagged(notebook: Notebook, new: Mapping[str, tuple[str, ...]]) -> Notebook:
    cells = tuple(replace(cell, tags=new.get(cell.id, cell.tags)) for cell in notebook.cells)
    return replace(notebook, cells=cells)


def _suggestion(
    draft: _Draft, flow: CellFlow, after: Pipeline, new: Mapping[str, tuple[str, ...]], author: _Author
) -> Suggestion:
    sections = dict(zip(draft.names, draft.sections, strict=True))
    namer = Namer(author.roles, draft.sections)
    order = list(after.tasks)
    tasks = tuple(
        SuggestedTask(
            name,
            tuple(cell.id for cell in task.cells),
            namer.why(sections.get(name), after.plain.nodes.get(name), order),
        )
        for name, task in after.tasks.items()
    )
    reasons = {
        flow.cells[section.cells[0]].id: task.why
        for task in tasks
        if (section := sections.get(task.name)) is not None and section.name is None
    }
    for cell_id, why in draft.reasons.items():
        reasons[cell_id] = f"{reasons[cell_id]}; {why}" if cell_id in reasons else why
    return Suggestion(tasks, new, {name: reasons[name] for name in new})
