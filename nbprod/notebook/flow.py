"""The part of the walk that follows control: branches, loops, exceptions, what is certain after them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

from nbprod.notebook.binding import Binder
from nbprod.notebook.effects import Sure
from nbprod.notebook.scope import dotted, find, target_names

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FILTERS = (("simplefilter",), ("filterwarnings",), ("resetwarnings",))


class FlowReader(Binder):
    """Visits statements that choose between ways."""

    def keep_kind(self, name: str, value: ast.expr) -> None:
        """Note what is remarkable about a value that is assigned."""
        raise NotImplementedError

    def block(self, body: list[ast.stmt]) -> bool:
        """Visit statements; say whether control never comes out at their end."""
        ended = False
        for node in body:
            self.visit(node)
            ended = ended or isinstance(node, _ENDS) or _exits(node)
        return ended

    def branches(self, bodies: list[Callable[[], bool]]) -> None:
        """Visit ways that exclude each other; what all that come out at the end assign is certain."""
        before = set(self.certain)
        sure, self.sure = self.sure, min(self.sure, Sure.MAYBE)
        self.depth += 1
        ends: list[set[str]] = []
        for body in bodies:
            self.certain = set(before)
            if not body():
                ends.append(self.certain)
        self.depth -= 1
        self.sure = sure
        self.certain = set.intersection(*ends) if ends else before

    def visit_if(self, node: ast.If) -> None:
        self.visit(node.test)
        self.branches([lambda: self.block(node.body), lambda: self.block(node.orelse)])

    def visit_match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        roots = self.roots(node.subject)

        def way(case: ast.match_case) -> bool:
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                    self.bind(part.name, roots)
                elif isinstance(part, ast.MatchMapping) and part.rest:
                    self.bind(part.rest)
                elif isinstance(part, ast.MatchValue | ast.MatchClass):
                    self.visit(part.value if isinstance(part, ast.MatchValue) else part.cls)
            if case.guard:
                self.visit(case.guard)
            return self.block(case.body)

        ways: list[Callable[[], bool]] = [partial(way, case) for case in node.cases]
        last = node.cases[-1]
        if not (isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None):
            ways.append(lambda: False)
        self.branches(ways)

    def visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        roots = self.roots(node.iter)
        surely = _surely_loops(node.iter)

        def loop() -> bool:
            self.assign(node.target, roots)
            self.block(node.body)
            return False

        if surely and not _leaves_early(node.body):
            loop()
        else:
            if surely:
                self.assign(node.target, roots)
            self.branches([loop, lambda: False])
        self.branches([lambda: self.block(node.orelse), lambda: False])

    def visit_while(self, node: ast.While) -> None:
        self.visit(node.test)
        self.branches([lambda: self.block(node.body) and False, lambda: False])
        self.branches([lambda: self.block(node.orelse), lambda: False])

    def visit_try(self, node: ast.Try) -> None:
        before = set(self.certain)
        sure = self.sure
        guarded = any(_catches_name_error(handler) for handler in node.handlers)

        def body() -> bool:
            if guarded:
                self.sure = Sure.GUARDED
            elif not node.handlers:
                self.sure = sure
            ended = self.block(node.body)
            self.sure = min(sure, Sure.MAYBE)
            return self.block(node.orelse) or ended

        def handle(handler: ast.ExceptHandler) -> bool:
            if handler.type:
                self.visit(handler.type)
            if handler.name:
                self.bind(handler.name)
            ended = self.block(handler.body)
            if handler.name and find(handler.name, self.scope) is None:
                self.certain.discard(handler.name)
                self.bound.discard(handler.name)
                self.out.may_delete.add(handler.name)
            return ended

        self.branches([body, *(lambda handler=handler: handle(handler) for handler in node.handlers)])
        if node.finalbody:
            after, self.certain = self.certain, before
            self.block(node.finalbody)
            self.certain |= after

    def visit_with(self, node: ast.With | ast.AsyncWith) -> None:
        swallows = quiet = False
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars:
                self.assign(item.optional_vars)
                for name in target_names(item.optional_vars):
                    self.keep_kind(name, item.context_expr)
            swallows = swallows or _names(item.context_expr, "suppress", "raises")
            quiet = quiet or _names(item.context_expr, "catch_warnings")
        before = len(self.out.calls)
        if swallows:
            self.branches([lambda: self.guarded(node.body), lambda: False])
        else:
            self.block(node.body)
        if quiet:  # the filters are put back at its end
            self.out.calls[before:] = [call for call in self.out.calls[before:] if call.path[-1:] not in _FILTERS]

    def guarded(self, body: list[ast.stmt]) -> bool:
        self.sure = Sure.GUARDED
        return self.block(body)

    def visit_choice(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self.branches([lambda: bool(self.visit(node.body)), lambda: bool(self.visit(node.orelse))])  # type: ignore[func-returns-value]

    def visit_bool(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self.branches([lambda: bool(self.visit_all(node.values[1:])), lambda: False])  # type: ignore[func-returns-value]


def _exits(node: ast.stmt) -> bool:
    """Say whether a statement is `sys.exit()` or the like."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and dotted(call.func)[-1:] in {("exit",), ("quit",), ("_exit",)}


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or dotted(kind)[-1:] in {("NameError",), ("Exception",), ("BaseException",)} for kind in kinds
    )


def _leaves_early(body: list[ast.stmt]) -> bool:
    """Say whether a pass through the body of a loop may end before its end."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Break | ast.Continue):
            return True
        if not isinstance(
            node,
            ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.While | ast.AsyncFor,
        ):
            todo.extend(ast.iter_child_nodes(node))
    return False


def _surely_loops(node: ast.expr) -> bool:
    """Say whether a loop over `node` runs at least once."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return any(not isinstance(element, ast.Starred) for element in node.elts)
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id == "enumerate" and node.args:
            return _surely_loops(node.args[0])
        if node.func.id == "range":
            try:
                return len(range(*(ast.literal_eval(argument) for argument in node.args))) > 0
            except (ValueError, TypeError, SyntaxError):
                return False
    return False


def _names(node: ast.expr, *names: str) -> bool:
    found = {
        part.id if isinstance(part, ast.Name) else part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }
    return not found.isdisjoint(names)
