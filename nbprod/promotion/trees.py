"""Ensembles of trees as ONNX in double precision: skl2onnx writes them in single, which a function that rounds makes another answer of.

Trees are summed in scikit-learn's order, so that raw scores are the model's own to the last bit or two.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

OPSETS = {"": 18, "ai.onnx.ml": 5}
SINGLE = ("sklearn.tree._classes", "sklearn.ensemble._forest", "sklearn.ensemble._gb")
"""Where scikit-learn has the trees that compare in single precision."""


@dataclass(frozen=True)
class Graph:
    """An ONNX model with the input `X`: its `outputs` by method, each with its name, its shape, and whether a label is the largest of it."""

    model: Any
    outputs: dict[str, dict[str, Any]]
    single: bool
    """Whether its input is to be rounded to single precision first."""


@dataclass
class _Nodes:
    """The attributes of a TreeEnsemble."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    ways: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    leaves: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, tree: Iterable[tuple[int, float, bool, int, int, float]], target: int) -> None:
        """Add a tree: for each node feature, threshold, where missing values go, children (below 0 for a leaf), and its weight."""
        nodes = list(tree)
        inner = [at for at, node in enumerate(nodes) if node[3] >= 0]
        places = {at: len(self.features) + number for number, at in enumerate(inner)}
        leaf = {}
        for at, node in enumerate(nodes):
            if at not in places:
                leaf[at] = len(self.weights)
                self.targets.append(target)
                self.weights.append(node[5])
        self.roots.append(len(self.features))
        for at in inner or [0]:
            feature, threshold, left, *children, _ = nodes[at] if inner else (0, 0.0, False, 0, 0, 0.0)
            self.features.append(feature)
            self.splits.append(threshold)
            self.missing.append(int(left))
            for way, is_leaf, child in zip(self.ways, self.leaves, children, strict=True):
                is_leaf.append(int(child in leaf))
                way.append(leaf[child] if child in leaf else places[child])

    def constant(self, value: float, target: int) -> None:
        """Add what every row gets."""
        self.add([(0, 0.0, False, -1, -1, value)], target)

    def node(self, targets: int) -> Any:
        """Return the node that sums the trees of each target."""
        import numpy as np
        from onnx import helper, numpy_helper

        return helper.make_node(
            "TreeEnsemble",
            ["X"],
            ["sum"],
            domain="ai.onnx.ml",
            n_targets=targets,
            aggregate_function=1,  # the sum
            post_transform=0,
            tree_roots=self.roots,
            nodes_modes=numpy_helper.from_array(np.zeros(len(self.features), np.uint8)),  # at most the threshold
            nodes_featureids=self.features,
            nodes_splits=numpy_helper.from_array(np.array(self.splits, np.float64)),
            nodes_missing_value_tracks_true=self.missing,
            nodes_truenodeids=self.ways[0],
            nodes_trueleafs=self.leaves[0],
            nodes_falsenodeids=self.ways[1],
            nodes_falseleafs=self.leaves[1],
            leaf_targetids=self.targets,
            leaf_weights=numpy_helper.from_array(np.array(self.weights, np.float64)),
        )


def graph(model: Any) -> Graph | None:
    """Return an ensemble of trees of scikit-learn as ONNX; None for any other model, or a kind of ensemble that is not known here."""
    module, kind = type(model).__module__, type(model).__name__
    if module.startswith("sklearn.tree.") and kind in ("DecisionTreeClassifier", "DecisionTreeRegressor"):
        return _averaged(model, [model])
    if module == "sklearn.ensemble._forest" and kind != "RandomTreesEmbedding":
        return _averaged(model, model.estimators_)
    if module == "sklearn.ensemble._gb":
        return _boosted(model)
    if module.startswith("sklearn.ensemble._hist_gradient_boosting"):
        return _boosted_by_histograms(model)
    return None


def _tree(tree: Any, output: int, scale: float, which: int = 0) -> Iterable[tuple[int, float, bool, int, int, float]]:
    missing = getattr(tree, "missing_go_to_left", None)
    for at in range(tree.node_count):
        left = bool(missing[at]) if missing is not None else False
        weight = scale * float(tree.value[at, output, which])
        children = int(tree.children_left[at]), int(tree.children_right[at])
        yield int(tree.feature[at]), float(tree.threshold[at]), left, *children, weight


def _averaged(model: Any, parts: Sequence[Any]) -> Graph | None:
    """A tree, or a forest: the mean of the trees' chances or values."""
    from onnx import helper

    classes = hasattr(model, "classes_")
    if classes and model.n_outputs_ > 1:
        return None
    nodes = _Nodes()
    width = int(model.n_classes_ if classes else model.n_outputs_)
    for part in parts:
        for target in range(width):
            output, which = (0, target) if classes else (target, 0)
            nodes.add(_tree(part.tree_, output, 1.0, which), target)
    name = "probabilities" if classes else "values"
    made = [
        nodes.node(width),
        _constant("count", [float(len(parts))]),
        helper.make_node("Div", ["sum", "count"], [name]),
    ]
    if not classes:
        shape = [width] if width > 1 else []
        return _graph(model, made, [name], {"predict": {"name": name, "shape": shape}})
    told = {"name": name, "shape": [width]}
    return _graph(model, made, [name], {"predict_proba": told, "predict": {**told, "largest": True}})


def _boosted(model: Any) -> Graph | None:
    import numpy as np

    classes = hasattr(model, "classes_")
    dummy = type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor")
    if (classes and model.loss != "log_loss") or not (dummy or isinstance(model.init_, str)):
        return None
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))[0]  # noqa: SLF001 - the prior's score
    nodes = _Nodes()
    for target, value in enumerate(start):
        nodes.constant(float(value), target)
    for stage in model.estimators_:
        for target, part in enumerate(stage):
            nodes.add(_tree(part.tree_, 0, model.learning_rate), target)
    return _scored(model, nodes, len(start), classes)


def _boosted_by_histograms(model: Any) -> Graph | None:
    classes = hasattr(model, "classes_")
    plain = ("log_loss",) if classes else ("squared_error", "absolute_error", "quantile")
    predictors = [one for stage in model._predictors for one in stage]  # noqa: SLF001 - where its trees are
    if (
        model.loss not in plain
        or model.is_categorical_ is not None
        or any(p.nodes["is_categorical"].any() for p in predictors)
    ):
        return None
    start = model._baseline_prediction.ravel()  # noqa: SLF001
    nodes = _Nodes()
    for target, value in enumerate(start):
        nodes.constant(float(value), target)
    for stage in model._predictors:  # noqa: SLF001
        for target, predictor in enumerate(stage):
            nodes.add(_histogram_tree(predictor.nodes), target)
    return _scored(model, nodes, len(start), classes)


def _histogram_tree(nodes: Any) -> Iterable[tuple[int, float, bool, int, int, float]]:
    for node in nodes:
        leaf = bool(node["is_leaf"])
        children = (-1, -1) if leaf else (int(node["left"]), int(node["right"]))
        way = bool(node["missing_go_to_left"])
        yield int(node["feature_idx"]), float(node["num_threshold"]), way, *children, float(node["value"])


def _scored(model: Any, nodes: _Nodes, targets: int, classes: bool) -> Graph:
    """The score of each class as chances and label, or the value."""
    from onnx import helper

    made = [nodes.node(targets)]
    if not classes:
        made.append(helper.make_node("Identity", ["sum"], ["values"]))
        return _graph(model, made, ["values"], {"predict": {"name": "values", "shape": []}})
    if targets > 1:
        made.append(helper.make_node("Softmax", ["sum"], ["probabilities"], axis=1))
        made.append(helper.make_node("Identity", ["sum"], ["scores"]))
    else:
        made += [
            _constant("zero", [0.0]),
            _constant("one", [1.0]),
            helper.make_node("Sigmoid", ["sum"], ["second"]),
            helper.make_node("Sub", ["one", "second"], ["first"]),
            helper.make_node("Concat", ["first", "second"], ["probabilities"], axis=1),
            helper.make_node("Less", ["sum", "zero"], ["below"]),  # a score of zero is the second class
            helper.make_node("Cast", ["below"], ["is_first"], to=_double()),
            helper.make_node("Sub", ["one", "is_first"], ["is_second"]),
            helper.make_node("Concat", ["is_first", "is_second"], ["scores"], axis=1),
        ]
    told: dict[str, Any] = {"shape": [max(targets, 2)]}
    outputs = {
        "predict_proba": {"name": "probabilities", **told},
        "predict": {"name": "scores", **told, "largest": True},
    }
    return _graph(model, made, ["probabilities", "scores"], outputs)


def _graph(model: Any, made: list[Any], names: Sequence[str], outputs: dict[str, dict[str, Any]]) -> Graph:
    from onnx import helper

    given = [helper.make_tensor_value_info("X", _double(), [None, model.n_features_in_])]
    told = [helper.make_tensor_value_info(name, _double(), [None, None]) for name in names]
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    whole = helper.make_model(
        helper.make_graph(made, "trees", given, told), opset_imports=opsets, ir_version=10, producer_name="nbprod"
    )
    return Graph(whole, outputs, type(model).__module__ in SINGLE)


def _constant(name: str, values: list[float]) -> Any:
    from onnx import helper

    return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, _double(), [len(values)], values))


def _double() -> int:
    from onnx import TensorProto

    return int(TensorProto.DOUBLE)
