"""What promoting a run would do; nothing is stored."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import GateError, NbprodError, NotFoundError
from nbprod.execution.past import read_past
from nbprod.promotion import gate
from nbprod.promotion.capture import capture
from nbprod.promotion.interface import interface
from nbprod.promotion.package import requirements, service_name
from nbprod.promotion.promote import OnStep, clear_scratch, new_scratch
from nbprod.promotion.registry import Registry
from nbprod.promotion.source import candidate, choose_run, nothing_to_serve

if TYPE_CHECKING:
    from nbprod.execution.records import Run
    from nbprod.notebook.pipeline import Serve
    from nbprod.project import Entry, Project


@dataclass(frozen=True)
class Preview:
    """What promoting `run` to `model` would do. `problem` is why it would not get past the gate, or not become a service."""

    run: Run
    model: str
    checks: tuple[gate.Check, ...]
    champion: str | None
    serve: Serve | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The variables that the service takes along, and the task each comes from."""
    problem: NbprodError | None = None


@dataclass(frozen=True)
class Rehearsal:
    """What the service of a run would take, give and hold. `signature` has JSON Schemas, `sample` a call, by route."""

    signature: Mapping[str, Mapping[str, Any]]
    sample: Mapping[str, Mapping[str, Any]]
    """The `arguments` and the `answer` of one call of each route, as the run's own code gave it; a small call where there is one."""
    values: Sequence[Mapping[str, Any]]
    """The stored values: `name`, `type`, `format` and `bytes`."""
    packages: Sequence[str]
    python: str


def rehearse(
    project: Project, entry: Entry, run: Run, *, allow_pickle: bool = False, on_step: OnStep = lambda step, detail: None
) -> Rehearsal:
    """Capture what a run serves, as `promote` does first of all, in a process of its own; nothing is kept.

    Raises what `promote` raises up to there, but for the gate.
    """
    found = candidate(project, entry, run)
    clear_scratch(project)
    scratch = new_scratch(project)
    try:
        on_step("capture", f"{found.serve.name} of run {run.id}")
        captured = capture(found, scratch, allow_pickle=allow_pickle)
        values = [
            {
                "name": item["name"],
                "type": item["type"],
                "format": item["format"],
                "bytes": _size(scratch / "artifacts" / item["file"]) if item["file"] else 0,
            }
            for item in captured.stored
        ]
        return Rehearsal(
            signature=interface(captured.signature),
            sample={call.route: {"arguments": call.arguments, "answer": call.answer} for call in captured.calls},
            values=values,
            packages=requirements(found, captured),
            python=captured.python,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def preview(project: Project, entry: Entry, run: str | None = None) -> Preview:
    """Say what `promote` would do with a run (the one that it would choose without `run`), as far as that is known before anything is built.

    Raises what choosing a run raises.
    """
    chosen = choose_run(project, entry, run)
    config = entry.config
    model = service_name(config.service.name or entry.name)
    champion = Registry(project).champion(model)
    about = (
        chosen.metrics,
        config.promote.require,
        champion.metrics if champion else None,
        dict(config.sweep.optimize),
        champion.name if champion else "the champion",
    )
    found = Preview(chosen, model, tuple(gate.checks(*about)), champion.name if champion else None)
    problem: NbprodError | None = None
    try:
        gate.check(*about)
    except GateError as error:
        problem = error
    try:
        past = read_past(project, chosen)
    except NotFoundError as error:
        return Preview(**{**vars(found), "problem": problem or error})
    serve, closure = past.pipeline.serve, past.graph.serve
    if serve is None or closure is None:
        problem = problem or nothing_to_serve(past.pipeline)
    inputs = {} if closure is None else closure.inputs
    return Preview(**{**vars(found), "serve": serve, "inputs": inputs, "problem": problem})


def _size(path: Path) -> int:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
