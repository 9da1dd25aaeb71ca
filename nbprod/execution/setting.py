"""What planning and running a pipeline have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from nbprod.errors import Location, ParameterError
from nbprod.execution import kernels, literals
from nbprod.execution.cache import Cache, Digests, Key
from nbprod.execution.database import Place, database
from nbprod.execution.lessons import Lessons
from nbprod.execution.store import Store
from nbprod.notebook.graph import Node
from nbprod.notebook.pipeline import Pipeline
from nbprod.notebook.refusal import refuse


class Setting:
    """A pipeline with its parameters' values and its kernel, and the cache that knows what was computed before."""

    def __init__(
        self, pipeline: Pipeline, project: Place, name: str, values: Mapping[str, Any], inputs: Collection[str]
    ) -> None:
        refuse(pipeline)
        self.pipeline = pipeline
        self.name = name
        self.values = values
        self.kernel = kernels.find_kernel(pipeline.notebook.kernel_name, str(pipeline.notebook.path))
        db = database(project)
        self.cache = Cache(db, Store(project.state.absolute() / "artifacts"), self.kernel)
        self.lessons = Lessons(db, pipeline)
        self.folder = pipeline.notebook.path.absolute().parent
        self.inputs = self.cache.hashes.matching(inputs, project.root)

    def key(self, node: Node, loads: Digests) -> Key:
        """Return the key of a task with these inputs."""
        return Key.of(node, self.values, loads, self.kernel, self.folder, self.inputs)


def values_of(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters' values as plain Python. Raises `ParameterError` for one that does not exist."""
    for name in given:
        if name not in pipeline.parameters:
            close = get_close_matches(name, pipeline.parameters, n=1)
            known = ", ".join(pipeline.parameters) or "none"
            raise ParameterError(
                f"there is no parameter {name!r}",
                where=Location(file=str(pipeline.notebook.path)),
                fix=f"Did you mean {close[0]!r}?" if close else f"The notebook's parameters: {known}.",
            )
    defaults = {name: parameter.default for name, parameter in pipeline.parameters.items()}
    return {name: literals.plain(value, name) for name, value in {**defaults, **given}.items()}


def jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameter values for JSON: what is no JSON is shown as Python writes it."""
    return {name: value if _is_json(value) else literals.literal(value) for name, value in values.items()}


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return (
        value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and abs(value) < float("inf"))
    )
