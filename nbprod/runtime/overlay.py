"""The state of names that are carried as source: what was changed on a function, class or module since its source made it.

An overlay is a list of changes, each a path and a value: attributes set or removed, mutable defaults, what a closure holds, what a
`functools.lru_cache` remembers. Paths lead from the named object to the one that holds the changed part.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any, Dict, List, NamedTuple, Set, Tuple

from . import lru, pickling, rebuild, watch

Path = Tuple[Tuple[Any, ...], ...]
_SKIPPED = frozenset(
    {
        *("__dict__", "__weakref__", "__module__", "__qualname__", "__doc__", "__annotations__", "__annotate__"),
        *(
            "__annotate_func__",
            "__annotations_cache__",
            "__abstractmethods__",
            "_abc_impl",
            "__slotnames__",
            "__builtins__",
        ),
        *(
            "__static_attributes__",
            "__firstlineno__",
            "__warningregistry__",
            "__type_params__",
            "__conditional_annotations__",
        ),
    }
)
_INNER = ("__func__", "fget", "fset", "fdel", "func")


class Overlay:
    """Changes to apply to what the source defines."""

    def __init__(self, changes: Dict[Path, Any], removed: List[Path]) -> None:
        self.changes = changes
        self.removed = removed

    def onto(self, older: Overlay | None) -> Overlay:
        """Return this overlay with the changes of an older one that it does not replace."""
        if older is None:
            return self
        changes = {path: value for path, value in older.changes.items() if path not in self.removed}
        changes.update(self.changes)
        gone = [path for path in older.removed if path not in self.changes]
        return Overlay(changes, gone + [path for path in self.removed if path not in gone])

    def apply(self, target: Any) -> None:
        """Make the changes."""
        for path, value in self.changes.items():
            _set(_follow(target, path[:-1]), path[-1], value)
        for path in self.removed:
            owner = _follow(target, path[:-1])
            if path[-1][1] in vars(owner):
                delattr(owner, path[-1][1])


@rebuild.rebuilder
def make_overlay(changes: Dict[Path, Any], removed: List[Path]) -> Overlay:
    """Return an overlay."""
    return Overlay(changes, removed)


pickling.REDUCERS[Overlay] = lambda _, value: (make_overlay, (value.changes, value.removed))


def _follow(value: Any, path: Path) -> Any:
    for kind, key in path:
        if kind == "attr":
            value = vars(value)[key]
        elif kind == "cell":
            value = value.__closure__[key].cell_contents
        else:
            value = getattr(value, key)
    return value


def _set(owner: Any, step: Tuple[Any, ...], value: Any) -> None:
    kind, key = step
    if kind == "attr":
        setattr(owner, key, value)
    elif kind == "cell":
        owner.__closure__[key].cell_contents = value
    elif kind == "lru":
        lru.prime(owner, value)
    else:
        setattr(owner, key, value)


def words(path: Path) -> str:
    """Return a path as text that follows the name of the object, such as `.cache`."""
    texts = {"attr": ".{}", "part": ".{}", "cell": ".<variable {}>", "lru": "'s cache"}
    return "".join(texts[kind].format(key) for kind, key in path)


class Part(NamedTuple):
    """One part of an object's state: where it is, something that differs if it changed, and its value."""

    path: Path
    token: Any
    value: Any
    seen: Any = None
    """The `watch.Scan` of the value, if it can be saved."""


class Snapshot(NamedTuple):
    """What an object was like at one moment."""

    target: Any
    parts: Dict[Path, Part]
    deep: bool
    """Whether the notebook's own source made it."""


class Held:
    """What the state of an object holds, and others may hold too."""

    def __init__(self, taken: Snapshot) -> None:
        self._seen = [
            part.seen for part in taken.parts.values() if part.seen is not None and part.seen.saver is not None
        ]

    @property
    def identities(self) -> Dict[int, Any]:
        """Everything mutable that is in the state, by id."""
        return {key: value for seen in self._seen for key, value in seen.identities.items()}

    @property
    def needs(self) -> Set[str]:
        """The notebook names that it refers to."""
        return {name for seen in self._seen for name in seen.needs}

    @property
    def arrays(self) -> List[Tuple[Any, bool]]:
        """The arrays in it."""
        return [entry for seen in self._seen for entry in seen.arrays]


def light(taken: Snapshot) -> Snapshot:
    """Return a snapshot that holds on to no data of the notebook, only to what it compares by identity."""
    parts = {
        path: part if type(part.token) is tuple else part._replace(value=None, seen=None)
        for path, part in taken.parts.items()
    }
    return Snapshot(taken.target, parts, taken.deep)


def snapshot(target: Any, names: pickling.Names, *, deep: bool) -> Snapshot | None:
    """Take down the state of an object; None for one that has no state of this kind.

    `deep` for what the notebook's own source defines. Of what is imported only the identity of attributes is looked at.
    """
    if isinstance(target, (type, types.FunctionType, lru.LRU)):
        parts = _parts(target, (), names, deep, set())
    elif deep and type(target).__module__ == "__main__" and hasattr(target, "__dict__"):
        parts = (_part((("attr", key),), value, names) for key, value in list(vars(target).items()))
    else:
        return None
    return Snapshot(target, {part.path: part for part in parts}, deep)


class Patches:
    """What a module, and the classes in it, hold; kept as bare copies, since libraries hold very much."""

    def __init__(self, module: types.ModuleType) -> None:
        self.target = module
        self._attributes = dict(vars(module))
        self._classes = {
            key: dict(vars(value))
            for key, value in self._attributes.items()
            if isinstance(value, type) and not key.startswith("_")
        }

    def changes(self) -> Overlay | None:
        """Return what the notebook has changed since; None when it has changed nothing."""
        changed: Dict[Path, Any] = {}
        removed: List[Path] = []
        self._compare((), self._attributes, vars(self.target), changed, removed)
        for key, before in self._classes.items():
            value = vars(self.target).get(key)
            if value is self._attributes[key]:
                self._compare((("attr", key),), before, vars(value), changed, removed)
        return Overlay(changed, removed) if changed or removed else None

    def _compare(self, path: Path, before: Any, now: Any, changed: Dict[Path, Any], removed: List[Path]) -> None:
        for key, value in now.items():
            old = before.get(key, _ABSENT)
            if old is not value and key not in _SKIPPED and not isinstance(value, types.ModuleType):
                if _patched(self.target, key, value, new=old is _ABSENT):
                    changed[(*path, ("attr", key))] = value
        if len(now) < len(before) or before.keys() - now.keys():
            removed += [(*path, ("attr", key)) for key in before.keys() - now.keys() if not key.startswith("_")]


_ABSENT = object()


def _parts(owner: Any, path: Path, names: pickling.Names, deep: bool, seen: set[int]) -> Iterator[Part]:
    """Yield the parts of a function, class or cached function."""
    if id(owner) in seen:
        return
    seen.add(id(owner))
    enumeration = isinstance(owner, type) and "_member_map_" in vars(owner)
    for key, value in list(vars(owner).items()):
        if (
            key in _SKIPPED
            or enumeration
            or isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType))
        ):
            continue
        here = (*path, ("attr", key))
        inner = list(_inner(value)) if deep else []
        if not deep or inner or isinstance(value, (type, types.ModuleType, *_INNER_TYPES)):
            yield Part(here, ("id", id(value)), value)
            for step, function in inner:
                if names.path(function) is None or isinstance(owner, type):
                    yield from _parts(function, here + step, names, deep, seen)
        else:
            yield _part(here, value, names)
    if not deep:
        return
    if isinstance(owner, lru.LRU):
        state = lru.remembered(owner)
        part = _part((*path, ("lru", "")), state, names)
        if type(part.token) is tuple:  # what it remembers cannot be saved
            part = part._replace(token=("id", *(id(entry[2]) for entry in state["entries"]), state["misses"]))
        yield part
    elif isinstance(owner, types.FunctionType):
        if owner.__defaults__:
            yield _part((*path, ("part", "__defaults__")), owner.__defaults__, names)
        if owner.__kwdefaults__:
            yield _part((*path, ("part", "__kwdefaults__")), owner.__kwdefaults__, names)
        yield from _cells(owner, path, names, deep, seen)


def _cells(owner: types.FunctionType, path: Path, names: pickling.Names, deep: bool, seen: set[int]) -> Iterator[Part]:
    for at, cell in enumerate(owner.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        here = (*path, ("cell", at))
        if isinstance(value, (types.FunctionType, lru.LRU, type)):
            yield Part(here, ("id", id(value)), value)
            if not isinstance(value, type) and names.path(value) is None and not pickling.importable(value):
                yield from _parts(value, here, names, deep, seen)
        else:
            yield _part(here, value, names)


_INNER_TYPES = (classmethod, staticmethod, property, types.BuiltinFunctionType, types.WrapperDescriptorType)


def _inner(value: Any) -> Iterator[Tuple[Path, Any]]:
    """Yield the functions that an attribute is, or wraps, with the steps that lead to them."""
    if isinstance(value, (types.FunctionType, lru.LRU)):
        if not pickling.importable(value):
            yield (), value
        return
    if isinstance(value, (classmethod, staticmethod, property, functools.cached_property)):
        for name in _INNER:
            function = getattr(value, name, None)
            if isinstance(function, types.FunctionType) and not pickling.importable(function):
                yield (("part", name),), function


def _part(path: Path, value: Any, names: pickling.Names) -> Part:
    try:
        seen = watch.scan(value, names)
        return Part(path, seen.digest, value, seen)
    except Exception:  # it cannot be saved, so only its identity can be compared
        return Part(path, ("id", id(value)), value)


def changes(before: Snapshot, after: Snapshot, *, everything: bool) -> Overlay | None:
    """Return what changed between two snapshots of one object, None when nothing did.

    With `everything`, data that the source evaluated is in it too, changed or not: the next task must get it as it was.
    """
    changed: Dict[Path, Any] = {}
    library = not after.deep
    for path, part in after.parts.items():
        old = before.parts.get(path)
        if any(path[:length] in changed for length in range(1, len(path))):
            continue
        if old is None or old.token != part.token:
            if not library or _patched(after.target, str(path[-1][1]), part.value, new=old is None):
                changed[path] = part.value
        elif everything and not library and isinstance(part.token, str) and not _is_dunder(path[-1]):
            changed[path] = part.value
    removed = [
        path
        for path in before.parts
        if path not in after.parts and path[-1][0] == "attr" and not (library and str(path[-1][1]).startswith("_"))
        and not any(path[:length] in changed for length in range(1, len(path)))
    ]  # fmt: skip
    return Overlay(changed, removed) if changed or removed else None


def _is_dunder(step: Tuple[Any, ...]) -> bool:
    return step[0] == "attr" and str(step[1]).startswith("__")


def _patched(library: Any, name: str, value: Any, *, new: bool) -> bool:
    """Return whether an attribute of a library's module or class was changed by the notebook, and not by the library itself."""
    home = getattr(value, "__module__", None)
    if home == "__main__":
        return True
    if name.startswith("_") or isinstance(value, types.ModuleType):
        return False
    # A library fills in its own attributes late (lazy imports); the notebook's come from elsewhere, or replace what was there.
    package = (library.__name__ if isinstance(library, types.ModuleType) else library.__module__).partition(".")[0]
    return not (isinstance(home, str) and home.partition(".")[0] == package and new)
