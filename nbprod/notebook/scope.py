"""Scopes: which of a function's, class body's or comprehension's names are its own, and what they may stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbprod.notebook.effects import NOTHING, Roots

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


@dataclass(slots=True)
class Scope:
    """One scope; the module's own is represented by `None`."""

    kind: str
    """`function`, `class` or `comprehension`."""
    names: set[str]
    parent: Scope | None
    globals: set[str] = field(default_factory=set)
    alias: dict[str, Roots] = field(default_factory=dict)
    owner: str | None = None
    """The class whose method this is."""
    shared: frozenset[str] = frozenset()
    """Attributes that the class itself holds and whose objects can change."""


def find(name: str, scope: Scope | None) -> Scope | None:
    """Return the scope that `name` belongs to, seen from `scope`; `None` for a global."""
    inner = True
    while scope is not None:
        if name in scope.globals:
            return None
        if name in scope.names and (inner or scope.kind != "class"):
            return scope
        inner = False
        scope = scope.parent
    return None


def arguments_of(args: ast.arguments) -> list[str]:
    """Return the names of all parameters."""
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    names += [a.arg for a in (args.vararg, args.kwarg) if a is not None]
    return names


def bound_names(body: list[ast.stmt] | list[ast.expr]) -> tuple[set[str], set[str]]:
    """Return the names that a function's body binds for itself, and those that it declares global.

    Names declared nonlocal are in neither; they belong to a scope further out.
    """
    bound: set[str] = set()
    declared: set[str] = set()
    outer: set[str] = set()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
        elif isinstance(node, _DEFINITIONS):
            if not isinstance(node, ast.Lambda):
                bound.add(node.name)
                stack.extend(node.decorator_list)
            if isinstance(node, _FUNCTIONS):
                stack.extend(node.args.defaults)
                stack.extend(d for d in node.args.kw_defaults if d is not None)
        elif isinstance(node, ast.comprehension):
            stack.append(node.iter)  # its targets are its own
            stack.extend(node.ifs)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer.update(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update(bound_by_import(node))
        else:
            if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                bound.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                bound.add(node.rest)
            stack.extend(ast.iter_child_nodes(node))
    return bound - declared - outer, declared


def bound_by_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the names that an import binds, `*` left out."""
    for alias in node.names:
        if alias.name != "*":
            yield alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)


def target_names(target: ast.AST) -> Iterator[str]:
    """Yield the plain names among the targets of an assignment."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from target_names(element)
    elif isinstance(target, ast.Starred):
        yield from target_names(target.value)


def dotted(node: ast.AST) -> tuple[str, ...]:
    """Return `a.b[...].c` as ("a", "b", "c"), brackets left out; empty when it starts with no name."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Name):
            parts.append(node.id)
            return tuple(reversed(parts))
        else:
            return ()


class RootFinder:
    """Says which names' objects an expression may be, or lie inside."""

    scope: Scope | None
    module_alias: dict[str, Roots]

    def roots(self, node: ast.AST | None) -> Roots:
        """Return the names whose objects a change of `node`'s value changes."""
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Await):
            if isinstance(node, ast.Attribute) and node.attr == "__class__" and (owner := self.owner()):
                return frozenset({owner})
            node = node.value
        if isinstance(node, ast.Name):
            return self._roots_of_name(node.id)
        if isinstance(node, ast.Call):
            return self._roots_of_call(node)
        if isinstance(node, ast.IfExp):
            return self.roots(node.body) | self.roots(node.orelse)
        if isinstance(node, ast.BoolOp):
            return NOTHING.union(*map(self.roots, node.values))
        if isinstance(node, ast.Tuple | ast.List):
            return NOTHING.union(*map(self.roots, node.elts))
        if isinstance(node, ast.NamedExpr):
            return self.roots(node.value)
        return NOTHING

    def aliases(self, node: ast.AST) -> Roots:
        """Return the names that a name assigned `node` may share its object with; copies are not among them."""
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            return NOTHING  # a slice or a mask makes a copy or a view; what is a view, the run tells
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.NamedExpr):
            return self.roots(node)
        if isinstance(node, ast.IfExp):
            return self.aliases(node.body) | self.aliases(node.orelse)
        if isinstance(node, ast.BoolOp):
            return NOTHING.union(*map(self.aliases, node.values))
        return NOTHING

    def owner(self) -> str | None:
        """Return the class in whose method we are."""
        scope = self.scope
        while scope is not None:
            if scope.owner:
                return scope.owner
            scope = scope.parent
        return None

    def _roots_of_name(self, name: str) -> Roots:
        scope = find(name, self.scope)
        if scope is not None:
            return scope.alias.get(name, NOTHING)
        return self.module_alias.get(name, NOTHING) | {name}

    def _roots_of_call(self, node: ast.Call) -> Roots:
        func = node.func
        if isinstance(func, ast.Attribute):
            return self.roots(func.value) if func.attr in _HANDING_OUT else NOTHING
        if isinstance(func, ast.Name):
            if func.id == "type" and len(node.args) == 1 and (owner := self.owner()):
                return frozenset({owner})
            if func.id in _PASSING_ON:
                return NOTHING.union(*map(self.roots, node.args))
        return NOTHING


_HANDING_OUT = frozenset(
    {"get", "setdefault", "values", "items", "pop", "popitem", "view", "ravel", "reshape", "squeeze"}
)
_PASSING_ON = frozenset(
    {"enumerate", "zip", "reversed", "iter", "next", "list", "sorted", "tuple", "filter", "getattr", "min", "max"}
)
