"""What becomes the service: the function of the `serve` cell, or the fitted estimator, and expressions that show an input."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from nbprod.notebook.analysis import Piece
from nbprod.notebook.cell import Cell
from nbprod.notebook.scope import dotted, target_names

TRANSFORMER_WORDS = (
    "Scaler",
    "Encoder",
    "PCA",
    "Imputer",
    "Vectorizer",
    "Transformer",
    "Binarizer",
    "Normalizer",
    "Selector",
    "SelectKBest",
)
_USES = frozenset({"predict", "predict_proba", "score", "decision_function", "evaluate"})


@dataclass(frozen=True)
class Serve:
    """What becomes the service: `kind` is `function` (from a `serve` cell) or `estimator` (a fitted variable).

    `samples` are expressions that show an input, the plainest first: a call of the function (its arguments are the input), or a
    variable or expression that was passed to the estimator.
    """

    name: str
    kind: str
    cell: Cell | None
    samples: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Other fitted variables that it could as well be."""


def find_serve(pieces: list[tuple[Cell, Piece]], tagged: set[str]) -> Serve | None:
    """Return what the notebook serves. `tagged` are the ids of cells tagged `serve`."""
    functions = [
        (cell, piece.node)
        for cell, piece in pieces
        if cell.id in tagged and isinstance(piece.node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lambdas = [
        (cell, name)
        for cell, piece in pieces
        if cell.id in tagged
        for name, code in piece.effects.codes.items()
        if code.kind == "function"
    ]
    if functions:
        cell, node = next(((c, f) for c, f in functions if f.name == "predict"), functions[-1])
        used = {path[0] for call in _calls(node) if len(path := dotted(call.func)) > 1 and path[-1] in _USES}
        samples = [*_calls_of(pieces, node.name), *_inputs_of(pieces, used)]
        return Serve(node.name, "function", cell, tuple(dict.fromkeys(samples)))
    if lambdas:
        cell, name = lambdas[-1]
        return Serve(name, "function", cell, tuple(dict.fromkeys(_calls_of(pieces, name))))
    return None if tagged else _estimator(pieces)


def _estimator(pieces: list[tuple[Cell, Piece]]) -> Serve | None:
    fitted: dict[str, Cell] = {}
    used: set[str] = set()
    transforms: set[str] = set()
    for cell, piece in pieces:
        for name, code in piece.effects.codes.items():
            fitted.pop(name, None)
            del code
        node = piece.node
        if isinstance(node, ast.Assign):
            names = [name for target in node.targets for name in target_names(target)]
            for name in names:
                fitted.pop(name, None)
            if isinstance(node.value, ast.Call) and dotted_method(node.value) == "fit":
                fitted.update(dict.fromkeys(names, cell))
            if isinstance(node.value, ast.Call) and any(
                word in part for part in dotted(node.value.func)[-1:] for word in TRANSFORMER_WORDS
            ):
                transforms.update(names)
        for call in piece.effects.calls:
            if len(call.path) != 2:
                continue
            name, method = call.path
            if method == "fit" and name not in piece.effects.imports:
                fitted.pop(name, None)
                fitted[name] = cell
            elif method in _USES:
                used.add(name)
            elif method in ("transform", "fit_transform"):
                transforms.add(name)
    candidates = [name for name in fitted if name in used] or [name for name in fitted if name not in transforms]
    if not candidates:
        return None
    name = candidates[-1]
    samples = tuple(dict.fromkeys(_inputs_of(pieces, {name})))
    return Serve(name, "estimator", fitted[name], samples, tuple(candidates[:-1]))


def dotted_method(node: ast.Call) -> str:
    """Return the name of the method that is called, empty for a plain function."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            yield part


def _calls_of(pieces: list[tuple[Cell, Piece]], name: str) -> list[str]:
    """Return the calls of a function at the top level of the notebook, those with plain names first."""
    found: list[ast.Call] = []
    for _, piece in pieces:
        if piece.node is None or name not in piece.effects.reads or piece.effects.codes:
            continue
        local = {
            n for part in ast.walk(piece.node) if isinstance(part, ast.comprehension) for n in target_names(part.target)
        }
        for call in _calls(piece.node):
            names = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)}
            if (
                isinstance(call.func, ast.Name)
                and call.func.id == name
                and (call.args or call.keywords)
                and not names & local
            ):
                found.append(call)
    found.sort(key=lambda call: not all(isinstance(value, ast.Name) for value in call.args))
    return [ast.unparse(call) for call in found]


def _inputs_of(pieces: list[tuple[Cell, Piece]], estimators: set[str]) -> list[str]:
    """Return what was passed to `predict`, `score` or `fit` of the estimators, in this order."""
    order = {"predict": 0, "predict_proba": 1, "score": 2, "evaluate": 2, "decision_function": 2, "fit": 3}
    found: list[tuple[int, int, str]] = []
    for at, (_, piece) in enumerate(pieces):
        if piece.node is None or not any(
            call.method in order and call.path[:1] and call.path[0] in estimators for call in piece.effects.calls
        ):
            continue
        for call in _calls(piece.node):
            method = dotted_method(call)
            if method in order and dotted(call.func)[:1] and dotted(call.func)[0] in estimators and call.args:
                value = call.args[0]
                found.append((order[method] + 10 * (not isinstance(value, ast.Name)), at, ast.unparse(value)))
    return [text for *_, text in sorted(found)]


def names_in(expression: str) -> set[str]:
    """Return the names in a sample."""
    try:
        return {part.id for part in ast.walk(ast.parse(expression, mode="eval")) if isinstance(part, ast.Name)}
    except SyntaxError:
        return set()
