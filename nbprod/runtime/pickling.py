"""How values become bytes and values again: pickle protocol 5, taught about the notebook's own names.

A function or class that the notebook's source defines is saved as a reference to its name, and found under that name
in the namespace it is loaded into. One that has no such name is saved by its code, with the live namespace as its
globals. Large buffers stay out of the stream.
"""

from __future__ import annotations

import copyreg
import importlib
import pickle
import sys
import types
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set

from . import code
from .code import MODULE

SMALL = 1 << 14
"""Arrays below this many bytes are copied on load, so that they own their memory as in the kernel."""


def named(path: str) -> Any:
    """Stand for a name of the notebook; the loader looks it up."""
    raise NotImplementedError(path)


def namespace_of(kind: str, value: Any) -> Dict[str, Any]:
    """Stand for the globals of a function; the loader supplies them."""
    raise NotImplementedError(kind)


def make_function(made: types.CodeType, scope: Dict[str, Any], name: str, closure: Any) -> types.FunctionType:
    """Return a bare function; `set_function_state` completes it."""
    return types.FunctionType(made, scope, name, None, closure)


def make_property(kind: Any, *parts: Any) -> Any:
    """Return a property, class method or static method."""
    return kind(*parts)


def module(name: str) -> types.ModuleType:
    """Import a module by its name."""
    return importlib.import_module(name)


REBUILDERS: Dict[str, Callable[..., Any]] = {}


def rebuilder(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function available to pickles as `_nbprod.NAME`."""
    function.__module__ = MODULE
    function.__qualname__ = function.__name__
    REBUILDERS[function.__name__] = function
    return function


for _function in (named, namespace_of, make_function, make_property, module):
    rebuilder(_function)
for _function in (code.make_code, code.make_cell, code.make_class, code.set_function_state, code.set_class_state):
    rebuilder(_function)


@contextmanager
def visible() -> Iterator[None]:
    """Let pickle find the rebuilders while it works; afterwards no module of that name exists."""
    made = types.ModuleType(MODULE)
    made.__dict__.update(REBUILDERS)
    before = sys.modules.get(MODULE)
    sys.modules[MODULE] = made
    try:
        yield
    finally:
        if before is None:
            del sys.modules[MODULE]
        else:
            sys.modules[MODULE] = before


class Names:
    """What a save must know about the notebook: its namespace and which objects stand for names in it."""

    def __init__(self, namespace: Dict[str, Any], references: Dict[int, str]) -> None:
        self.namespace = namespace
        self.references = references

    def path(self, value: Any) -> Optional[str]:
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
        return qualname if found is value else None


class Saver(pickle.Pickler):
    """Pickles one artifact. `needs` collects the notebook names that it refers to, `last` is the newest object seen."""

    def __init__(self, file: Any, names: Names, *, buffers: Optional[Callable[[Any], Any]] = None) -> None:
        super().__init__(file, 5, buffer_callback=buffers)
        self.names = names
        self.needs: Set[str] = set()
        self.last: Any = None
        self.plain = True
        """Whether only values that need no code of others were seen."""

    def reducer_override(self, value: Any) -> Any:
        self.last = value
        kind = type(value)
        reduce = _REDUCERS.get(kind)
        if reduce is not None:
            return reduce(self, value)
        if isinstance(value, type):
            return _reduce_class(self, value)
        path = self.names.references.get(id(value))
        if path is not None:
            return self.refer(path)
        if kind.__module__ == "numpy":
            return _reduce_numpy(self, value)
        self.plain = False
        return NotImplemented

    def refer(self, path: str) -> Any:
        """Save a reference to a name of the notebook."""
        self.needs.add(path.split(".")[0])
        return REBUILDERS["named"], (path,)


def _importable(value: Any) -> bool:
    owner = sys.modules.get(getattr(value, "__module__", None) or "")
    if owner is None or value.__module__ == "__main__":
        return False
    found: Any = owner
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _reduce_function(saver: Saver, value: types.FunctionType) -> Any:
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    if _importable(value):
        return NotImplemented
    saver.plain = False
    namespace = saver.names.namespace
    scope: Any
    if value.__globals__ is namespace or value.__globals__.get("__name__") == "__main__":
        saver.needs.update(name for name in code.global_names(value.__code__))
        scope = ("notebook", None)
    elif getattr(sys.modules.get(value.__globals__.get("__name__", "")), "__dict__", None) is value.__globals__:
        scope = ("module", value.__globals__["__name__"])
    else:
        wanted = code.global_names(value.__code__)
        scope = ("own", {key: item for key, item in value.__globals__.items() if key in wanted or key == "__name__"})
    arguments = (value.__code__, _Scope(*scope), value.__name__, value.__closure__)
    state = code.function_state(value)
    return REBUILDERS["make_function"], arguments, state, None, None, REBUILDERS["set_function_state"]


class _Scope:
    """The globals of a function in a stream; becomes the real dictionary when loaded."""

    def __init__(self, kind: str, value: Any) -> None:
        self.arguments = (kind, value)


def _reduce_class(saver: Saver, value: type) -> Any:
    path = saver.names.path(value)
    if path is not None:
        return saver.refer(path)
    if value.__module__ != "__main__" and (_importable(value) or value.__module__ == "builtins"):
        return NotImplemented
    saver.plain = False
    if not value.__flags__ & (1 << 9):  # not a heap type: made by C code, cannot be made again
        return NotImplemented
    for function in code.members_of(value):
        if function.__globals__ is saver.names.namespace:
            saver.needs.update(code.global_names(function.__code__))
    arguments = code.class_arguments(value)
    state = code.class_state(value)
    return REBUILDERS["make_class"], arguments, state, None, None, REBUILDERS["set_class_state"]


def _reduce_numpy(saver: Saver, value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and value.nbytes < SMALL:
        return value.__reduce_ex__(4)
    return NotImplemented


_REDUCERS: Dict[type, Callable[[Saver, Any], Any]] = {
    types.FunctionType: _reduce_function,
    types.ModuleType: lambda saver, value: (REBUILDERS["module"], (value.__name__,)),
    types.CodeType: lambda saver, value: (REBUILDERS["make_code"], code.code_arguments(value)),
    types.CellType: lambda saver, value: (REBUILDERS["make_cell"], ()),
    _Scope: lambda saver, value: (REBUILDERS["namespace_of"], value.arguments),
    classmethod: lambda saver, value: (REBUILDERS["make_property"], (classmethod, value.__func__)),
    staticmethod: lambda saver, value: (REBUILDERS["make_property"], (staticmethod, value.__func__)),
    property: lambda saver, value: (
        REBUILDERS["make_property"],
        (property, value.fget, value.fset, value.fdel, value.__doc__),
    ),
    types.MappingProxyType: lambda saver, value: (REBUILDERS["make_property"], (types.MappingProxyType, dict(value))),
    types.BuiltinFunctionType: lambda saver, value: NotImplemented,
    type(copyreg.__newobj__): _reduce_function,  # type: ignore[attr-defined]
}


class MissingName(NameError):
    """A saved value refers to a name of the notebook that is not there."""


class Loader(pickle.Unpickler):
    """Unpickles one artifact into a namespace, in which the notebook's own names are looked up."""

    def __init__(self, file: Any, namespace: Dict[str, Any], buffers: Sequence[Any] = ()) -> None:
        super().__init__(file, buffers=buffers)
        self.namespace = namespace

    def find_class(self, owner: str, name: str) -> Any:
        if owner == MODULE:
            if name == "named":
                return self.named
            if name == "namespace_of":
                return self.namespace_of
            return REBUILDERS[name]
        if owner == "__main__":
            return self.named(name)
        return super().find_class(owner, name)

    def named(self, path: str) -> Any:
        """Return what a dotted name of the notebook stands for."""
        root, *rest = path.split(".")
        if root not in self.namespace:
            raise MissingName(f"the notebook's {root!r} is not defined here")
        found = self.namespace[root]
        for part in rest:
            found = getattr(found, part)
        return found

    def namespace_of(self, kind: str, value: Any) -> Dict[str, Any]:
        """Return the globals of a function."""
        if kind == "notebook":
            return self.namespace
        return vars(importlib.import_module(value)) if kind == "module" else value  # type: ignore[no-any-return]


class Stream:
    """What `pickle.Unpickler` reads from: bytes in memory, without copying them first."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def read(self, size: int) -> bytes:
        start, self.at = self.at, min(self.at + size, len(self.data))
        return bytes(self.data[start : self.at])

    def readinto(self, target: Any) -> int:
        count = min(len(target), len(self.data) - self.at)
        target[:count] = self.data[self.at : self.at + count]
        self.at += count
        return count

    def readline(self) -> bytes:
        end = self.at
        while end < len(self.data) and self.data[end] != 10:
            end += 1
        line = bytes(self.data[self.at : end + 1])
        self.at = end + 1
        return line


def dump(value: Any, file: Any, names: Names) -> "tuple[Saver, List[Any]]":
    """Pickle `value` to `file`; return the saver and the buffers left out of the stream."""
    buffers: List[Any] = []

    def keep(buffer: Any) -> Any:
        if buffer.raw().nbytes < SMALL:
            return True
        buffers.append(buffer)
        return None

    saver = Saver(file, names, buffers=keep)
    with visible():
        saver.dump(value)
    return saver, buffers


def load(opened: Any, namespace: Dict[str, Any]) -> Any:
    """Return the value of an opened artifact (see `container.open_artifact`)."""
    return Loader(Stream(opened.pickle), namespace, opened.buffers).load()
