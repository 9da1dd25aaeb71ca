"""What a statement does to the notebook's global names: a walk over its syntax tree in evaluation order.

Only what the text says is decided here. What depends on the rest of the notebook (what a name is bound to when it is called) is
written down as `Call` and `Store` and decided in `timeline`.
"""

from __future__ import annotations

import ast
from typing import Any

from nbprod.notebook.assignments import AssignmentReader
from nbprod.notebook.effects import NOTHING, Call, Code, Effects, Sure
from nbprod.notebook.scope import Scope, arguments_of, bound_names, dotted, find, target_names

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def effects_of(node: ast.stmt) -> Effects:
    """Return what executing a top-level statement does."""
    scanner = Scanner()
    scanner.visit(node)
    return scanner.finish()


class Scanner(AssignmentReader):
    """One walk, over one statement or over the body of one function: what has a scope of its own."""

    def visit_name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read(node.id, node.lineno)

    def visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # evaluated outside
        scope = Scope("comprehension", set(), self.scope)
        for generator in node.generators:
            for name in target_names(generator.target):
                scope.names.add(name)
                scope.alias[name] = self.roots(generator.iter)
        outside, self.scope = self.scope, scope

        def inside() -> bool:
            self.visit_all(first.ifs)
            for generator in others:
                self.visit(generator.iter)
                self.visit_all(generator.ifs)
            self.visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
            return False

        if any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
            self.branches([inside, lambda: False])  # what it binds further out it may not bind at all
        else:
            inside()
        self.scope = outside

    def visit_return(self, node: ast.Return | ast.Yield | ast.YieldFrom) -> None:
        if node.value is not None:
            self.visit(node.value)
            if not isinstance(node.value, ast.Call):
                self.kept.update(self.aliases(node.value))
        self.yields = self.yields or not isinstance(node, ast.Return)

    def visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.decorate(node.decorator_list)
        self.defaults(node.args)
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                self.softly(argument.annotation)
        self.softly(node.returns)
        code = self.function(node, node.name)
        self.bind(node.name)
        self.place(node.name, code)

    def decorate(self, decorators: list[ast.expr]) -> None:
        """Visit decorators; each is called."""
        self.visit_all(decorators)
        for decorator in decorators:
            if not isinstance(decorator, ast.Call) and (path := self.path_of(decorator)):
                self.out.calls.append(
                    Call(path, path[-1] if len(path) > 1 else "", NOTHING, (), (), (), decorator.lineno)
                )

    def visit_lambda(self, node: ast.Lambda) -> None:
        self.defaults(node.args)
        self.take(self.function(node, "<lambda>"))

    def defaults(self, args: ast.arguments) -> None:
        self.visit_all(args.defaults)
        self.visit_all(args.kw_defaults)

    def visit_class(self, node: ast.ClassDef) -> None:
        self.decorate(node.decorator_list)
        outside = self.scope
        self.scope = self.type_scope(node)
        scope = Scope("class", set(), self.scope, owner=node.name)
        scope.shared = frozenset(_changeable_attributes(node))
        code = Code(node.name, "class", node.lineno)
        self.visit_all(node.bases)
        self.visit_all(keyword.value for keyword in node.keywords)
        self.scope = scope
        for statement in node.body:
            if isinstance(statement, _FUNCTIONS):
                self.decorate(statement.decorator_list)
                self.defaults(statement.args)
                method = self.function(statement, statement.name, owner=scope)
                code.methods[statement.name] = method
                merge(code.effects, method.effects)
                scope.names.add(statement.name)
            else:
                self.visit(statement)
        self.scope = outside
        self.bind(node.name)
        self.place(node.name, code)

    def type_scope(self, node: ast.AST) -> Scope | None:
        """Return the scope of `class A[T]`, `def f[T]` and `type A[T]` (Python 3.12), where T is; else the scope here."""
        names = {param.name for param in getattr(node, "type_params", ())}
        return Scope("function", names, self.scope) if names else self.scope

    def visit_type_alias(self, node: Any) -> None:
        """`type A[T] = ...`: the value is evaluated when it is asked for."""
        outside = self.scope
        self.scope = self.type_scope(node)
        self.softly(node.value)
        self.scope = outside
        self.assign(node.name)

    def place(self, name: str, code: Code) -> None:
        """Keep a definition for whoever calls it; inside a function it is taken to be called there."""
        if find(name, self.scope) is None:
            self.out.codes[name] = code
        else:
            self.take(code)

    def take(self, code: Code) -> None:
        """Take the effects of code that is defined here as if it were called here, perhaps."""
        merge(self.out, code.effects, skip=self.certain)
        self.hands_memory = self.hands_memory or code.remembers or code.hands_memory

    def function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, owner: Scope | None = None
    ) -> Code:
        params = arguments_of(node.args)
        body: list[Any] = [node.body] if isinstance(node, ast.Lambda) else node.body
        names, declared = bound_names(body)
        scope = Scope("function", names | set(params), self.type_scope(node), declared)
        scope.alias = {param: frozenset({f"${param}"}) for param in params}
        decorators = [] if isinstance(node, ast.Lambda) else [dotted(_called(d))[-1:] for d in node.decorator_list]
        if owner is not None:
            scope.owner, scope.shared = owner.owner, owner.shared
            if ("classmethod",) in decorators and params and owner.owner:
                scope.alias[params[0]] = frozenset({owner.owner})
        inner = Scanner(scope, dict(self.module_alias))
        inner.sure = Sure.MAYBE
        inner.block(body) if not isinstance(node, ast.Lambda) else inner.visit(node.body)
        if isinstance(node, ast.Lambda):
            inner.kept.update(inner.aliases(node.body))
        return Code(
            name,
            "function",
            node.lineno,
            inner.finish(),
            tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)),
            node.args.vararg.arg if node.args.vararg else None,
            bound=owner is not None and ("staticmethod",) not in decorators,
            defaults=_changeable_defaults(node.args),
            kept=frozenset(inner.kept),
            hands_memory=inner.hands_memory,
            remembers=inner.remembers or any(d and d[0] in self.caches for d in decorators),
            yields=inner.yields,
        )


def merge(into: Effects, other: Effects, skip: set[str] | None = None) -> None:
    """Add what calling something may do."""
    skip = skip or set()
    for name, (line, sure) in other.reads.items():
        if name not in skip:
            into.read(name, line, min(sure, Sure.MAYBE))
    into.may_define |= other.defines | other.may_define
    into.may_delete |= other.deletes | other.may_delete
    for name, line in other.augments.items():
        into.augments.setdefault(name, line)
    into.stores += other.stores
    into.calls += other.calls
    for name, module in other.imports.items():
        into.imports.setdefault(name, module)
    into.modules |= other.modules
    into.files_read |= other.files_read
    into.files_written |= other.files_written
    into.hidden_writes |= other.hidden_writes
    into.words |= other.words
    into.everything = into.everything or other.everything
    into.everything_by = into.everything_by or other.everything_by
    into.anything = into.anything or other.anything
    into.replaces = into.replaces or other.replaces
    into.history.update(other.history)


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _changeable(node: ast.expr | None) -> bool:
    return isinstance(node, ast.List | ast.Dict | ast.Set | ast.Call | ast.ListComp | ast.DictComp | ast.SetComp)


def _changeable_defaults(args: ast.arguments) -> frozenset[str]:
    positional = [*args.posonlyargs, *args.args]
    pairs = [
        *zip(reversed(positional), reversed(args.defaults), strict=False),
        *zip(args.kwonlyargs, args.kw_defaults, strict=True),
    ]
    return frozenset(arg.arg for arg, default in pairs if _changeable(default))


def _changeable_attributes(node: ast.ClassDef) -> set[str]:
    """Return the attributes of a class that hold an object that can change, and that no method sets on `self`."""
    held = {
        name
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign) and _changeable(statement.value)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        for name in target_names(target)
    }
    if held:
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and dotted(part)[:1] == ("self",):
                held.discard(part.attr)
    return held


Scanner.visitors.update(
    {
        ast.Name: Scanner.visit_name,
        ast.Call: Scanner.visit_call,
        ast.Subscript: Scanner.visit_subscript,
        ast.Attribute: Scanner.visit_attribute,
        ast.Assign: Scanner.visit_assign,
        ast.AnnAssign: Scanner.visit_annotated,
        ast.AugAssign: Scanner.visit_augmented,
        ast.NamedExpr: Scanner.visit_named,
        ast.Delete: Scanner.visit_delete,
        ast.Import: Scanner.visit_import,
        ast.ImportFrom: Scanner.visit_import_from,
        ast.If: Scanner.visit_if,
        ast.For: Scanner.visit_for,
        ast.AsyncFor: Scanner.visit_for,
        ast.While: Scanner.visit_while,
        ast.Try: Scanner.visit_try,
        ast.TryStar: Scanner.visit_try,
        ast.With: Scanner.visit_with,
        ast.AsyncWith: Scanner.visit_with,
        ast.Match: Scanner.visit_match,
        ast.FunctionDef: Scanner.visit_function,
        ast.AsyncFunctionDef: Scanner.visit_function,
        ast.ClassDef: Scanner.visit_class,
        ast.Lambda: Scanner.visit_lambda,
        ast.IfExp: Scanner.visit_choice,
        ast.BoolOp: Scanner.visit_bool,
        ast.ListComp: Scanner.visit_comprehension,
        ast.SetComp: Scanner.visit_comprehension,
        ast.DictComp: Scanner.visit_comprehension,
        ast.GeneratorExp: Scanner.visit_comprehension,
        ast.Return: Scanner.visit_return,
        ast.Yield: Scanner.visit_return,
        ast.YieldFrom: Scanner.visit_return,
        ast.Constant: lambda _scanner, _node: None,
    }
)
if hasattr(ast, "TypeAlias"):  # Python 3.12
    Scanner.visitors[ast.TypeAlias] = Scanner.visit_type_alias
