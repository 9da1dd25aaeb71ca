"""The part of the walk that binds: assignments, deletions, imports."""

from __future__ import annotations

import ast

from nbprod.notebook.calls import global_item
from nbprod.notebook.effects import NOTHING, Code
from nbprod.notebook.flow import FlowReader
from nbprod.notebook.held import held_by, kind_of_value
from nbprod.notebook.scope import Scope, find, target_names


class AssignmentReader(FlowReader):
    """Visits statements that bind names."""

    def function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, owner: Scope | None = None
    ) -> Code:
        """Return what calling a function does."""
        raise NotImplementedError

    def defaults(self, args: ast.arguments) -> None:
        """Visit the defaults of parameters."""
        raise NotImplementedError

    def visit_assign(self, node: ast.Assign) -> None:
        if self.scope is None and isinstance(node.value, ast.Lambda):
            self.defaults(node.value.args)  # a definition like `def`: its body runs when it is called
        else:
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

    def visit_named(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.assign_value(node.target, node.value)
