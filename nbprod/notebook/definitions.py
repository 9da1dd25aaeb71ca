"""Which statements are definitions: source that can be carried into a task instead of a value."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import StrEnum

from nbprod.notebook.effects import Effects
from nbprod.notebook.scope import dotted, target_names


class Nature(StrEnum):
    """What a top-level statement is, by its form."""

    IMPORT = "import"
    STAR = "star"
    DEFINITION = "definition"
    CONSTANT = "constant"
    SETUP = "setup"
    NOTHING = "nothing"
    CODE = "code"


_FACTORIES = frozenset(
    {
        "namedtuple",
        "NamedTuple",
        "TypeVar",
        "NewType",
        "TypedDict",
        "ParamSpec",
        "TypeVarTuple",
        "make_dataclass",
        "Enum",
        "IntEnum",
        "StrEnum",
    }
)
_SAFE = frozenset(
    """len dict list tuple set frozenset range int float str bool bytes field Field namedtuple TypeVar NewType Path PurePath property
    partial auto timedelta Decimal Fraction min max sorted sum round abs object type zip getLogger dtype array zeros ones arange
    device compile staticmethod classmethod cast super Column ForeignKey relationship Factory attrib ib""".split()
)
_FICKLE = frozenset(
    """uuid1 uuid4 time time_ns now utcnow today perf_counter monotonic getpid random rand randn randint choice shuffle sample urandom
    token_hex token_urlsafe token_bytes input getcwd open get getenv""".split()
)
_SETUP_CALL = (
    "set_",
    "enable",
    "disable",
    "register",
    "use",
    "init_",
    "configure",
    "basicConfig",
    "filterwarnings",
    "simplefilter",
)
_SETUP_EXACT = frozenset(
    "set use theme setup rc pandas setLevel basicConfig rcdefaults resetwarnings reset_option seed manual_seed chdir putenv seterr".split()
)


@dataclass(slots=True)
class Form:
    """The form of a statement. `simple`: evaluating it again elsewhere surely gives the same."""

    nature: Nature
    simple: bool = True
    quiet: bool = False
    """A call or store whose arguments are literals and names: it can be repeated where its names are the same."""


def form_of(node: ast.stmt, effects: Effects) -> Form:
    """Say what a top-level statement is."""
    if isinstance(node, ast.Import):
        return Form(Nature.IMPORT)
    if isinstance(node, ast.ImportFrom):
        return Form(Nature.STAR if effects.star else Nature.IMPORT)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return Form(Nature.DEFINITION, all(map(_safe, [*node.args.defaults, *node.args.kw_defaults])))
    if isinstance(node, ast.ClassDef):
        body = [s for s in node.body if not isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
        safe = all(map(_safe, [*body, *node.bases])) and not effects.everything
        return Form(Nature.DEFINITION, safe)
    if isinstance(node, ast.Expr):
        return _form_of_expression(node.value, effects)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return _form_of_assignment(node)
    if isinstance(node, ast.If | ast.Try | ast.TryStar):
        return _form_of_block(node, effects)
    if isinstance(node, ast.Pass):
        return Form(Nature.NOTHING)
    if type(node).__name__ == "TypeAlias":
        return Form(Nature.DEFINITION)
    return Form(Nature.CODE)


def is_literal(node: ast.AST | None) -> bool:
    """Say whether an expression is a literal, containers and negative numbers included."""
    if isinstance(node, ast.Constant):
        return True
    try:
        ast.literal_eval(node)  # type: ignore[arg-type]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _form_of_expression(value: ast.expr, effects: Effects) -> Form:
    if isinstance(value, ast.Constant):
        return Form(Nature.NOTHING)
    if effects.setup:
        return Form(Nature.SETUP if not effects.star else Nature.STAR)
    if isinstance(value, ast.Call):
        quiet = _quiet(value)
        if effects.hidden_writes:
            return Form(Nature.CODE, quiet=quiet)
        name = dotted(value.func)[-1:] or ("",)
        if quiet and _is_setup(name[0]):
            return Form(Nature.SETUP, quiet=True)
        return Form(Nature.CODE, quiet=quiet)
    return Form(Nature.CODE)


def _is_setup(name: str) -> bool:
    return name in _SETUP_EXACT or name.startswith(_SETUP_CALL) or "seed" in name


def _form_of_assignment(node: ast.Assign | ast.AnnAssign) -> Form:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if all(isinstance(target, ast.Name) for target in targets):
        if isinstance(node.value, ast.Lambda):
            args = node.value.args
            return Form(Nature.DEFINITION, all(map(_safe, [*args.defaults, *args.kw_defaults])))
        if isinstance(node.value, ast.Call) and len(targets) == 1:
            callee = dotted(node.value.func)[-1:]
            literal = all(is_literal(part) for part in [*node.value.args, *(k.value for k in node.value.keywords)])
            if callee and callee[0] in _FACTORIES and literal:
                return Form(Nature.DEFINITION)
        if node.value is None or is_literal(node.value):
            return Form(Nature.CONSTANT)
        return Form(Nature.CODE)
    if any(list(target_names(target)) for target in targets):
        return Form(Nature.CODE)
    if all(map(_is_context, targets)) and is_literal(node.value):
        return Form(Nature.SETUP, quiet=True)
    return Form(Nature.CODE, quiet=_quiet(node.value))


def _is_context(target: ast.expr) -> bool:
    """Say whether it is an attribute of a context that holds from here on: `decimal.getcontext().prec`."""
    call = target.value if isinstance(target, ast.Attribute) else None
    return isinstance(call, ast.Call) and not call.args and dotted(call.func)[-1:] == ("getcontext",)


def _form_of_block(node: ast.If | ast.Try | ast.TryStar, effects: Effects) -> Form:
    """A block made only of definitions is one; `try: import a / except ImportError: a = None` too."""
    if isinstance(node, ast.If):
        bodies = [node.body, node.orelse]
        tests: list[ast.AST] = [node.test]
    else:
        bodies = [node.body, node.orelse, node.finalbody, *(handler.body for handler in node.handlers)]
        tests = []
    forms = [form_of(statement, effects) for body in bodies for statement in body]
    natures = {form.nature for form in forms}
    if natures <= {Nature.IMPORT, Nature.DEFINITION, Nature.CONSTANT, Nature.NOTHING} and natures & {
        Nature.IMPORT,
        Nature.DEFINITION,
    }:
        if all(_safe(test) for test in tests):
            return Form(Nature.DEFINITION, all(form.simple for form in forms))
    return Form(Nature.CODE)


def _safe(node: ast.AST | None) -> bool:
    """Say whether evaluating an expression again is cheap and gives the same."""
    if node is None:
        return True
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            callee = dotted(part.func)[-1:]
            if (
                not callee
                or callee[0] in _FICKLE
                or not (callee[0] in _SAFE or callee[0][:1].isupper() or callee[0].startswith("mapped"))
            ):
                return False
        elif isinstance(part, ast.Await | ast.Yield | ast.NamedExpr):
            return False
    return True


def _quiet(node: ast.expr | None) -> bool:
    if node is None:
        return False
    parts = [*node.args, *(k.value for k in node.keywords)] if isinstance(node, ast.Call) else [node]
    return not any(isinstance(inner, _LOUD) for part in parts for inner in ast.walk(part))


_LOUD = (ast.Call, ast.Await, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.NamedExpr, ast.Lambda)
