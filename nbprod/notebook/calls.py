"""Calls: who is called with what, access to all names at once (`eval`, `globals`), and the magics of the shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nbprod.notebook import files, magics
from nbprod.notebook.effects import NOTHING, Call, Effects, Roots, Sure
from nbprod.notebook.purity import CACHES, INPLACE, MUTATING
from nbprod.notebook.scope import RootFinder, Scope, dotted, find
from nbprod.notebook.syntax import parse_code

_WHOLE = frozenset({"globals", "locals", "vars", "dir"})
_NAMESPACES = frozenset({"globals", "locals", "vars"})
_USER_NAMESPACE = frozenset(
    {"user_ns", "user_global_ns", "ns_table", "ev", "ex", "run_cell", "run_code", "push", "del_var", "reset"}
)
_AT_NAME = re.compile(r"@([A-Za-z_]\w*)")
_SEEDS = frozenset({"random_state", "seed", "rng", "random_seed", "generator"})
_QUIET = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.UnaryOp,
    ast.Load,
    ast.USub,
    ast.Subscript,
    ast.keyword,
)


class CallReader(RootFinder):
    """The part of the walk that deals with calls."""

    out: Effects
    scope: Scope | None
    certain: set[str]
    sure: Sure
    kept: set[str]
    caches = CACHES
    remembers: bool

    if TYPE_CHECKING:

        def visit(self, node: ast.AST) -> None: ...
        def visit_all(self, nodes: Iterable[ast.AST | None]) -> None: ...
        def read(self, name: str, line: int) -> None: ...
        def bind(self, name: str, roots: Roots = NOTHING) -> None: ...
        def change(self, roots: Roots, path: tuple[str, ...], line: int) -> None: ...
        def outside(self, node: ast.AST) -> bool: ...
        def shared(self, path: tuple[str, ...]) -> Roots: ...

    def visit_call(self, node: ast.Call) -> None:
        """Note the call; its parts are visited in the order in which they are evaluated."""
        func = node.func
        if isinstance(func, ast.Name) and find(func.id, self.scope) is None and self._special(func.id, node):
            return
        if isinstance(func, ast.Attribute) and _is_shell(func.value):
            self.read("get_ipython", node.lineno)
            magics.read_shell_call(self, func.attr, node)
            return
        self.visit(func)
        self.visit_all(node.args)
        for keyword in node.keywords:
            self.visit(keyword.value)
        self._note(node)
        files.note(self.out, node)

    def _special(self, name: str, node: ast.Call) -> bool:
        """Deal with `eval`, `exec`, `globals` and the like; say whether the call is dealt with."""
        first = node.args[0] if node.args else None
        if name in ("eval", "exec", "compile"):
            self.visit_all(node.args[1:])
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                for statement in parse_code(first.value):
                    self.visit(_moved(statement, node.lineno))
                return True
            self.visit_all(node.args[:1])
            self.whole(name, node.lineno)
            if name == "exec":
                self.out.anything = self.out.anything or node.lineno
                self.out.replaces = True
            return True
        if name in _WHOLE and not node.args and (name not in ("locals", "vars", "dir") or self._at_top()):
            self.whole(name, node.lineno)
            return True
        return False

    def whole(self, by: str, line: int) -> None:
        """Note an access to all live names."""
        self.out.everything = self.out.everything or line
        self.out.everything_by = self.out.everything_by or by

    def _at_top(self) -> bool:
        scope = self.scope
        while scope is not None:
            if scope.kind == "function":
                return False
            scope = scope.parent
        return True

    def visit_subscript(self, node: ast.Subscript) -> None:
        """Read `globals()["name"]` as the name; anything else in the order of evaluation."""
        if (name := global_item(node)) is not None and isinstance(node.ctx, ast.Load):
            if name not in self.certain:
                self.out.read(name, node.lineno, self.sure)
            return
        if _is_namespace(node.value) and not isinstance(node.ctx, ast.Load):
            self.out.anything = self.out.anything or node.lineno
            self.out.replaces = True
        self.visit(node.value)
        self.visit(node.slice)

    def visit_attribute(self, node: ast.Attribute) -> None:
        """Visit an attribute; the shell's own namespace is all names at once."""
        if node.attr in _USER_NAMESPACE and _is_shell(node.value):
            self.whole(f"get_ipython().{node.attr}", node.lineno)
            self.out.anything = self.out.anything or node.lineno
            self.out.replaces = True
        self.visit(node.value)

    def path_of(self, node: ast.AST) -> tuple[str, ...]:
        """Return a dotted name that starts with a global, a parameter (`$p`) or a module imported in the function (`=m`)."""
        path = dotted(node)
        if not path:
            return ()
        home = find(path[0], self.scope)
        if home is None:
            return path
        if (module := self.out.imports.get(path[0])) is not None:
            return (f"={module}", *path[1:])
        return (f"${path[0]}", *path[1:]) if f"${path[0]}" in home.alias.get(path[0], ()) else ()

    def _note(self, node: ast.Call) -> None:
        func = node.func
        path = self.path_of(func) if isinstance(func, ast.Name | ast.Attribute) and not _bracketed(func) else ()
        method, receiver = "", NOTHING
        if isinstance(func, ast.Attribute):
            method, receiver = func.attr, self.roots(func.value)
            if path[:1] and path[0].startswith("$"):
                receiver |= self.shared(dotted(func))
            if method in MUTATING and self.outside(func.value):
                self.remembers = True
            if method in ("query", "eval"):
                self._names_in_query(node)
        options = set()
        keywords: list[tuple[str, Roots]] = []
        for keyword in node.keywords:
            if keyword.arg in INPLACE and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                options.add("inplace")
            elif keyword.arg == "out":
                self.change(self.roots(keyword.value), (), node.lineno)
            elif keyword.arg in _SEEDS and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is None
            ):
                options.add("seeded")
            keywords.append((keyword.arg or "**", self.roots(keyword.value)))
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if all(isinstance(part, _QUIET) for value in values for part in ast.walk(value)):
            options.add("quiet")
        passed = tuple(v.id for v in values if isinstance(v, ast.Name) and find(v.id, self.scope) is None)
        args = tuple(map(self.roots, node.args))
        if any(args) and self.scope is not None:
            self.kept.update(*(a for a in args if any(root.startswith("$") for root in a)))
        if path or method or any(args) or passed:
            mine = frozenset(root for root in receiver if root not in self.certain)
            call = Call(path, method, mine, args, tuple(keywords), passed, node.lineno, frozenset(options))
            self.out.calls.append(call)

    def _names_in_query(self, node: ast.Call) -> None:
        """Read the `@name`s of `df.query("a > @limit")`."""
        for argument in node.args[:1]:
            for part in ast.walk(argument):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    for name in _AT_NAME.findall(part.value):
                        self.read(name, node.lineno)


def _bracketed(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Subscript)


def _is_shell(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _is_namespace(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMESPACES and not node.args
    )


def global_item(node: ast.AST) -> str | None:
    """Return the name in `globals()["name"]`; `None` for anything else."""
    if isinstance(node, ast.Subscript) and _is_namespace(node.value):
        key = node.slice
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    return None


def _moved(node: ast.AST, line: int) -> ast.AST:
    """Put code that stands in a string on the line of that string."""
    for part in ast.walk(node):
        if hasattr(part, "lineno"):
            part.lineno = part.end_lineno = line  # type: ignore[attr-defined]
    return node
