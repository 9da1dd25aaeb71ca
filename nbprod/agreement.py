"""Whether what `pipelines.yaml` says of a pipeline agrees with its notebook."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from nbprod.notebook.diagnostics import Diagnostic, Severity
from nbprod.notebook.pipeline import Pipeline
from nbprod.project import CONFIG, Entry


def disagreements(entry: Entry, pipeline: Pipeline) -> list[Diagnostic]:
    """Return a problem for every task, parameter or metric that `pipelines.yaml` names and the notebook does not have."""
    config = entry.listed
    if config is None:
        return []
    checks: list[tuple[str, str, Iterable[str], Iterable[str]]] = [
        ("task", "resources", config.resources, pipeline.tasks),
        ("parameter", "parameters", config.parameters, pipeline.parameters),
        ("parameter", "sweep.space", config.sweep.space, pipeline.parameters),
        ("metric", "sweep.optimize", config.sweep.optimize, pipeline.metrics),
        ("metric", "promote.require", config.promote.require, pipeline.metrics),
    ]
    return [problem for check in checks for problem in _unknown(entry.name, *check)]


def _unknown(name: str, kind: str, key: str, named: Iterable[str], known: Iterable[str]) -> Iterator[Diagnostic]:
    known = list(known)
    for one in named:
        if one not in known:
            close = difflib.get_close_matches(one, known, n=1)
            there = f"It has: {', '.join(known)}." if known else f"It has no {kind}s."
            yield Diagnostic(
                code=f"config-{kind}",
                severity=Severity.ERROR,
                message=f"{CONFIG}, {name}.{key}: the notebook has no {kind} {one!r}",
                hint=f"Did you mean {close[0]!r}? {there}" if close else there,
            )
