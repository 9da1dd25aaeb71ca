"""The pipeline's parameters: literals assigned in the cell tagged `parameters`, typed by their defaults."""

from __future__ import annotations

import ast
import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.errors import ParameterError
from nbprod.notebook.cell import Cell

_NUMBER_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_PLAIN = {"int", "float", "str", "bool", "list", "tuple", "dict", "set", "bytes", "complex", "None"}


@dataclass(frozen=True)
class Parameter:
    """A name assigned a literal in the cell tagged `parameters`; `type` is `int`, `float`, `str`, `bool`, `list`, ...

    `optional`: None is a value of it too. A default of None without an annotation has the type `None` and takes any value.
    """

    name: str
    default: Any
    type: str
    cell: Cell
    line: int
    optional: bool = False


def parameter_of(node: ast.stmt, cell: Cell) -> list[Parameter] | None:
    """Return the parameters that a statement of the parameters cell sets; `None` if it is code."""
    if isinstance(node, ast.AnnAssign):
        if not isinstance(node.target, ast.Name) or node.value is None:
            return [] if node.value is None else None
        pairs = [(node.target.id, node.value)]
    elif isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
        pairs = [(target.id, node.value) for target in node.targets if isinstance(target, ast.Name)]
    else:
        return None
    found: list[Parameter] = []
    for name, value in pairs:
        try:
            default = _literal(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
        kind, optional = "None" if default is None else type(default).__name__, default is None
        if isinstance(node, ast.AnnAssign):
            kind, optional = _annotated(node.annotation, kind, optional=optional)
            if kind == "float" and type(default) is int:
                default = default  # noqa: PLW0127 - stays what the author wrote: the kernel sees an int too
        found.append(Parameter(name, default, kind, cell, node.lineno, optional))
    return found


def check_value(parameter: Parameter, value: Any) -> Any:
    """Return `value` as the parameter's type has it (an int for a float parameter is a float).

    Raises `ParameterError` if it is of another type.
    """
    kind = parameter.type
    if value is None:
        if parameter.optional or kind == "None":
            return None
        raise _wrong(parameter, value)
    if kind == "None" or kind not in _PLAIN:
        return value
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "tuple" and isinstance(value, list):
        return tuple(value)
    if kind == "set" and isinstance(value, list):
        return set(value)
    if kind == "int" and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if type(value).__name__ != kind:
        raise _wrong(parameter, value)
    return value


def parse_value(parameter: Parameter, text: str) -> Any:
    """Read a value from the command line: a literal, or text as it is for a `str`. Raises `ParameterError`."""
    kind = parameter.type
    stripped = text.strip()
    if stripped in ("None", "null") and (parameter.optional or kind == "None"):
        return None
    if kind == "str":
        if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "\"'":
            try:
                return str(ast.literal_eval(stripped))
            except (ValueError, SyntaxError):
                return text
        return text
    if kind == "bool":
        if stripped.lower() in ("true", "yes", "on", "1"):
            return True
        if stripped.lower() in ("false", "no", "off", "0"):
            return False
        raise _wrong(parameter, text)
    if kind == "float" and stripped.lower() in _NUMBER_WORDS:
        return _NUMBER_WORDS[stripped.lower()]
    try:
        value = ast.literal_eval(stripped)
    except (ValueError, SyntaxError):
        try:
            value = json.loads(stripped)
        except ValueError:
            if kind == "None" or kind not in _PLAIN:
                return text
            raise _wrong(parameter, text) from None
    return check_value(parameter, value)


def check_parameters(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
    """Check that every name is a parameter and every value that is not None has its type. Raises `ParameterError`."""
    for name, value in values.items():
        if name not in parameters:
            near = difflib.get_close_matches(name, parameters, n=1) or [
                p for p in parameters if p.lower() == name.lower()
            ]
            known = ", ".join(parameters) or "none: tag a cell `parameters`"
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ParameterError(f"there is no parameter {name!r}", fix=f"{hint}The parameters are: {known}.")
        if value is not None:
            check_value(parameters[name], value)


def _wrong(parameter: Parameter, value: Any) -> ParameterError:
    got = "nothing" if value is None else f"{value!r}"
    kind = parameter.type + (" or None" if parameter.optional else "")
    return ParameterError(
        f"parameter {parameter.name!r} is {kind}, not {got}",
        fix=f"Its default is {parameter.default!r}; give a value like it.",
    )


def _literal(node: ast.expr) -> Any:
    """Evaluate a literal; `float("inf")` and `1e3 * 2` are code."""
    return ast.literal_eval(node)


def _annotated(node: ast.expr, kind: str, *, optional: bool) -> tuple[str, bool]:
    """Return the type that an annotation says, and whether None is one of its values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return kind, optional
    names: list[str] = []
    stack: list[ast.AST] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
            stack += [part.right, part.left]
        elif isinstance(part, ast.Constant):
            names.append("None" if part.value is None else type(part.value).__name__)
        elif isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name | ast.Attribute):
            outer = _last(part.value)
            if outer in ("Optional", "Union"):
                inner = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
                stack.extend(reversed(inner))
                if outer == "Optional":
                    names.append("None")
            else:
                names.append(outer.lower() if outer in ("List", "Dict", "Tuple", "Set") else outer)
        else:
            names.append(_last(part))
    types = [name for name in names if name != "None"]
    may_be_none = "None" in names
    if len(types) == 1 and types[0] in _PLAIN and kind in (types[0], "None") or types == ["float"] and kind == "int":
        return types[0], may_be_none or optional
    return kind, may_be_none or optional


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
