"""Walks the notebook's statements in order, as a kernel would, and writes down the history of every name.

What a call does depends on what its names are bound to at that place, so calls are decided here: a function of the notebook
brings in what its body reads and changes, and what the functions it calls do, as they are bound by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbprod.notebook import state
from nbprod.notebook.definitions import Nature
from nbprod.notebook.effects import Code, Effects, Held
from nbprod.notebook.events import Event, Finding, Kind, Statement
from nbprod.notebook.facts import Facts
from nbprod.notebook.history import VALUES
from nbprod.notebook.reading import Reader

_CARRIED = frozenset({Nature.IMPORT, Nature.DEFINITION, Nature.STAR})


class Timeline(Reader):
    """The history of all names, and what each task uses of it.

    Args:
        statements: All statements in notebook order; each has its place (`pos`, even numbers) and task.
        parameters: For the place of the last statement of a parameters cell, the names of its literal parameters.
        literal_cells: Ids of cells of literals only, which never run.
        facts: What runs have taught about each task.
        endings: Whether each cell, by id, ends in an expression.
        read_elsewhere: Names that cells outside the pipeline read.
    """

    def __init__(
        self,
        statements: list[Statement],
        parameters: Mapping[int, frozenset[str]],
        literal_cells: frozenset[str],
        facts: Mapping[str, Facts],
        endings: Mapping[str, bool],
        read_elsewhere: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(statements, facts, endings)
        self.parameters = parameters
        self.literal_cells = literal_cells
        self.parameter_cells = {s.cell.id for s in statements if s.pos in parameters} - literal_cells
        self.read_names = _names_read(statements) | read_elsewhere
        self.file_uses: dict[str, tuple[set[str], set[str]]] = {}
        """The files that each task reads and writes, as far as its code names them."""
        self.figures = False
        self.uncarried: set[str] = set()
        """Cells that were to be only carried, but compute something."""
        self._walk()

    def _walk(self) -> None:
        for statement in self.statements:
            task = statement.task
            if task is not None and self.first[task] == statement.pos:
                self._begin(task, statement)
            self._step(statement)
            for name in sorted(self.parameters.get(statement.pos, ())):
                self.add(Event(name, statement.pos + 1, None, Kind.PARAM, statement))
            if task is not None and self.last[task] == statement.pos:
                self._end(task, statement)

    def _begin(self, task: str, statement: Statement) -> None:
        self.uses[task] = []
        self.touched[task] = {}
        facts = self.facts.get(task)
        for name in (*state.CARRIED[:2], *state.ENVIRONMENT):
            self.use(task, name, statement.pos)
        if facts:
            for name in sorted(facts.reads):
                self.use(task, name, statement.pos)

    def _end(self, task: str, statement: Statement) -> None:
        facts = self.facts.get(task)
        if not facts:
            return
        pos = statement.pos + 1
        # Who draws on a generator moves it on; that matters once somebody has seeded it.
        drawn = {name for name in facts.reads if name in state.RANDOM and name in self.current}
        for name in sorted(facts.writes | drawn):
            before = self.current.get(name)
            if before is not None and before.kind is Kind.DELETE and before.task == task:
                continue  # gone, as the code says
            if before is None or before.kind is Kind.DELETE:
                self.add(Event(name, pos, task, Kind.VALUE, statement))
            elif not (before.task == task and before.kind in VALUES):
                self.change(task, [name], pos, statement)
        for group in facts.shares:
            members = {n: e for n in sorted(group) if (e := self.current.get(n)) is not None and e.kind in VALUES}
            self.share(task, pos, members)

    def _step(self, statement: Statement) -> None:
        effects, pos, task = statement.effects, statement.pos, statement.task
        if statement.form.nature is Nature.CONSTANT and statement.cell.id in self.literal_cells:
            return
        called = self.graph.effects_of(statement)
        self.read(statement, called.reads, called.everything or bool(effects.everything))
        touch = called.touch
        carried = self._carried_natures(statement, touch, called.changes)
        self._read_hidden(statement, touch.reads)
        for name in called.iterators(self.current):
            called.changes.add(name)
        if not carried:
            self._change_hidden(statement, touch, effects)
        if task is not None:
            self.change(task, sorted(called.changes), pos, statement, known=True)
            reads, writes = self.file_uses.setdefault(task, (set(), set()))
            reads |= called.files_read
            writes |= called.files_written
        if carried:
            self._define(statement, touch)
        elif task is None:
            if statement.form.nature is not Nature.NOTHING:
                self.uncarried.add(statement.cell.id)
        else:
            self._bind(statement, called.may_define, called.may_delete)
        if effects.anything or called.anything:
            self._anything(statement, replaces=effects.replaces or called.replaces)

    def _carried_natures(self, statement: Statement, touch: state.Touch, changes: set[str]) -> bool:
        """Say whether the statement can be carried as source instead of its result."""
        nature = statement.form.nature
        if nature in (Nature.STAR, Nature.SETUP) and statement.effects.setup:
            return True
        if changes or statement.effects.everything:
            return False
        hidden = touch.changes | touch.resets | statement.effects.hidden_writes
        if nature in _CARRIED:
            return not hidden and not (nature is Nature.DEFINITION and self._must_be_value(statement))
        if nature is Nature.CONSTANT:
            return statement.task is None
        if not statement.form.quiet or statement.effects.defines or statement.effects.may_define:
            return False
        if nature is Nature.SETUP and self.graph.is_imported_call(statement.effects):
            # A seed is a value: what was drawn after it in its task cannot be told from the code.
            return not hidden & set(state.RANDOM)
        return bool(hidden) and hidden <= set(state.ENVIRONMENT)

    def _must_be_value(self, statement: Statement) -> bool:
        """A function whose defaults or decorators give something else each time is a value, not source."""
        effects = statement.effects
        functions = [code for code in effects.codes.values() if code.kind == "function"]
        if not functions or statement.task is None:
            return False
        if not statement.form.simple:
            return True
        return any(self.graph.keeps_state(call) for call in effects.calls)

    def _read_hidden(self, statement: Statement, names: Iterable[str]) -> None:
        for name in names:
            self.use(statement.task, name, statement.pos)
        if self.graph.plots(statement):
            self.use(statement.task, state.PLOTTING, statement.pos)
            if self.figures:
                self.use(statement.task, state.FIGURES, statement.pos)

    def _change_hidden(self, statement: Statement, touch: state.Touch, effects: Effects) -> None:
        task, pos = statement.task, statement.pos
        if task is None:
            return
        for name in sorted(touch.resets):
            self.add(Event(name, pos, task, Kind.VALUE, statement))
        names = set(touch.changes | effects.hidden_writes) - touch.resets
        seeds = bool(names >= set(state.RANDOM))
        names = {n for n in names if n not in state.RANDOM or n in self.current or seeds}
        if self.figures and self.graph.plots(statement):
            names.add(state.FIGURES)
        if names:
            self.change(task, sorted(names), pos, statement)

    def _define(self, statement: Statement, touch: state.Touch) -> None:
        """Bind the names of a statement that is carried as source."""
        effects, pos, task, nature = statement.effects, statement.pos, statement.task, statement.form.nature
        hidden = touch.changes | touch.resets | effects.hidden_writes
        if nature is Nature.STAR:
            self._chain(statement, state.STAR)
            for module in sorted(effects.star) if len(self.first) > 1 else ():
                self.findings.append(Finding("wildcard-import", module, statement, statement.piece.line))
        if nature is Nature.SETUP or hidden:
            for name in sorted(hidden):
                previous = None if name in touch.resets else self.current.get(name)
                self.add(Event(name, pos, task, Kind.DEFINE, statement, previous))
            if self.graph.dotted_calls(effects) & {"matplotlib.use", "matplotlib.pyplot.switch_backend"}:
                self.figures = True
            if not hidden:
                self._chain(statement, state.PLOTTING if effects.setup & {"matplotlib", "config"} else state.ALWAYS)
        names = effects.defines | effects.may_define
        if nature is Nature.IMPORT and (
            effects.modules & {"__future__"} or all(self._for_effect(name) for name in names)
        ):
            self._chain(statement, state.ALWAYS)
        for name in sorted(names):
            before = self.current.get(name)
            imported = effects.imports.get(name)
            extends = name in effects.may_define or (
                imported is not None and before is not None and before.module == imported
            )
            event = Event(
                name, pos, task, Kind.DEFINE, statement, before if extends else None, module=imported, full=False
            )
            event.codes = (effects.codes[name],) if name in effects.codes else ()
            if extends and before is not None:
                event.codes += before.codes
            event.state = bool(event.codes) and not statement.form.simple and task is not None
            self.add(event)

    def _chain(self, statement: Statement, name: str) -> None:
        self.add(Event(name, statement.pos, statement.task, Kind.DEFINE, statement, self.current.get(name)))

    def _for_effect(self, name: str) -> bool:
        return name not in self.read_names

    def _bind(self, statement: Statement, may_define: set[str], may_delete: set[str]) -> None:
        effects, pos, task = statement.effects, statement.pos, statement.task
        if task is None:
            return
        inside = {name: self._inside(held) for name, held in effects.held.items()}
        for name in sorted((effects.may_define | may_define | effects.may_delete | may_delete) - effects.defines):
            before = self.current.get(name)
            codes = effects.codes.get(name)
            event = Event(
                name,
                pos,
                task,
                Kind.SOFT,
                statement,
                before,
                held=effects.held.get(name),
                what=effects.kinds.get(name, ""),
            )
            event.codes = ((codes,) if codes else ()) + (before.codes if before else ())
            event.inside = inside.get(name, ()) + (before.inside if before else ())
            event.module = effects.imports.get(name) or (before.module if before else None)
            self.add(event)
            if before is not None:
                self.inherit(event, before)
        for name in sorted(effects.defines):
            codes = effects.codes.get(name)
            event = Event(
                name, pos, task, Kind.VALUE, statement, held=effects.held.get(name), what=effects.kinds.get(name, "")
            )
            event.codes = (codes,) if codes else ()
            event.inside = inside.get(name, ())
            event.module = effects.imports.get(name)
            self._maker(event, effects.made_by.get(name))
            if statement.form.nature is Nature.CONSTANT and statement.cell.id in self.parameter_cells:
                event.what = "default"
            self.add(event)
        for name in sorted(effects.deletes):
            self.add(Event(name, pos, task, Kind.DELETE, statement))
        for name, roots in effects.alias.items():
            mine = self.current.get(name)
            for root in sorted(roots):
                other = self.current.get(root)
                if (
                    mine is not None
                    and other is not None
                    and mine is not other
                    and {mine.kind, other.kind} <= VALUES
                    and other.module is None
                ):
                    self.share(task, pos, {name: mine, root: other})

    def _inside(self, held: Held) -> tuple[Code, ...]:
        """Return the functions and classes that names stand for, or hold, here."""
        found = {id(code): code for name in sorted(held.names) for code in self.graph.codes_of(name)}
        return tuple(found.values())

    def _maker(self, event: Event, function: str | None) -> None:
        """Note what is known of a result from the function that made it."""
        maker = self.current.get(function) if function else None
        for code in maker.codes if maker else ():
            if code.kind == "function" and code.yields:
                event.what = "generator"
            if code.hands_memory:
                event.codes += (Code(event.name, "function", code.line, remembers=True),)

    def _anything(self, statement: Statement, *, replaces: bool) -> None:
        if statement.task is None:
            return
        if replaces:
            live = [n for n, e in self.current.items() if not n.startswith("@") and e.kind in VALUES]
            self.change(statement.task, live, statement.pos, statement)
        self.writers.append((statement.task, statement.pos, statement))


def _names_read(statements: list[Statement]) -> set[str]:
    """Return every name that some code of the notebook reads."""
    names: set[str] = set()
    for statement in statements:
        names |= statement.effects.reads.keys() | statement.effects.words
        for code in statement.effects.codes.values():
            names |= code.effects.reads.keys()
    return names
