"""What promoting a run would do; nothing is stored."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError, NotFoundError
from nbprod.execution.past import read_past
from nbprod.promotion import captures, gate
from nbprod.promotion.comparison import rivals
from nbprod.promotion.interface import interface
from nbprod.promotion.package import requirements, service_name
from nbprod.promotion.promote import OnStep, Promotion, clear_scratch, new_scratch, problem_of
from nbprod.promotion.registry import Registry
from nbprod.promotion.source import candidate, choose_run, nothing_to_serve, several_to_serve
from nbprod.promotion.stored import size

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
    checks: tuple[gate.Check, ...] = ()
    """The gate's, on the held-out rows where there are such; latency and size are measured when the service is built."""
    holdout: Mapping[str, Any] = field(default_factory=dict)
    """The held-out rows that would be kept: their `name`, how many `rows`, the `metrics` computed from them; or `why` there are none."""
    rowwise: bool = False
    """Whether it answers each row by itself, so that a service may ask rows of several requests at once."""
    problem: NbprodError | None = None


def rehearse(
    project: Project, entry: Entry, run: Run, *, allow_pickle: bool = False, on_step: OnStep = lambda step, detail: None
) -> Rehearsal:
    """Capture what a run serves, as `promote` does, and measure it on the champion's held-out rows, in a process of its own.

    No version is made; what was captured is kept for the promotion that may follow. Raises what `promote` raises up to there, but for the gate.
    """
    found = candidate(project, entry, run)
    clear_scratch(project)
    scratch = new_scratch(project)
    config = entry.config
    try:
        name = service_name(config.service.name or entry.name)
        promotion = Promotion(project, config, name, dict(config.sweep.optimize), allow_pickle, on_step=on_step)
        captured, checks = promotion.capture(found, scratch)
        values = [
            {
                "name": item["name"],
                "type": item["type"],
                "format": item["format"],
                "bytes": size(scratch / "artifacts" / item["file"]) if item["file"] else 0,
            }
            for item in captured.stored
        ]
        made = Rehearsal(
            signature=interface(captured.signature),
            sample={call.route: {"arguments": call.arguments, "answer": call.answer} for call in captured.calls},
            values=values,
            packages=requirements(found, captured),
            python=captured.python,
            checks=tuple(checks),
            holdout=captured.holdout,
            rowwise=captured.signature.rowwise,
            problem=problem_of(checks, run.metrics),
        )
        captures.keep(project, scratch)
        return made
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
    checks = (
        *gate.required(chosen.metrics, config.promote.require),
        *gate.no_worse(config.promote.require, config.sweep.optimize, rivals(champion, chosen.metrics, None, None)),
    )
    found = Preview(chosen, model, checks, champion.name if champion else None)
    problem: NbprodError | None = problem_of(checks, chosen.metrics)
    try:
        past = read_past(project, chosen)
    except NotFoundError as error:
        return Preview(**{**vars(found), "problem": problem or error})
    serve, closure = past.pipeline.serve, past.graph.serve
    if serve is None or closure is None:
        problem = problem or nothing_to_serve(past.pipeline)
    elif serve.others:
        problem = problem or several_to_serve(past.pipeline, serve)
    inputs = {} if closure is None else closure.inputs
    return Preview(**{**vars(found), "serve": serve, "inputs": inputs, "problem": problem})
