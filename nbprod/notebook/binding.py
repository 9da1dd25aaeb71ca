"""The part of the walk that knows scopes: reading, binding, deleting and changing names."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any, ClassVar

from nbprod.notebook.calls import CallReader, global_item
from nbprod.notebook.effects import NOTHING, Effects, Roots, Store, Sure
from nbprod.notebook.scope import Scope, dotted, find


class Binder(CallReader):
    """Keeps what is certain at a place of the walk, and writes down what happens to global names."""

    visitors: ClassVar[dict[type, Any]] = {}
    """What visits a kind of node; any other node's children are visited in order."""

    def __init__(self, scope: Scope | None = None, module_alias: dict[str, Roots] | None = None) -> None:
        self.out = Effects()
        self.scope = scope
        self.module_alias = {} if module_alias is None else module_alias
        self.certain: set[str] = set()
        self.bound: set[str] = set()
        self.deleted: set[str] = set()
        self.depth = 0
        self.sure = Sure.CERTAIN
        self.kept: set[str] = set()
        self.remembers = False
        self.hands_memory = False
        self.yields = False

    def finish(self) -> Effects:
        out = self.out
        out.defines = self.bound & self.certain
        out.may_define = self.bound - self.certain
        out.deletes = self.deleted - self.bound
        out.may_delete -= out.deletes | out.defines
        return out

    def visit(self, node: ast.AST) -> None:
        kind = type(node)
        method = self.visitors.get(kind)
        if method is not None:
            method(self, node)
            return
        fields = _CHILDREN.get(kind)
        if fields is None:
            fields = _CHILDREN[kind] = tuple(field for field in node._fields if field not in _NO_CHILDREN)
        for field in fields:
            child = getattr(node, field)
            if isinstance(child, list):
                for one in child:
                    if one is not None:
                        self.visit(one)
            elif isinstance(child, ast.AST):
                self.visit(child)

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def read(self, name: str, line: int) -> None:
        if find(name, self.scope) is None and name not in self.certain:
            self.out.read(name, line, self.sure)

    def bind(self, name: str, roots: Roots = NOTHING) -> None:
        scope = self.scope
        while (
            scope is not None and scope.kind == "comprehension"
        ):  # only a walrus binds there, and it binds further out
            scope = scope.parent
        home = find(name, scope)
        if scope is not None and scope.kind == "class" and name not in scope.globals:
            scope.names.add(name)
            return
        if home is not None:
            old = home.alias.get(name, NOTHING) if self.depth else NOTHING
            home.alias[name] = old | roots
            if home is not scope:
                self.remembers = True
            return
        roots = roots - {name}
        old = self.module_alias.get(name, NOTHING) if self.depth else NOTHING
        self.module_alias[name] = old | roots
        if roots:
            self.out.alias[name] = self.out.alias.get(name, NOTHING) | roots
        self.bound.add(name)
        self.certain.add(name)
        self.deleted.discard(name)

    def unbind(self, name: str, line: int) -> None:
        home = find(name, self.scope)
        if home is not None:
            home.names.discard(name) if home.kind == "class" else None
            return
        if name not in self.certain:
            self.out.read(name, line, self.sure)
        self.certain.discard(name)
        if self.depth:
            self.out.may_delete.add(name)
            return
        self.bound.discard(name)
        self.deleted.add(name)

    def assign(self, target: ast.AST, roots: Roots = NOTHING) -> None:
        """Bind, or store into, one target of an assignment, a loop or a `with`."""
        if isinstance(target, ast.Name):
            self.bind(target.id, roots)
        elif isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self.assign(element, roots)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, roots)
        elif (name := global_item(target)) is not None:
            scope, self.scope = self.scope, None
            self.bind(name, roots)
            self.scope = scope
        else:
            self.visit(target)
            self.store(target)

    def outside(self, node: ast.AST) -> bool:
        """Say whether an expression starts with a variable of an enclosing call."""
        path = dotted(node)
        home = find(path[0], self.scope) if path else None
        scope = self.scope
        while scope is not None and scope.kind == "comprehension":
            scope = scope.parent
        return home is not None and home.kind == "function" and home is not scope and scope is not None

    def store(self, target: ast.AST) -> None:
        path, roots = dotted(target), self.roots(target)
        self.remembers = self.remembers or self.outside(target)
        if path and (home := find(path[0], self.scope)) is not None:
            if path[0] not in home.alias or len(path) == 1 + isinstance(target, ast.Attribute):
                path = ()
            elif roots & {f"${path[0]}"}:
                roots |= self.shared(path)
        self.change(roots, path if path and find(path[0], self.scope) is None else (), getattr(target, "lineno", 0))

    def shared(self, path: tuple[str, ...]) -> Roots:
        """Return the class whose own attribute `self.name...` is, when its methods see one object there."""
        scope = self.scope
        while scope is not None:
            if scope.owner and len(path) > 1 and path[1] in scope.shared:
                return frozenset({scope.owner})
            scope = scope.parent
        return NOTHING

    def change(self, roots: Roots, path: tuple[str, ...], line: int) -> None:
        """Note that the objects of `roots` are changed in place."""
        roots = frozenset(root for root in roots if root not in self.certain)
        if roots:
            self.out.stores.append(Store(path, roots, line))

    def softly(self, node: ast.AST | None) -> None:
        """Visit what may not be evaluated (annotations under `from __future__ import annotations`)."""
        if node is not None:
            sure, self.sure = self.sure, Sure.GUARDED
            self.visit(node)
            self.sure = sure


_NO_CHILDREN = frozenset(
    {"ctx", "op", "ops", "kind", "type_comment", "attr", "id", "arg", "name", "names", "conversion"}
)
_CHILDREN: dict[type, tuple[str, ...]] = {}
