"""What a value carries along: functions, instances of the notebook's classes, things that no pickle can hold."""

from __future__ import annotations

import ast

from nbprod.notebook.effects import Held
from nbprod.notebook.purity import ITERATORS, UNSAVEABLE
from nbprod.notebook.scope import arguments_of, bound_names, dotted

_KEEPS = frozenset(
    {"partial", "make_pipeline", "make_union", "make_column_transformer", "dict", "list", "tuple", "set", "defaultdict"}
)


def held_by(node: ast.expr) -> Held | None:
    """Return the names of functions and classes, and the free names of lambdas, that the value of `node` may hold.

    Only what is plain to see: a function as an element or as an argument of a constructor, an instance of a class.
    What else a value holds, the run tells (`Facts.needs`).
    """
    names: set[str] = set()
    free: set[str] = set()
    stack: list[ast.AST] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Lambda):
            bound, _ = bound_names([part.body])
            inner = bound | set(arguments_of(part.args))
            free |= {n.id for n in ast.walk(part.body) if isinstance(n, ast.Name)} - inner
        elif isinstance(part, ast.Call):
            callee = dotted(part.func)
            if callee and (callee[-1][:1].isupper() or callee[-1] in _KEEPS):
                names.add(callee[0])
                stack.extend(part.args)
                stack.extend(keyword.value for keyword in part.keywords)
        elif isinstance(part, ast.List | ast.Tuple | ast.Set | ast.Starred):
            stack.extend(ast.iter_child_nodes(part))
        elif isinstance(part, ast.Dict):
            stack.extend(value for value in (*part.keys, *part.values) if value is not None)
        elif isinstance(part, ast.IfExp):
            stack += [part.body, part.orelse]
        elif isinstance(part, ast.ListComp | ast.SetComp):
            stack.append(part.elt)
        elif isinstance(part, ast.DictComp):
            stack += [part.key, part.value]
    return Held(frozenset(names), frozenset(free)) if names or free else None


def kind_of_value(node: ast.expr) -> str:
    """Return what is remarkable about a value: `generator`, `open file`, `lock`, ..., `iterator`; empty for the rest."""
    if isinstance(node, ast.GeneratorExp):
        return "generator"
    if isinstance(node, ast.Call):
        callee = ".".join(dotted(node.func))
        if callee in ITERATORS:
            return "iterator"
        return UNSAVEABLE.get(callee, "")
    return ""
