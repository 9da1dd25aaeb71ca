"""Keras models as the object graph they are: layers, variables, optimizer, metrics and history, with their identities.

The `.keras` format holds the date of saving, loses Python attributes and gives two models that share layers copies of them.
Saved as a graph, `history.model is model` and an encoder still shares the decoder's layers. What Keras keys by `id()` is made anew.
Compiled functions are left out; Keras makes them when they are next needed.
"""

from __future__ import annotations

import collections
import sys
from typing import Any

_PASSING = ("stop_predicting", "stop_evaluating")
"""Set anew whenever they are used."""
_COMPILED = ("train_function", "test_function", "predict_function", "_eval_epoch_iterator", "_jax_state")


def _kind(owner: str, name: str) -> Any:
    return getattr(sys.modules.get(owner), "__dict__", {}).get(name)


def reduce(saver: Any, value: Any, rebuilders: Any) -> Any:
    """Return how to pickle an object of Keras, or of a class that derives from one; NotImplemented for any other."""
    saveable = _kind("keras.src.saving.keras_saveable", "KerasSaveable")
    tracking = sys.modules.get("keras.src.utils.tracking")
    if saveable is None or tracking is None:
        return NotImplemented
    if _kind("keras.src.backend.config", "backend")() not in ("jax", "numpy"):
        return NotImplemented  # variables of TensorFlow and PyTorch: Keras's own way
    if isinstance(value, saveable):
        state = {name: part for name, part in vars(value).items() if name not in _PASSING}
        if "_compiled_trainable_state" in state or "train_function" in state:
            state.update({name: None for name in _COMPILED if name in state})
        if "_trainable_variables_indices" in state:
            _unkey(value, state)
        if "_nodes_by_depth" in state and "_nodes" in state:
            state["_nodes"] = [(operation, int(index)) for operation, index in _nodes(value)]
        return rebuilders["bare"], (type(value),), state, None, None, rebuilders["set_keras_state"]
    if isinstance(value, tracking.Tracker):
        state = {**vars(value), "stored_ids": None}
        return rebuilders["bare"], (type(value),), state, None, None, rebuilders["set_keras_state"]
    for base in (list, dict, set):
        if isinstance(value, base) and type(value).__module__ == tracking.__name__:
            items = list(value.items()) if isinstance(value, dict) else list(value)
            if base is set:
                items = _steady(items)
            contents = (items, dict(vars(value)))
            return rebuilders["bare"], (type(value),), contents, None, None, rebuilders["set_tracked_state"]
    return NotImplemented


def _unkey(optimizer: Any, state: dict[str, Any]) -> None:
    """Put variables in the place of their ids in the state of an optimizer."""
    state["_trainable_variables_indices"] = None
    state.pop("_exclude_from_weight_decay_cache", None)
    excluded = state.get("_exclude_from_weight_decay")
    if excluded is not None:
        state["_exclude_from_weight_decay"] = [v for v in optimizer._trainable_variables if id(v) in excluded]


def _steady(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items


def _nodes(function: Any) -> list[tuple[Any, int]]:
    """Return what the keys `ID_ib-INDEX` of a functional graph stand for, in a steady order."""
    return [
        (operation, index)
        for operation in function._operations
        for index in range(len(operation._inbound_nodes))
        if f"{id(operation)}_ib-{index}" in function._nodes
    ]


def bare(kind: type) -> Any:
    """Return an instance on which no `__init__` has run."""
    base: Any = next(part for part in kind.__mro__ if not part.__flags__ & (1 << 9))
    return base.__new__(kind)


def set_keras_state(value: Any, state: dict[str, Any]) -> None:
    """Set the attributes past Keras's own `__setattr__`, which would track them a second time."""
    vars(value).update(state)


def set_tracked_state(value: Any, contents: tuple[list[Any], dict[str, Any]]) -> None:
    """Fill a tracked list, dictionary or set past its tracker."""
    items, state = contents
    base: Any = next(kind for kind in (collections.OrderedDict, list, dict, set) if isinstance(value, kind))
    fill = list.extend if base is list else base.update
    fill(value, items)
    vars(value).update(state)


def complete(value: Any) -> None:
    """Make anew what Keras keys by `id()`, once all objects are there."""
    state = vars(value)
    if state.get("stored_ids", 0) is None:
        state["stored_ids"] = {name: {id(part) for part in store} for name, (_, store) in state["config"].items()}
    if state.get("_trainable_variables_indices", 0) is None:
        variables = state["_trainable_variables"]
        state["_trainable_variables_indices"] = {id(variable): at for at, variable in enumerate(variables)}
        if state.get("_exclude_from_weight_decay") is not None:
            state["_exclude_from_weight_decay"] = set(map(id, state["_exclude_from_weight_decay"]))
    if isinstance(state.get("_nodes"), list) and "_nodes_by_depth" in state:
        state["_nodes"] = {f"{id(operation)}_ib-{index}" for operation, index in state["_nodes"]}


REBUILDERS = (bare, set_keras_state, set_tracked_state)
