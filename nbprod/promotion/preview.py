"""What promoting a run would do; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.errors import GateError, NbprodError, NotFoundError
from nbprod.execution.past import read_past
from nbprod.promotion import gate
from nbprod.promotion.package import service_name
from nbprod.promotion.registry import Registry
from nbprod.promotion.source import choose_run, nothing_to_serve

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
