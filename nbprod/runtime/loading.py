"""Unpickling: the notebook's own names are found in the namespace that the values are loaded into."""

from __future__ import annotations

import gc
import importlib
import pickle
from collections.abc import Sequence
from typing import Any, Callable

from . import models, overlay, special  # noqa: F401 (what makes these again is registered there)
from .rebuild import MODULE, REBUILDERS


class MissingName(NameError):
    """A saved value refers to a name of the notebook that is not there."""


class Loader(pickle.Unpickler):
    """Unpickles one artifact into a namespace, in which the notebook's own names are looked up."""

    def __init__(self, file: Any, namespace: dict[str, Any], buffers: Sequence[Any] = ()) -> None:
        super().__init__(file, buffers=buffers)
        self.namespace = namespace
        self.later: list[Callable[[], None]] = []

    def value(self) -> Any:
        """Load everything."""
        loaded = self.load()
        for function in self.later:
            function()
        return loaded

    def find_class(self, owner: str, name: str) -> Any:
        if owner == MODULE:
            return getattr(self, name) if name in ("named", "namespace_of", "set_keras_state") else REBUILDERS[name]
        if owner == "__main__":
            return self.named(name)
        return super().find_class(owner, name)

    def named(self, path: str) -> Any:
        """Return what a dotted name of the notebook stands for."""
        root, *rest = path.split(".")
        if root not in self.namespace:
            raise MissingName(f"the notebook's {root!r} is not defined at this place")
        found = self.namespace[root]
        for part in rest:
            found = getattr(found, part)
        return found

    def namespace_of(self, kind: str, value: Any) -> Any:
        """Return the globals of a function."""
        if kind == "notebook":
            return self.namespace
        return vars(importlib.import_module(value)) if kind == "module" else value

    def set_keras_state(self, value: Any, state: dict[str, Any]) -> None:
        """Set the state of an object of Keras now, and complete it when everything is loaded."""
        models.set_keras_state(value, state)
        self.later.append(lambda: models.complete(value))


class Stream:
    """What `pickle.Unpickler` reads from: bytes in memory, without copying them first."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def read(self, size: int) -> bytes:
        start, self.at = self.at, min(self.at + size, len(self.data))
        return bytes(self.data[start : self.at])

    def readinto(self, target: Any) -> int:
        count = min(len(target), len(self.data) - self.at)
        target[:count] = self.data[self.at : self.at + count]
        self.at += count
        return count

    def readline(self) -> bytes:
        end = self.at
        while end < len(self.data) and self.data[end] != 10:
            end += 1
        line = bytes(self.data[self.at : end + 1])
        self.at = end + 1
        return line


def load(opened: Any, namespace: dict[str, Any]) -> Any:
    """Return the value of an opened artifact (see `container.open_artifact`)."""
    collects = gc.isenabled()
    gc.disable()  # it would look through all that is being made again and again
    try:
        return Loader(Stream(opened.pickle), namespace, opened.buffers).value()
    finally:
        if collects:
            gc.enable()
