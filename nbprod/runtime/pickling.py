"""How values become bytes: pickle protocol 5, taught about the notebook's own names.

A function or class that the notebook's source defines is saved as a reference to its name, and found under that name
in the namespace it is loaded into. One that has no such name is saved by its code, with the live namespace as its
globals. Large buffers stay out of the stream.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import pickle
import sys
import threading
import types
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Callable, Dict, Tuple, Type

from . import arrays, code, models
from .identity import Immutable, Singletons, plain_containers
from .rebuild import REBUILDERS, visible


class Names:
    """What a save must know about the notebook: its namespace, and which objects every task finds under a name."""

    def __init__(self, namespace: dict[str, Any], references: dict[int, str]) -> None:
        self.namespace = namespace
        self.references = references

    def without(self, names: Iterable[str]) -> Names:
        """Return the same without these names: what is saved under a name cannot be a reference to it."""
        left_out = set(names)
        return Names(self.namespace, {key: name for key, name in self.references.items() if name not in left_out})

    def path(self, value: Any) -> str | None:
        """Return the notebook name (dotted for nested ones) under which `value` can be found, if there is one."""
        name = self.references.get(id(value))
        if name is not None:
            return name
        qualname = getattr(value, "__qualname__", None)
        if not isinstance(qualname, str) or getattr(value, "__module__", None) != "__main__":
            return None
        root, *rest = qualname.split(".")
        found = self.namespace.get(root)
        if not rest or self.references.get(id(found)) != root:
            return None
        for part in rest:
            found = getattr(found, "__dict__", {}).get(part)
            if isinstance(found, staticmethod):
                found = found.__func__
        return qualname if found is value else None


class Saver(pickle.Pickler):
    """Pickles values and learns about them.

    `needs` collects the notebook names that they refer to, `objects` what has an identity that others could share, `arrays` the
    arrays met (each with whether it is copied before it is written to), `last` is the newest object met. `views` gives, by the id of an array, the
    array of whose memory it is to be a view.
    """

    def __init__(self, file: Any, names: Names, buffers: Callable[[Any], Any], views: dict[int, Any]) -> None:
        super().__init__(file, 5, buffer_callback=buffers)
        self.names = names
        self.views = views
        self.root: Any = None
        self.needs: set[str] = set()
        self.objects: dict[int, Any] = {}
        self.arrays: list[tuple[Any, bool]] = []
        self.last: Any = None
        self.plain = True
        """Whether only types were met that are known to come back whole."""
        self.immutable = Immutable()
        self.singletons = Singletons()
        self._copied: set[int] = set()
        """Ids of arrays that pandas copies before it writes to them, and of what holds them."""
        self._kinds: set[type] = set()
        self._identities: dict[int, Any] | None = None

    def reducer_override(self, value: Any) -> Any:
        self.last = value
        kind = type(value)
        reduce = REDUCERS.get(kind)
        if reduce is not None:
            return reduce(self, value)
        if isinstance(value, type):
            return _reduce_class(self, value)
        path = self.names.references.get(id(value))
        if path is not None:
            return self.refer(path)
        place = self.singletons.place(value)
        if place is not None:
            return REBUILDERS["singleton"], place
        if not self.immutable(value):
            self.objects[id(value)] = value
            if kind not in self._kinds:
                self._meet(kind)
        family = kind.__module__.partition(".")[0]
        if family == "numpy":
            return self._reduce_numpy(value)
        if family == "pandas":
            inner = arrays.copied_parts(value)
            if inner is not None:
                self._copied.update(map(id, inner))
                self._copied.add(id(value))
        elif family == "keras":
            return models.reduce(self, value, REBUILDERS)
        elif family not in _TRUSTED:
            self.plain = False
            if "keras" in sys.modules:
                return models.reduce(self, value, REBUILDERS)
        return NotImplemented

    def save_all(self, value: Any) -> None:
        """Pickle `value`. Without the garbage collector, which would look through all that is being made again and again."""
        self.root = value
        collects = gc.isenabled()
        gc.disable()
        try:
            with visible():
                self.dump(value)
        finally:
            if collects:
                gc.enable()

    def refer(self, path: str) -> Any:
        """Save a reference to a name of the notebook."""
        self.needs.add(path.partition(".")[0])
        return REBUILDERS["named"], (path,)

    def identities(self) -> dict[int, Any]:
        """Return everything mutable that was met, by id; as long as this saver lives the ids stay valid."""
        if self._identities is None:
            found = None if self.objects else plain_containers(self.root)
            if found is None:
                builtin = (list, dict, set, bytearray)
                found = {key: value for key, (_, value) in self.memo.copy().items() if type(value) in builtin}
                found.update(self.objects)
                for key in self._copied:
                    found.pop(key, None)
            self._identities = found
        return self._identities

    def _meet(self, kind: type) -> None:
        """Leave out what belongs to a library's class and not to a value: lists and the like that are its attributes."""
        self._kinds.add(kind)
        for base in kind.__mro__:
            if base.__module__ != "__main__":
                self._copied.update(id(part) for part in vars(base).values() if type(part) in (list, dict, set))

    def _reduce_numpy(self, value: Any) -> Any:
        numpy = sys.modules["numpy"]
        if not isinstance(value, numpy.ndarray):
            return NotImplemented
        self.arrays.append((value, id(value) in self._copied))
        root = self.views.get(id(value))
        if root is not None and arrays.can_be_view(value):
            return REBUILDERS["make_view"], arrays.view_arguments(value, root)
        if type(value) is numpy.ndarray:
            large = arrays.array_arguments(value) if value.nbytes >= arrays.SMALL else None
            return value.__reduce_ex__(4) if large is None else (REBUILDERS["make_array"], large)
        if type(value) is numpy.memmap:
            whole = arrays.memmap_arguments(value)
            if whole is not None:
                return REBUILDERS["make_memmap"], whole
        return NotImplemented


_TRUSTED = frozenset(
    {
        *(
            "builtins",
            "collections",
            "datetime",
            "decimal",
            "fractions",
            "functools",
            "inspect",
            "operator",
            "pathlib",
            "random",
            "re",
        ),
        *("string", "uuid", "zoneinfo", "jax", "jaxlib", "keras", "numpy", "pandas", "pyarrow", "scipy", "sklearn"),
    }
)
"""Libraries whose values, when they can be saved, can be loaded."""


def importable(value: Any) -> bool:
    """Return whether a function or class is found in its module under its own name, outside of the notebook."""
    name = getattr(value, "__module__", None)
    if not isinstance(name, str) or name == "__main__":
        return False
    found: Any = sys.modules.get(name)
    if (
        found is None and name.partition(".")[0] in sys.modules
    ):  # some name a module that is loaded when it is asked for
        with suppress(ImportError):
            found = importlib.import_module(name)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _reduce_function(saver: Saver, value: types.FunctionType) -> Any:
    if importable(value):
        return NotImplemented
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    saver.plain = False
    saver.objects[id(value)] = value
    scope: tuple[str, Any]
    home = value.__globals__.get("__name__")
    if value.__globals__ is saver.names.namespace or home == "__main__":
        saver.needs.update(code.global_names(value.__code__))
        scope = ("notebook", None)
    elif isinstance(home, str) and getattr(sys.modules.get(home), "__dict__", None) is value.__globals__:
        scope = ("module", home)
    else:
        wanted = code.global_names(value.__code__)
        scope = ("own", {key: item for key, item in value.__globals__.items() if key in wanted or key == "__name__"})
    arguments = (value.__code__, _Scope(*scope), value.__name__, value.__closure__)
    return _with_state("make_function", arguments, code.function_state(value), "set_function_state")


def _with_state(maker: str, arguments: tuple[Any, ...], state: Any, setter: str) -> Any:
    return REBUILDERS[maker], arguments, state, None, None, REBUILDERS[setter]


class _Scope:
    """The globals of a function in a stream; becomes the real dictionary when loaded."""

    def __init__(self, kind: str, value: Any) -> None:
        self.arguments = (kind, value)


_NAMELESS = {
    kind: name for name, kind in vars(types).items() if isinstance(kind, type) and not hasattr(builtins, kind.__name__)
}
"""Types of the interpreter that are found only in the module `types`."""


def _reduce_class(saver: Saver, value: type) -> Any:
    if value.__module__ != "__main__" and (value.__module__ == "builtins" or importable(value)):
        place = _NAMELESS.get(value)
        return NotImplemented if place is None else (REBUILDERS["singleton"], ("types", place))
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    saver.plain = False
    if not value.__flags__ & (1 << 9):  # no heap type: made by C code, it cannot be made again
        return NotImplemented
    saver.objects[id(value)] = value
    for function in code.members_of(value):
        if function.__globals__ is saver.names.namespace:
            saver.needs.update(code.global_names(function.__code__))
    return _with_state("make_class", code.class_arguments(value), code.class_state(value), "set_class_state")


def _reduce_cell(saver: Saver, value: Any) -> Any:
    saver.objects[id(value)] = value
    return REBUILDERS["make_cell"], ()


def _reduce_method(_: Saver, value: types.MethodType) -> Any:
    """By its name, if that is where it is found; one that was bound before the name changed keeps its function."""
    try:
        found = getattr(value.__self__, value.__func__.__name__)
    except Exception:
        found = None
    return (
        NotImplemented if found == value else (REBUILDERS["make"], (types.MethodType, value.__func__, value.__self__))
    )


def _made_by(kind: Any, *names: str) -> Callable[[Saver, Any], Any]:
    return lambda _, value: (REBUILDERS["make"], (kind, *(getattr(value, name) for name in names)))


REDUCERS: Dict[Type[Any], Callable[[Saver, Any], Any]] = {
    types.FunctionType: _reduce_function,
    types.ModuleType: lambda _, value: (REBUILDERS["module"], (value.__name__,)),
    types.CodeType: lambda _, value: (REBUILDERS["make_code"], code.code_arguments(value)),
    types.CellType: _reduce_cell,
    types.MethodType: _reduce_method,
    _Scope: lambda _, value: (REBUILDERS["namespace_of"], value.arguments),
    classmethod: _made_by(classmethod, "__func__"),
    staticmethod: _made_by(staticmethod, "__func__"),
    property: _made_by(property, "fget", "fset", "fdel", "__doc__"),
    types.MappingProxyType: lambda _, value: (REBUILDERS["make"], (types.MappingProxyType, dict(value))),
    types.BuiltinFunctionType: lambda _, value: NotImplemented,
    type(Ellipsis): lambda _, value: NotImplemented,
}


def dump(value: Any, file: Any, names: Names, views: dict[int, Any] | None = None) -> Tuple[Saver, Any]:
    """Pickle `value` to `file`; return the saver and the buffers left out of the stream."""
    buffers: list[Any] = []

    def keep(buffer: Any) -> bool:
        if buffer.raw().nbytes < arrays.SMALL:
            return True
        buffers.append(buffer)
        return False

    saver = Saver(file, names, keep, views or {})
    try:
        saver.save_all(value)
    except Exception as error:
        error.nbprod_last = saver.last  # type: ignore[attr-defined]
        raise
    return saver, buffers


def deeply(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a thread with a large stack: pickling recurses into chains of objects, however long they are."""
    outcome: list[Any] = []

    def call() -> None:
        try:
            outcome.append(function(*arguments))
        except BaseException as error:
            outcome.append(error)

    size, limit = threading.stack_size(_STACK), sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        thread = threading.Thread(target=call, name="nbprod-deep")
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


_STACK = 1 << 30
"""Address space, of which only what is needed becomes memory."""
_DEPTH = 1_000_000
