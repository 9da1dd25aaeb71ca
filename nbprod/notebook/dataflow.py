"""What a statement does to the notebook's global names: a walk over its syntax tree in evaluation order.

Only what the text says is decided here. What depends on the rest of the notebook (what a name is bound to when it is called) is
written down as `Call` and `Store` and decided in `timeline`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from nbprod.notebook.calls import CallReader, global_item
from nbprod.notebook.effects import NOTHING, Call, Code, Effects, Roots, Store, Sure
from nbprod.notebook.held import held_by, kind_of_value
from nbprod.notebook.scope import Scope, arguments_of, bound_names, dotted, find, target_names

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def effects_of(node: ast.stmt) -> Effects:
    """Return what executing a top-level statement does."""
    scanner = Scanner()
    scanner.visit(node)
    return scanner.finish()


class Scanner(CallReader):
    """One walk, over one statement or over the body of one function."""

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
        method = _VISITORS.get(kind)
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

    # Names

    def read(self, name: str, line: int) -> None:
        if find(name, self.scope) is None and name not in self.certain:
            self.out.read(name, line, self.sure)

    def bind(self, name: str, roots: Roots = NOTHING) -> None:
        scope = self.scope
        while scope is not None and scope.kind == "comprehension":  # only a walrus binds there, and it binds further out
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

    def store(self, target: ast.AST) -> None:
        path, roots = dotted(target), self.roots(target)
        self.remembers = self.remembers or self.outside(target)
        if path and (home := find(path[0], self.scope)) is not None:
            if path[0] not in home.alias or len(path) == 1 + isinstance(target, ast.Attribute):
                path = ()
            elif roots & {f"${path[0]}"}:
                roots |= self.shared(path)
        self.change(roots, path if path and find(path[0], self.scope) is None else (), getattr(target, "lineno", 0))

    def outside(self, node: ast.AST) -> bool:
        """Say whether an expression starts with a variable of an enclosing call."""
        path = dotted(node)
        home = find(path[0], self.scope) if path else None
        scope = self.scope
        while scope is not None and scope.kind == "comprehension":
            scope = scope.parent
        return home is not None and home.kind == "function" and home is not scope and scope is not None

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

    # Statements

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

        ways = [lambda case=case: way(case) for case in node.cases]
        last = node.cases[-1]
        if not (isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None):
            ways.append(lambda: False)
        self.branches(ways)

    def visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        roots = self.roots(node.iter)

        def loop() -> bool:
            self.assign(node.target, roots)
            self.block(node.body)
            return False

        if _surely_loops(node.iter):
            loop()
        else:
            self.branches([loop, lambda: False])
        self.branches([lambda: self.block(node.orelse), lambda: False])

    def visit_while(self, node: ast.While) -> None:
        self.visit(node.test)
        forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
        ways: list[Callable[[], bool]] = [lambda: self.block(node.body) and False]
        self.branches(ways if forever else [*ways, lambda: False])
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

    def visit_assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        names = [name for target in node.targets if isinstance(target, ast.Name) for name in target_names(target)]
        for target in node.targets:
            if (
                isinstance(node.value, ast.Tuple | ast.List)
                and isinstance(target, ast.Tuple | ast.List)
                and len(target.elts) == len(node.value.elts)
                and not any(isinstance(one, ast.Starred) for one in target.elts)
            ):
                for one, value in zip(target.elts, node.value.elts, strict=True):
                    self.assign_value(one, value)
            else:
                self.assign_value(target, node.value)
        if len(names) > 1:  # a = b = []: every later name may be the first's object
            for name in names[1:]:
                if find(name, self.scope) is None:
                    self.out.alias[name] = self.out.alias.get(name, NOTHING) | {names[0]}
                    self.module_alias[name] = self.module_alias.get(name, NOTHING) | {names[0]}

    def visit_annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        if self.scope is None or self.scope.kind == "class":
            self.softly(node.annotation)
        if node.value is not None:
            self.assign_value(node.target, node.value)

    def assign_value(self, target: ast.AST, value: ast.expr) -> None:
        roots = self.aliases(value)
        self.assign(target, roots)
        if isinstance(target, ast.Attribute | ast.Subscript):
            self.kept.update(roots)
        if self.scope is None:
            for name in target_names(target):
                self.keep_kind(name, value)
                held = held_by(value)
                if held is not None:
                    self.out.held[name] = held
                if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                    self.out.made_by[name] = value.func.id
                if isinstance(value, ast.Lambda) and isinstance(target, ast.Name):
                    self.out.codes[name] = self.function(value, name)

    def keep_kind(self, name: str, value: ast.expr) -> None:
        kind = kind_of_value(value)
        if kind and find(name, self.scope) is None:
            self.out.kinds[name] = kind

    def visit_augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            self.read(target.id, target.lineno)
            self.visit(node.value)
            home = find(target.id, self.scope)
            if home is None:
                if target.id not in self.certain:
                    self.out.augments.setdefault(target.id, target.lineno)
                self.change(self.module_alias.get(target.id, NOTHING), (), target.lineno)
            else:
                self.change(home.alias.get(target.id, NOTHING), (), target.lineno)
                if home is not self.scope:
                    self.remembers = True
            return
        self.visit(target)
        self.visit(node.value)
        self.store(target)

    def visit_delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for one in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                if isinstance(one, ast.Name):
                    self.unbind(one.id, one.lineno)
                elif (name := global_item(one)) is not None:
                    scope, self.scope = self.scope, None
                    self.unbind(name, one.lineno)
                    self.scope = scope
                else:
                    self.visit(one)
                    self.store(one)

    def visit_import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            self.out.modules.add(alias.name)
            self.bind(name)
            self.out.imports.setdefault(name, alias.name if alias.asname else name)

    def visit_import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.out.modules.add(module)
        for alias in node.names:
            if alias.name == "*":
                self.out.star.add(module)
                continue
            name = alias.asname or alias.name
            self.bind(name)
            self.out.imports.setdefault(name, f"{module}.{alias.name}")

    # Expressions with an order or a scope of their own

    def visit_name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read(node.id, node.lineno)

    def visit_named(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.assign_value(node.target, node.value)

    def visit_choice(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self.branches([lambda: bool(self.visit(node.body)), lambda: bool(self.visit(node.orelse))])  # type: ignore[func-returns-value]

    def visit_bool(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self.branches([lambda: bool(self.visit_all(node.values[1:])), lambda: False])  # type: ignore[func-returns-value]

    def visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # evaluated outside
        scope = Scope("comprehension", set(), self.scope)
        for generator in node.generators:
            for name in target_names(generator.target):
                scope.names.add(name)
                scope.alias[name] = self.roots(generator.iter)
        outside, self.scope = self.scope, scope
        self.visit_all(first.ifs)
        for generator in others:
            self.visit(generator.iter)
            self.visit_all(generator.ifs)
        self.visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.scope = outside

    def visit_return(self, node: ast.Return | ast.Yield | ast.YieldFrom) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.kept.update(self.aliases(node.value))
        self.yields = self.yields or not isinstance(node, ast.Return)

    def softly(self, node: ast.AST | None) -> None:
        """Visit what may not be evaluated (annotations under `from __future__ import annotations`)."""
        if node is not None:
            sure, self.sure = self.sure, Sure.GUARDED
            self.visit(node)
            self.sure = sure

    # Definitions

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
                self.out.calls.append(Call(path, path[-1] if len(path) > 1 else "", NOTHING, (), (), (), decorator.lineno))

    def visit_lambda(self, node: ast.Lambda) -> None:
        self.defaults(node.args)
        self.take(self.function(node, "<lambda>"))

    def defaults(self, args: ast.arguments) -> None:
        self.visit_all(args.defaults)
        self.visit_all(args.kw_defaults)

    def visit_class(self, node: ast.ClassDef) -> None:
        self.decorate(node.decorator_list)
        self.visit_all(node.bases)
        self.visit_all(keyword.value for keyword in node.keywords)
        scope = Scope("class", set(), self.scope, owner=node.name)
        scope.shared = frozenset(_changeable_attributes(node))
        code = Code(node.name, "class", node.lineno)
        outside, self.scope = self.scope, scope
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

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, owner: Scope | None = None) -> Code:
        params = arguments_of(node.args)
        body: list[Any] = [node.body] if isinstance(node, ast.Lambda) else node.body
        names, declared = bound_names(body)
        scope = Scope("function", names | set(params), self.scope, declared)
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


_FILTERS = (("simplefilter",), ("filterwarnings",), ("resetwarnings",))


def _names(node: ast.expr, *names: str) -> bool:
    found = {part.id if isinstance(part, ast.Name) else part.attr for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)}
    return not found.isdisjoint(names)


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _changeable(node: ast.expr | None) -> bool:
    return isinstance(node, ast.List | ast.Dict | ast.Set | ast.Call | ast.ListComp | ast.DictComp | ast.SetComp)


def _changeable_defaults(args: ast.arguments) -> frozenset[str]:
    positional = [*args.posonlyargs, *args.args]
    pairs = [*zip(reversed(positional), reversed(args.defaults), strict=False), *zip(args.kwonlyargs, args.kw_defaults, strict=True)]
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


def _exits(node: ast.stmt) -> bool:
    """Say whether a statement is `sys.exit()` or the like."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and dotted(call.func)[-1:] in {("exit",), ("quit",), ("_exit",)}


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind)[-1:] in {("NameError",), ("Exception",), ("BaseException",)} for kind in kinds)


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


_NO_CHILDREN = frozenset({"ctx", "op", "ops", "kind", "type_comment", "attr", "id", "arg", "name", "names", "conversion"})
_CHILDREN: dict[type, tuple[str, ...]] = {}
_VISITORS: dict[type, Any] = {
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
    ast.Constant: lambda scanner, node: None,
}
