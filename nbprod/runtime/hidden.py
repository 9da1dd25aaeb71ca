"""Hidden state over the course of a task: what was taken over, and what the task itself changed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from types import CodeType
from typing import Any, Dict, Set, Tuple

from . import audit, code, pickling, watch
from .state import STATES, State, drawn_unseeded, same

_ENVIRON_WORDS = frozenset(("environ", "putenv", "unsetenv", "run_line_magic"))


class Hidden:
    """All hidden state of the process, followed from the first cell to the last."""

    def __init__(self, names: pickling.Names, carried: Iterable[str] = ()) -> None:
        self._carried = frozenset(carried)
        """States that source sets which later tasks execute too: what such a statement does is no news."""
        self._put_now: Set[str] = set()
        self._put_unseen: Set[str] = set()
        self._environ = dict(os.environ)
        self._path = list(sys.path)
        self._keys: Set[str] = set()
        self._imports = 0
        self._names = names
        self._pending: Dict[str, Any] = {}
        self._before: Dict[str, Any] = {}
        self._last: Dict[str, Any] = {}
        self.loaded: Set[str] = set()
        self.states: Tuple[State, ...] = (
            State("@environ", "os", self._get_environ, self._set_environ),
            State("@sys.path", "sys", self._get_path, self._set_path, frozenset(("path", "insert"))),
            *STATES,
        )
        self._by_name = {state.name: state for state in self.states}
        audit.listen({"os.putenv": self._put, "os.unsetenv": self._put, "import": self._import})

    def load(self, name: str, value: Any) -> None:
        """Take over a state that an earlier task left: at once, or at `ready` if definitions could disturb it."""
        state = self._by_name[name]
        self.loaded.add(name)
        if state.late:
            self._pending[name] = value
        else:
            state.restore(value)

    def ready(self) -> None:
        """Restore what had to wait, and remember what everything is like."""
        for state in self.states:
            if state.name in self._pending:
                state.restore(self._pending.pop(state.name))
        _load_lazy()
        self._before = {state.name: self._mark(state) for state in self.states}
        self._last = dict(self._before)
        self._imports = 0

    def statement(self, last: CodeType | None) -> None:
        """A statement of the notebook, `last`, has ended: attribute to its imports what they changed."""
        imports, self._imports = self._imports, 0
        _load_lazy()
        mentioned: Set[str] = set()
        if last is not None:
            mentioned = {name for part in code.codes(last) for name in part.co_names}
        if not ("@environ" in self._carried and mentioned & _ENVIRON_WORDS):
            self._put_unseen |= self._put_now
        self._put_now = set()
        for state in self.states:
            if state.words:
                now = self._mark(state)
                before = self._last.get(state.name)
                self._last[state.name] = now
                if not imports or now is None or mentioned & state.words or same(before, now):
                    continue
                if same(self._before.get(state.name), before):  # else the task had changed it already
                    self._before[state.name] = now
            elif imports and state.random and self._before.get(state.name) is None and state.module in sys.modules:
                self._before[state.name] = self._mark(state) if state.initial is None else state.initial()

    def values(self, wanted: Iterable[str]) -> Tuple[Dict[str, Any], Set[str], Set[str]]:
        """Return the states to save, the names of those that the task changed, and of those that it drew on."""
        wanted = set(wanted)
        values: Dict[str, Any] = {}
        changed: Set[str] = set()
        reads: Set[str] = set()
        for state in self.states:
            if state.module not in sys.modules:
                continue
            before, now = self._before.get(state.name), self._mark(state)
            if before is None and state.initial is not None:
                before = state.initial()
            if not same(before, now):
                # Drawn from: whether that matters is for the plan to say, which knows whether an earlier task seeded.
                if state.random:
                    reads.add(state.name)
                if not self._by_chance(state, before, now) and not (state.name == "@environ" and not self._put_unseen):
                    changed.add(state.name)
            if state.name in changed or state.name in wanted:
                values[state.name] = state.capture()
        return values, changed, reads

    def _by_chance(self, state: State, before: Any, now: Any) -> bool:
        unseeded = state.random and state.name not in self.loaded and before is not None
        return unseeded and drawn_unseeded(state.name, before, now)

    def _mark(self, state: State) -> Any:
        if state.module not in sys.modules:
            return None
        try:
            value = state.capture()
        except (AttributeError, OSError):  # a library that is only half imported; a current folder that is gone
            return None
        if state.name == "@matplotlib.figures" and value:
            return watch.scan(value, self._names).digest
        return value

    # The environment and `sys.path` are told as changes against what the process began with.

    def _put(self, key: Any, *_: Any) -> None:
        if not audit.importing(2):
            self._keys.add(os.fsdecode(key))
            self._put_now.add(os.fsdecode(key))

    def _import(self, *_: Any) -> None:
        self._imports += 1

    def _get_environ(self) -> Any:
        keys = sorted(key for key in self._keys if os.environ.get(key) != self._environ.get(key))
        return {
            "set": {key: os.environ[key] for key in keys if key in os.environ},
            "unset": [key for key in keys if key not in os.environ],
        }

    @staticmethod
    def _set_environ(value: Any) -> None:
        os.environ.update(value["set"])
        for key in value["unset"]:
            os.environ.pop(key, None)

    def _get_path(self) -> Any:
        return {"base": self._path, "now": list(sys.path)}

    @staticmethod
    def _set_path(value: Any) -> None:
        """Make the changes of another process to `sys.path` here, whatever its own entries are."""
        base, now = value["base"], value["now"]
        if sys.path == base:
            sys.path[:] = now
            return
        first = next((at for at, entry in enumerate(now) if entry in base), len(now))
        gone = [entry for entry in base if entry not in now]
        kept = [entry for entry in sys.path if entry not in gone]
        front = [entry for entry in now[:first] if entry not in kept]
        back = [entry for entry in now[first:] if entry not in base and entry not in kept]
        sys.path[:] = front + kept + back


def _load_lazy() -> None:
    """Load NumPy's generators with NumPy: it would load them at the first draw, too late to tell what that changed."""
    if "numpy" in sys.modules and "numpy.random" not in sys.modules:
        importlib.import_module("numpy.random")
