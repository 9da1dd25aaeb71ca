"""A finished run as promotion sees it: what it computed, where its values are, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod.notebook.graph import Node
from nbprod.notebook.pipeline import Serve
from nbprod.promotion.measures import Measure


@dataclass(frozen=True)
class Kept:
    """A value that a run kept: the digest of its artifact, and its type's full name."""

    artifact: str
    type: str = ""


@dataclass(frozen=True)
class Candidate:
    """A run that may become a model version.

    `closure` is the serve function's `Node`; `loads` says for each task the artifact of each name; `kept` holds every
    value of the run at its last version. `measures` say how its metrics were computed. `python` is the kernel's
    interpreter, `folder` the notebook's.
    """

    pipeline: str
    run: str
    notebook: Path
    serve: Serve
    closure: Node
    loads: Mapping[str, Mapping[str, str]]
    kept: Mapping[str, Kept]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    store: Path
    python: str
    lineage: Mapping[str, Any] = field(default_factory=dict)
    measures: Sequence[Measure] = ()

    @property
    def folder(self) -> Path:
        return self.notebook.parent
