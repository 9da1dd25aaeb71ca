"""Whether a statement assigns numbers, and whether they measure a model; told from the code alone."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nbprod.notebook.stages import SeenCall, Stages

_METRICS = frozenset(
    """accuracy_score balanced_accuracy_score f1_score fbeta_score precision_score recall_score roc_auc_score log_loss brier_score_loss
    average_precision_score cohen_kappa_score matthews_corrcoef hamming_loss hinge_loss jaccard_score zero_one_loss
    top_k_accuracy_score mean_absolute_error mean_squared_error root_mean_squared_error mean_squared_log_error median_absolute_error
    mean_absolute_percentage_error explained_variance_score max_error r2_score d2_absolute_error_score mean_pinball_loss
    mean_poisson_deviance mean_gamma_deviance ndcg_score dcg_score auc silhouette_score adjusted_rand_score
    normalized_mutual_info_score davies_bouldin_score calinski_harabasz_score""".split()
)
"""Functions of `sklearn.metrics` that give one number."""
_PER_CLASS = {"average": None, "multioutput": "raw_values"}
"""Arguments with which they give several."""
_OWN = frozenset("accuracy rmse mse mae mape rmsle r2 auc f1 precision recall logloss log_loss".split())
"""Names of functions of the notebook, and of variables, that can be nothing else."""
_KEEP = frozenset(
    {"float", "int", "round", "abs", "sqrt", "log", "log10", "exp", "mean", "median", "std", "sum", "min", "max", "len"}
)
_AGGREGATE = frozenset({"mean", "item", "median", "std", "sum", "min", "max"})


@dataclass(frozen=True)
class Scalar:
    """`measured`: a metric function, or `.score(...)`, made it."""

    measured: bool = False


def is_scalar(node: ast.stmt | None, stages: Stages, known: Collection[str]) -> Scalar | None:
    """Return what is known of the numbers that an assignment makes; None if it may assign anything else.

    `known` are names that stand for numbers.
    """
    if isinstance(node, ast.AugAssign):
        return _of(node.value, stages, known)
    if isinstance(node, ast.AnnAssign):
        return _of(node.value, stages, known) if node.value is not None else None
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0]
    if isinstance(target, ast.Name):
        found = _of(node.value, stages, known)
        if found is None and _is_metric_name(target.id) and _is_average(node.value, stages, known):
            return Scalar(measured=True)
        return found
    if isinstance(target, ast.Tuple) and all(isinstance(one, ast.Name) for one in target.elts):
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(target.elts):
            return _together([_of(value, stages, known) for value in node.value.elts])
        calls = _call(node.value, stages)
        return Scalar(measured=True) if calls is not None and calls.method == "evaluate" else None
    return None


def _of(node: ast.expr, stages: Stages, known: Collection[str]) -> Scalar | None:
    if isinstance(node, ast.Constant):
        return Scalar() if isinstance(node.value, int | float) else None
    if isinstance(node, ast.Name):
        return Scalar() if node.id in known else None
    if isinstance(node, ast.UnaryOp):
        return _of(node.operand, stages, known)
    if isinstance(node, ast.BinOp):
        return _together([_of(node.left, stages, known), _of(node.right, stages, known)])
    if isinstance(node, ast.Subscript):
        call = _call(node.value, stages)
        return Scalar(measured=True) if call is not None and call.method == "evaluate" else None
    call = _call(node, stages)
    return _of_call(call, stages, known) if call is not None else None


def _of_call(call: SeenCall, stages: Stages, known: Collection[str]) -> Scalar | None:
    node = call.node
    name = call.name.rpartition(".")[2]
    if call.method == "score":
        return Scalar(measured=True)
    if call.name.startswith(("sklearn.metrics.", "torchmetrics.")):
        several = any(_PER_CLASS.get(k.arg or "", _PER_CLASS) == _constant(k.value) for k in node.keywords)
        return Scalar(measured=True) if name in _METRICS and not several else None
    if call.name and "." not in call.name:
        if name in _OWN:
            return Scalar(measured=True)
        if (function := stages.functions.get(name)) is not None:
            return _of_function(function, stages)
    if name in _KEEP and len(node.args) >= 1:
        inner = _of(node.args[0], stages, known)
        if inner is not None:
            return inner
        if name in ("mean", "median", "std", "sum") and not node.keywords and len(node.args) == 1:
            scores = _call(node.args[0], stages)
            return Scalar(measured=True) if scores is not None and scores.name.endswith("cross_val_score") else None
        return Scalar() if name == "len" else None
    if call.method in _AGGREGATE and isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        scores = _call(node.func.value, stages)
        if scores is not None and scores.name.endswith("cross_val_score"):
            return Scalar(measured=True)
        return _of(node.func.value, stages, known)
    return None


def _of_function(function: ast.FunctionDef, stages: Stages) -> Scalar | None:
    """Return what is known of what a function of the notebook returns; what it calls in turn is not looked into."""
    parts = list(_own_nodes(function))
    returned = [part.value for part in parts if isinstance(part, ast.Return)]
    if not returned or any(isinstance(part, ast.Yield | ast.YieldFrom) for part in parts):
        return None
    own: dict[str, list[ast.expr]] = {}
    for part in parts:
        if isinstance(part, ast.Assign) and len(part.targets) == 1 and isinstance(part.targets[0], ast.Name):
            own.setdefault(part.targets[0].id, []).append(part.value)
    found: list[Scalar | None] = []
    for value in returned:
        values = own.get(value.id, [value]) if isinstance(value, ast.Name) else [value]
        found += [_of(one, stages, ()) if one is not None and not _calls_own(one, stages) else None for one in values]
    return _together(found)


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what a function's body holds, functions inside it left out."""
    todo: list[ast.AST] = [*function.body]
    while todo:
        part = todo.pop()
        yield part
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(part)


def _calls_own(node: ast.expr, stages: Stages) -> bool:
    return any(call.name in stages.functions for call in stages.calls(node))


def _call(node: ast.expr, stages: Stages) -> SeenCall | None:
    if not isinstance(node, ast.Call):
        return None
    return next((call for call in stages.calls(node) if call.node is node), None)


def _is_average(node: ast.expr, stages: Stages, known: Collection[str]) -> bool:
    """Say whether this is the mean of something: `(predicted == y).mean()`, `np.sqrt(np.mean((predicted - y) ** 2)) * 100`."""
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        averages = [_is_average(side, stages, known) for side in sides]
        numbers = [_of(side, stages, known) is not None for side in sides]
        return any(averages) and all(a or n for a, n in zip(averages, numbers, strict=True))
    if isinstance(node, ast.UnaryOp):
        return _is_average(node.operand, stages, known)
    call = _call(node, stages)
    if call is None:
        return False
    name = call.name.rpartition(".")[2]
    if name in ("sqrt", "float", "round", "abs") and call.node.args:
        return _is_average(call.node.args[0], stages, known)
    if call.method == "mean":
        return not call.node.args and not call.node.keywords
    return call.name == "numpy.mean" and len(call.node.args) == 1 and not call.node.keywords


def _is_metric_name(name: str) -> bool:
    words = name.lower().split("_")
    return any(word in _OWN or word in ("acc", "score", "error", "loss") for word in words)


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else node


def _together(parts: list[Scalar | None]) -> Scalar | None:
    if any(part is None for part in parts):
        return None
    return Scalar(any(part.measured for part in parts if part is not None))
