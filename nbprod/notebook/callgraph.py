"""What calls do, given what their names are bound to: effects of functions and classes of the notebook, taken together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbprod.notebook import state
from nbprod.notebook.effects import NOTHING, Call, Code, Effects, Roots, Sure
from nbprod.notebook.events import Event, Kind, Statement
from nbprod.notebook.purity import CHANGES_ARGUMENT, MUTATING, PURE

_PLOTS = ("matplotlib", "seaborn", "plotnine", "pylab", "pandas.plotting")
_PLOT_METHODS = frozenset({"plot", "hist", "boxplot", "savefig", "show", "scatter", "bar", "imshow", "heatmap"})


@dataclass(slots=True)
class Called:
    """What a statement does, the functions that it uses included."""

    reads: dict[str, tuple[int, Sure, bool]] = field(default_factory=dict)
    """Name to line, certainty, and whether a function reads it."""
    changes: set[str] = field(default_factory=set)
    may_define: set[str] = field(default_factory=set)
    may_delete: set[str] = field(default_factory=set)
    files_read: set[str] = field(default_factory=set)
    files_written: set[str] = field(default_factory=set)
    everything: bool = False
    anything: bool = False
    replaces: bool = False
    touch: state.Touch = state.NONE

    def iterators(self, current: Mapping[str, Event]) -> list[str]:
        """Return the names read here that reading uses up."""
        return [name for name in self.reads if (event := current.get(name)) and event.what in ("iterator", "generator")]


class CallGraph:
    """Answers for one place of the notebook; `current` is what each name is bound to there."""

    def __init__(self, current: Mapping[str, Event]) -> None:
        self.current = current
        self.methods: dict[str, list[Code]] = {}
        self._changed: dict[int, frozenset[str]] = {}
        self._closures: dict[frozenset[int], tuple[list[Code], set[str]]] = {}

    def forget(self) -> None:
        """Forget what was concluded: a function, class or import is bound anew."""
        self._changed.clear()
        self._closures.clear()

    def effects_of(self, statement: Statement) -> Called:
        """Return what the statement does in its place."""
        effects = statement.effects
        for code in effects.codes.values():
            for name, method in code.methods.items():
                self.methods.setdefault(name, []).append(method)
        called = Called({n: (line, sure, False) for n, (line, sure) in effects.reads.items()})
        called.files_read |= effects.files_read
        called.files_written |= effects.files_written
        codes: list[Code] = []
        for name in effects.reads:
            found = self.codes_of(name)
            # without a call, only what operators and attributes of instances run
            codes += found if effects.calls else [code for code in found if code.kind == "class"]
        for call in effects.calls:
            if call.method in self.methods and not self._is_module(call):
                codes += self.methods[call.method]
        reads: set[str] = set()
        changes: set[str] = set()
        resets: set[str] = set()
        self._own(effects, called, reads, changes, resets)
        if codes:
            used, names = self.closure(codes)
            for code in used:
                self._function(code, called, reads, changes, resets)
            line = next(iter(effects.reads.values()), (statement.piece.line, Sure.MAYBE))[0]
            for name in names:
                if name not in called.reads:
                    called.reads[name] = (line, Sure.MAYBE, True)
        if reads or changes or resets:
            called.touch = state.Touch(frozenset(reads), frozenset(changes), frozenset(resets))
        return called

    def codes_of(self, name: str) -> list[Code]:
        """Return the functions and classes that using `name` may run."""
        event = self.current.get(name)
        if event is None:
            return []
        return [*event.codes, *event.inside]

    def closure(self, codes: list[Code]) -> tuple[list[Code], set[str]]:
        """Return all code that running `codes` may run, and all global names that this reads."""
        key = frozenset(map(id, codes))
        if (known := self._closures.get(key)) is not None:
            return known
        todo, seen = list(codes), dict[int, Code]()
        names: set[str] = set()
        while todo:
            code = todo.pop()
            if id(code) in seen:
                continue
            seen[id(code)] = code
            for name in code.effects.reads:
                if name not in names:
                    names.add(name)
                    todo += self.codes_of(name)
            for call in code.effects.calls:
                if call.method in self.methods:
                    todo += self.methods[call.method]
        result = list(seen.values()), names
        self._closures[key] = result
        return result

    def _own(self, effects: Effects, called: Called, reads: set[str], changes: set[str], resets: set[str]) -> None:
        called.changes |= effects.augments.keys()
        for store in effects.stores:
            hidden = state.stored(self._dotted(store.path)) if store.path else None
            if hidden:
                changes.add(hidden)
            else:
                called.changes |= store.roots
        for call in effects.calls:
            called.changes |= self.changed_by(call)
            touch = self._touch(call)
            reads |= touch.reads
            changes |= touch.changes
            resets |= touch.resets

    def _function(self, code: Code, called: Called, reads: set[str], changes: set[str], resets: set[str]) -> None:
        effects = code.effects
        mine = Called()
        seeds: set[str] = set()
        self._own(effects, mine, reads, changes, seeds)
        changes |= seeds
        called.changes |= {name for name in mine.changes if not name.startswith("$")}
        if code.remembers or (code.defaults & (self.changed_params(code) | {root[1:] for root in code.kept})):
            called.changes.add(code.name)
        called.may_define |= effects.defines | effects.may_define
        called.may_delete |= effects.deletes | effects.may_delete
        called.files_read |= effects.files_read
        called.files_written |= effects.files_written
        called.everything = called.everything or bool(effects.everything)
        called.anything = called.anything or bool(effects.anything)
        called.replaces = called.replaces or effects.replaces
        changes |= effects.hidden_writes

    # What a call changes

    def changed_by(self, call: Call) -> Roots:
        """Return the names whose objects the call changes."""
        changed: set[str] = set()
        path = call.path
        event = self.current.get(path[0]) if path else None
        if len(path) == 1 and not call.method:
            if event is not None and event.codes:
                for code in event.codes:
                    self._through(
                        code.methods["__init__"] if code.kind == "class" and "__init__" in code.methods else code,
                        call,
                        changed,
                    )
            else:
                self._known(self._dotted(path), call, changed)
        elif (
            event is not None
            and event.module is not None
            and event.kind is not Kind.VALUE
            or (path and path[0].startswith("="))
        ):
            dotted = self._dotted(path)
            self._known(dotted, call, changed)
            if call.method in MUTATING and len(path) > 2 and state.object_of(dotted) is None and event is not None:
                changed |= call.receiver
        elif path and path[0] in _BUILTIN_TYPES and event is None:
            self._known(".".join(path), call, changed)
        elif call.method:
            self._method(call, event, changed)
        for name in call.passed:
            for code in self.codes_of(name):
                if code.kind == "function" and self.changed_params(code):
                    changed.update(*call.args, call.receiver)
                    changed -= {name}
        return frozenset(changed)

    def _method(self, call: Call, event: Event | None, changed: set[str]) -> None:
        method = call.method
        ours = self.methods.get(method, ())
        is_class = event is not None and any(code.kind == "class" for code in event.codes) and len(call.path) == 2
        if "inplace" in call.options or method in MUTATING:
            changed |= call.receiver
        elif method not in PURE and not ours and not is_class and not (event is not None and event.codes):
            changed |= call.receiver
        if method == "shuffle" and call.args:
            changed |= call.args[0]
        for code in ours:
            self._through(code, call, changed)

    def _known(self, dotted: str, call: Call, changed: set[str]) -> None:
        for place in CHANGES_ARGUMENT.get(dotted, ()):
            if place < len(call.args):
                changed |= call.args[place]
        if "inplace" in call.options:
            for roots in call.args:
                changed |= roots

    def _through(self, code: Code, call: Call, changed: set[str]) -> None:
        """Add the arguments that `code` changes."""
        params = self.changed_params(code)
        if not params:
            return
        names = code.params
        places: list[Roots] = list(call.args)
        if code.bound:
            places = [call.receiver if call.method else NOTHING, *places]
        for place, roots in enumerate(places):
            name = names[place] if place < len(names) else code.vararg
            if name in params:
                changed |= roots
        for keyword, roots in call.keywords:
            if keyword in params or keyword == "**":
                changed |= roots

    def changed_params(self, code: Code) -> frozenset[str]:
        """Return the parameters whose objects calling `code` changes."""
        known = self._changed.get(id(code))
        if known is not None:
            return known
        self._changed[id(code)] = NOTHING  # a function that calls itself changes what its other calls change
        roots: set[str] = set()
        for store in code.effects.stores:
            roots |= store.roots
        for call in code.effects.calls:
            roots |= self.changed_by(call)
        result = frozenset(root[1:] for root in roots if root.startswith("$"))
        self._changed[id(code)] = result
        return result

    # Names of modules

    def _dotted(self, path: tuple[str, ...]) -> str:
        """Return a dotted path with the alias of its module resolved: `np.random.rand` is `numpy.random.rand`."""
        if not path:
            return ""
        first = path[0]
        if first.startswith("="):
            return ".".join((first[1:], *path[1:]))
        event = self.current.get(first)
        return ".".join((event.module if event is not None and event.module else first, *path[1:]))

    def _is_module(self, call: Call) -> bool:
        event = self.current.get(call.path[0]) if call.path else None
        return (
            event is not None
            and event.module is not None
            and len(call.path) > 1
            and event.module.partition(".")[0] != ""
        )

    def _touch(self, call: Call) -> state.Touch:
        path = call.path
        event = self.current.get(path[0]) if path else None
        if path and (path[0].startswith("=") or (event is not None and event.module is not None)):
            return state.touched(self._dotted(path), call.options)
        if event is not None and event.codes and not call.method:
            return state.NONE  # its body says what it does
        last = call.method or (path[-1] if path else "")
        return state.touched(last, call.options, fits=True) if last else state.NONE

    def dotted_calls(self, effects: Effects) -> set[str]:
        """Return the dotted names of what a statement calls."""
        return {self._dotted(call.path) for call in effects.calls if call.path}

    def is_imported_call(self, effects: Effects) -> bool:
        """Say whether everything that a statement calls comes from imports."""
        calls = [call for call in effects.calls if call.path]
        return bool(calls) and all(
            (event := self.current.get(c.path[0])) is not None and event.module is not None for c in calls
        )

    def keeps_state(self, call: Call) -> bool:
        """Say whether what a call returns may remember: the callee has variables that its inner functions change."""
        event = self.current.get(call.path[0]) if len(call.path) == 1 else None
        return event is not None and any(code.hands_memory or code.remembers for code in event.codes)

    def plots(self, statement: Statement) -> bool:
        """Say whether a statement may draw with matplotlib."""
        return any(self._plots(effects) for effects in self._all_effects(statement))

    def _all_effects(self, statement: Statement) -> Iterator[Effects]:
        yield statement.effects
        for name in statement.effects.reads:
            for code in self.codes_of(name):
                yield code.effects

    def _plots(self, effects: Effects) -> bool:
        for name in effects.reads:
            event = self.current.get(name)
            if event is not None and event.module is not None and event.module.startswith(_PLOTS):
                return True
        return any(call.method in _PLOT_METHODS for call in effects.calls)


_BUILTIN_TYPES = frozenset({"list", "dict", "set", "object"})
