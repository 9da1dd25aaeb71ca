"""Runs made by hand: code is executed in one namespace, its values are saved as the runtime saves them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod.notebook.cell import Cell
from nbprod.notebook.graph import Bind, Define, Load, Node, Step
from nbprod.notebook.pipeline import Serve
from nbprod.promotion.candidate import Candidate, Kept
from nbprod.runtime import pickling, saving
from nbprod.runtime.overlay import Overlay


@dataclass
class Notebook:
    """Cells in the order of a notebook, executed as they are added; `candidate` is the finished run."""

    folder: Path
    store: Path
    namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__", "__builtins__": __builtins__})
    steps: list[Step] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    overlays: dict[str, Overlay] = field(default_factory=dict)
    number: int = 0
    future: int = 0

    def _cell(self, source: str) -> Cell:
        self.number += 1
        return Cell(f"cell{self.number}", self.number, self.number - 1, source)

    def define(self, source: str) -> None:
        """A cell of definitions, which travels as source."""
        cell = self._cell(source)
        before = set(self.namespace)
        self._run(source)
        made = tuple(sorted(set(self.namespace) - before))
        self.names += made
        self.steps.append(Define(cell, 1, source, made))

    def bind(self, **values: Any) -> None:
        """The parameters cell."""
        self._cell("")
        self.namespace.update(values)
        self.parameters.update(values)
        self.steps.append(Bind(tuple(values)))

    def compute(self, source: str, *wanted: str) -> None:
        """A cell of a task, of whose values the serve function takes `wanted`."""
        self._cell(source)
        self._run(source)
        self.steps.append(Load("train", wanted))

    def change(self, name: str, **attributes: Any) -> None:
        """A cell of a task that sets attributes on a function or class that travels as source."""
        self._cell("")
        for key, value in attributes.items():
            setattr(self.namespace[name], key, value)
        self.overlays[name] = Overlay({(("attr", key),): value for key, value in attributes.items()}, [])
        self.steps.append(Load("train", (name,)))

    def _run(self, source: str) -> None:
        code = compile(source, "<notebook>", "exec", flags=self.future, dont_inherit=True)
        self.future |= code.co_flags & annotations.compiler_flag
        exec(code, self.namespace)

    def save(self, name: str) -> Kept:
        """Save a value as a task's end would."""
        references = {id(self.namespace[other]): other for other in self.names}
        names = pickling.Names(self.namespace, references)
        value = self.overlays.get(name, self.namespace[name])
        written = saving.draft(str(self.store), {name: value}, names).finish(self.namespace)
        digest = written.publish(str(self.store))
        kind = type(self.namespace[name])
        return Kept(digest, f"{kind.__module__}.{kind.__qualname__}")

    def candidate(
        self,
        serve: str,
        *samples: str,
        kept: tuple[str, ...] = (),
        metrics: dict[str, float] | None = None,
        kind: str = "function",
    ) -> Candidate:
        """The run, finished, with `serve` as what becomes the service."""
        wanted = [name for step in self.steps if isinstance(step, Load) for name in step.names]
        saved = {name: self.save(name) for name in {*wanted, *kept}}
        closure = Node("@serve", (), tuple(self.steps))
        return Candidate(
            pipeline="wine",
            run="2026-11-21-070000-abc",
            notebook=self.folder / "wine.ipynb",
            serve=Serve(serve, kind, None, samples),
            closure=closure,
            loads={"train": {name: saved[name].artifact for name in wanted}},
            kept=saved,
            parameters=self.parameters,
            metrics=metrics or {"accuracy": 0.95},
            store=self.store,
            python=sys.executable,
            lineage={"notebook": {"path": "wine.ipynb", "sha256": "0" * 64}},
        )
