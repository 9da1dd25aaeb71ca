"""Functions, classes and code objects as values: how they are taken apart, made again, and what globals they read."""

from __future__ import annotations

import builtins
import opcode
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

_GLOBAL = frozenset(
    code
    for name, code in opcode.opmap.items()
    if name in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
)
_BINDS = frozenset(code for name, code in opcode.opmap.items() if name in ("STORE_NAME", "STORE_GLOBAL"))
_STAR = opcode.opmap.get("IMPORT_STAR")
_INTRINSIC = opcode.opmap.get("CALL_INTRINSIC_1")
_LOAD_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_NEW = sys.version_info >= (3, 11)


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and all that are nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def _operations(part: types.CodeType) -> Iterator[Tuple[int, int]]:
    """Yield operation codes and their whole arguments."""
    raw = part.co_code
    high = 0
    for at in range(0, len(raw), 2):
        op, argument = raw[at], raw[at + 1] | high
        high = argument << 8 if op == _EXTENDED else 0
        yield op, argument


def global_names(code: types.CodeType) -> Set[str]:
    """Return the global names that a code object, or one nested in it, reads or writes; builtins aside."""
    found: Set[str] = set()
    for part in codes(code):
        for op, argument in _operations(part):
            if op in _GLOBAL:
                # For LOAD_GLOBAL the lowest bit says whether NULL is pushed too.
                found.add(part.co_names[argument >> 1 if op == _LOAD_GLOBAL and _NEW else argument])
    return {name for name in found if not hasattr(builtins, name)}


def bound_names(code: types.CodeType) -> Set[str]:
    """Return the global names that a statement, or a function in it, binds, as far as its code shows."""
    found: Set[str] = set()
    for part in codes(code):
        for op, argument in _operations(part):
            if op in _BINDS:
                found.add(part.co_names[argument])
            elif op == _STAR or (op == _INTRINSIC and argument == 2):  # `from module import *`
                for name in part.co_names:
                    found.update(getattr(sys.modules.get(name), "__dict__", ()))
    return found


def code_arguments(code: types.CodeType) -> Tuple[Any, ...]:
    """Return the arguments that make an equal code object; the file name, which differs between kernels, is dropped."""
    head = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize)
    head += (code.co_flags, code.co_code, code.co_consts, code.co_names, code.co_varnames)  # type: ignore[assignment]
    name = ("<notebook>", code.co_name)
    if _NEW:
        name += (code.co_qualname,)  # type: ignore[assignment]
    lines: Tuple[Any, ...] = (code.co_firstlineno, code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab)
    if _NEW:
        lines += (code.co_exceptiontable,)
    return head + name + lines + (code.co_freevars, code.co_cellvars)


def make_code(*arguments: Any) -> types.CodeType:
    """Return the code object that `code_arguments` took apart."""
    return types.CodeType(*arguments)


def make_cell() -> Any:
    """Return an empty closure cell; the function that owns it fills it."""
    return types.CellType()


def function_state(function: types.FunctionType) -> Dict[str, Any]:
    """Return what `set_function_state` sets."""
    state: Dict[str, Any] = {
        "__qualname__": function.__qualname__,
        "__module__": function.__module__,
        "__doc__": function.__doc__,
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
    }
    annotations = _annotations(function)
    if annotations:
        state["__annotations__"] = annotations
    parameters = getattr(function, "__type_params__", ())
    if parameters:
        state["__type_params__"] = parameters
    cells = [(cell, cell.cell_contents) for cell in function.__closure__ or () if _filled(cell)]
    return {"attributes": state, "dict": function.__dict__, "cells": cells}


def _annotations(function: types.FunctionType) -> Any:
    try:
        return function.__annotations__
    except Exception:  # 3.14 evaluates them here, and a name in them may not exist
        return None


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def set_function_state(function: types.FunctionType, state: Dict[str, Any]) -> None:
    """Give a bare function its attributes and fill its closure."""
    for key, value in state["attributes"].items():
        setattr(function, key, value)
    function.__dict__.update(state["dict"])
    for cell, contents in state["cells"]:
        cell.cell_contents = contents


def is_namedtuple(cls: type) -> bool:
    """Return whether `collections.namedtuple` (or `typing.NamedTuple`) made this class."""
    return cls.__bases__ == (tuple,) and isinstance(getattr(cls, "_fields", None), tuple)


_DROPPED = ("__dict__", "__weakref__", "_abc_impl", "__abstractmethods__", "__static_attributes__", "__firstlineno__")


def class_arguments(cls: type) -> Tuple[Any, ...]:
    """Return what `make_class` takes: metaclass, name, bases and what must be there when the class is made."""
    early: Dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    slots = cls.__dict__.get("__slots__")
    if slots is not None:
        early["__slots__"] = slots
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(cls, enum.EnumMeta):
        early["enum members"] = [(member.name, member.value) for member in cls.__members__.values()]
    elif is_namedtuple(cls):
        early["namedtuple"] = (cls._fields, cls._field_defaults)  # type: ignore[attr-defined]
    return (type(cls), cls.__name__, cls.__bases__, early)


def class_state(cls: type) -> Dict[str, Any]:
    """Return the attributes to set on a class that `make_class` made."""
    skip = {*_DROPPED, "__module__", "__qualname__", "__slots__"}
    slots = cls.__dict__.get("__slots__", ())
    skip.update((slots,) if isinstance(slots, str) else slots)
    if hasattr(cls, "__members__") and "_member_map_" in cls.__dict__:
        skip.update(cls.__members__)
        skip.update(key for key in cls.__dict__ if key.startswith("_") and key.endswith("_"))
    if is_namedtuple(cls):
        skip.update(
            ("_fields", "_field_defaults", "__new__", "_make", "_replace", "__replace__", "__repr__", "_asdict")
        )
        skip.update(("__getnewargs__", "__match_args__", *cls._fields))  # type: ignore[attr-defined]
    return {key: value for key, value in cls.__dict__.items() if key not in skip}


def make_class(metaclass: Any, name: str, bases: Tuple[type, ...], early: Dict[str, Any]) -> type:
    """Make a class without its methods; `set_class_state` adds them."""
    early = dict(early)
    members = early.pop("enum members", None)
    fields = early.pop("namedtuple", None)
    if fields is not None:
        import collections

        names, defaults = fields
        made: Any = collections.namedtuple(name, names, module=early["__module__"])  # type: ignore[misc]  # noqa: PYI024
        made.__qualname__ = early["__qualname__"]
        if defaults:
            made._field_defaults = defaults
            made.__new__.__defaults__ = tuple(defaults.values())
        return made
    if members is not None:
        body = metaclass.__prepare__(name, bases)
        for key, value in {**early, **dict(members)}.items():
            body[key] = value
        return metaclass(name, bases, body)  # type: ignore[no-any-return]
    return types.new_class(name, bases, {"metaclass": metaclass}, lambda body: body.update(early))


def set_class_state(cls: type, state: Dict[str, Any]) -> None:
    """Set the attributes that `class_state` found; registers what an abstract class lacks anew."""
    for key, value in state.items():
        if key == "__annotations__" or not isinstance(value, (types.GetSetDescriptorType, types.MemberDescriptorType)):
            setattr(cls, key, value)
    update: Callable[[type], Any] = getattr(sys.modules.get("abc"), "update_abstractmethods", lambda made: made)
    update(cls)


def members_of(cls: type) -> List[types.FunctionType]:
    """Return the plain functions in a class body, those behind `property`, `classmethod` and `staticmethod` included."""
    found: List[types.FunctionType] = []
    for value in list(cls.__dict__.values()):
        inner = [value, getattr(value, "__func__", None), getattr(value, "__wrapped__", None)]
        inner += [getattr(value, name, None) for name in ("fget", "fset", "fdel", "func")]
        found += [part for part in inner if isinstance(part, types.FunctionType)]
    return found
