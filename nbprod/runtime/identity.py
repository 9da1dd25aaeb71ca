"""What kind of identity a value has: one that code can share and change, one that never shows, or the only one of its kind."""

from __future__ import annotations

import builtins
import datetime as dt
import sys
import types
from typing import Any, Dict, Tuple

_PLAIN = (
    *(str, bytes, int, float, complex, bool, tuple, frozenset, range, slice, type(None), type(Ellipsis)),
    *(types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.CodeType, types.MappingProxyType),
    *(types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType, types.GetSetDescriptorType),
    *(dt.date, dt.time, dt.timedelta, dt.tzinfo),
)
_BY_PLACE: Tuple[Tuple[str, str], ...] = (
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("uuid", "UUID"),
    ("pathlib", "PurePath"),
    ("re", "Pattern"),
    ("enum", "Enum"),
    ("inspect", "Signature"),
    ("inspect", "Parameter"),
    ("operator", "attrgetter"),
    ("operator", "itemgetter"),
    ("operator", "methodcaller"),
    ("typing", "TypeVar"),
    ("numpy", "generic"),
    ("numpy", "dtype"),
    ("pandas", "Index"),
    ("pandas", "Timestamp"),
    ("pandas", "Timedelta"),
    ("pandas", "Period"),
    ("pandas", "Interval"),
    ("pandas", "DateOffset"),
    ("pandas.api.extensions", "ExtensionDtype"),
    ("jax", "Array"),
    ("keras", "DTypePolicy"),
    ("keras", "Initializer"),
)
_FAMILIES = ("pyarrow", "jaxlib", "_cython")


class Immutable:
    """Says whether a value cannot change, so that it never matters whether two variables hold the same one."""

    def __init__(self) -> None:
        self._types = _PLAIN + tuple(
            kind
            for owner, name in _BY_PLACE
            for kind in (getattr(sys.modules.get(owner), "__dict__", {}).get(name),)
            if isinstance(kind, type)
        )
        self._known: Dict[type, bool] = {}

    def __call__(self, value: Any) -> bool:
        kind = type(value)
        known = self._known.get(kind)
        if known is None:
            known = issubclass(kind, self._types) and (
                kind in _PLAIN or not hasattr(value, "__dict__") or _closed(kind)
            )
            known = self._known[kind] = known or kind.__module__.startswith(_FAMILIES)
        return known


def _closed(kind: type) -> bool:
    """Return whether instances are immutable though they have a `__dict__`: those of libraries, not of the notebook."""
    return kind.__module__ != "__main__" or (
        isinstance(kind, type(sys.modules["enum"].Enum)) if "enum" in sys.modules else False
    )


_PLACES: Tuple[Tuple[str, str], ...] = (
    ("sys", "stdout"),
    ("sys", "stderr"),
    ("sys", "stdin"),
    ("sys", "path"),
    ("sys", "modules"),
    ("os", "environ"),
    ("random", "_inst"),
    ("numpy.random.mtrand", "_rand"),
    ("numpy", "_NoValue"),
    ("matplotlib", "rcParams"),
    ("dataclasses", "MISSING"),
    ("dataclasses", "KW_ONLY"),
    ("dataclasses", "_FIELD"),
    ("dataclasses", "_FIELD_CLASSVAR"),
    ("dataclasses", "_FIELD_INITVAR"),
)


class Singletons:
    """Knows the objects of which there is one in a process, which are found at their place and never copied."""

    def __init__(self) -> None:
        self._places: Dict[int, Tuple[str, str]] = {}
        for owner, name in _PLACES:
            value = getattr(sys.modules.get(owner), "__dict__", {}).get(name)
            if value is not None:
                self._places[id(value)] = (owner, name)
        shell = getattr(builtins, "get_ipython", None) or getattr(sys.modules.get("IPython"), "get_ipython", None)
        self._shell = shell() if callable(shell) else None

    def place(self, value: Any) -> Tuple[str, str] | None:
        """Return the module and name where `value` is found, if it is such an object."""
        if self._shell is not None and value is self._shell:
            return ("IPython.core.interactiveshell", "InteractiveShell._instance")
        return self._places.get(id(value))


_CONTAINERS = frozenset((list, dict, set, tuple, frozenset))
_ATOMS = frozenset((str, bytes, int, float, complex, bool, type(None)))


def plain_containers(root: Any) -> Dict[int, Any] | None:
    """Return the mutable containers in a value of lists, dictionaries, sets and atoms by id; None if anything else is in it."""
    found: Dict[int, Any] = {}
    seen = {id(root)}
    stack = [root]
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind not in _CONTAINERS:
            return None
        if kind is list or kind is dict or kind is set:
            found[id(value)] = value
        for elements in (value, value.values()) if kind is dict else (value,):
            if set(map(type, elements)) <= _ATOMS:
                continue
            for element in elements:
                if type(element) not in _ATOMS and id(element) not in seen:
                    seen.add(id(element))
                    stack.append(element)
    return found
