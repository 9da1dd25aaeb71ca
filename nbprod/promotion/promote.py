"""Promote a finished run: gate, capture, package, parity, register, champion."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import ParityError
from nbprod.execution.atomic import from_os_error
from nbprod.execution.processes import is_alive, me
from nbprod.promotion import gate, parity
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.capture import capture
from nbprod.promotion.package import package, service_name
from nbprod.promotion.registry import ModelVersion, Registry

if TYPE_CHECKING:
    from nbprod.config import PipelineConfig
    from nbprod.project import Entry, Project

STEPS = ("gate", "capture", "package", "parity", "register")
OnStep = Callable[[str, str], None]
"""Told the name of each step as it begins, and what it is about."""


def _quiet(step: str, detail: str) -> None:
    return None


def promote(
    project: Project,
    entry: Entry,
    run: str | None = None,
    *,
    allow_pickle: bool = False,
    on_step: OnStep = _quiet,
) -> ModelVersion:
    """Promote a run of a pipeline: the one asked for, else the best of the newest sweep, else the newest good one.

    Raises `NotFoundError` without such a run, and what `promote_candidate` raises.
    """
    from nbprod.promotion.source import candidate, choose_run

    chosen = choose_run(project, entry, run)
    directions = dict(entry.config.sweep.optimize)
    _gate(project, entry.config, _name(entry.config, entry.name), chosen.metrics, directions, on_step)
    clear_scratch(project)
    scratch = new_scratch(project)
    try:
        found = candidate(project, entry, chosen)
        return _build(project, found, entry.config, scratch, allow_pickle, directions, on_step)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def promote_candidate(
    project: Project,
    candidate: Candidate,
    config: PipelineConfig,
    *,
    directions: Mapping[str, str] | None = None,
    allow_pickle: bool = False,
    on_step: OnStep = _quiet,
) -> ModelVersion:
    """Make a run the champion of its model, or raise and leave everything as it was.

    Raises:
        GateError: The metrics do not suffice; nothing was stored.
        PromotionError: The run cannot become a service; the version is recorded as failed.
        ParityError: The service answers something else; its files are kept in `.nbprod/failed/` for inspection.
    """
    name = _name(config, candidate.pipeline)
    _gate(project, config, name, candidate.metrics, directions or {}, on_step)
    clear_scratch(project)
    scratch = new_scratch(project)
    try:
        return _build(project, candidate, config, scratch, allow_pickle, directions or {}, on_step)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _name(config: PipelineConfig, pipeline: str) -> str:
    return service_name(config.service.name or pipeline)


def _gate(
    project: Project,
    config: PipelineConfig,
    name: str,
    metrics: Mapping[str, float],
    directions: Mapping[str, str],
    on_step: OnStep = _quiet,
) -> None:
    champion = Registry(project).champion(name)
    asked = [f"{key} {rule}" for key, rule in config.promote.require.items()]
    if champion:
        asked.append(f"no worse than {champion.name}")
    on_step("gate", ", ".join(asked) or "nothing is required")
    gate.check(
        metrics,
        config.promote.require,
        champion.metrics if champion else None,
        directions,
        champion.name if champion else "the champion",
    )


def _build(
    project: Project,
    candidate: Candidate,
    config: PipelineConfig,
    scratch: Path,
    allow_pickle: bool,
    directions: Mapping[str, str],
    on_step: OnStep,
) -> ModelVersion:
    registry = Registry(project)
    name = _name(config, candidate.pipeline)
    version = registry.reserve(name, candidate.pipeline, candidate.run, candidate.metrics)
    try:
        on_step("capture", f"{candidate.serve.name} of run {candidate.run}")
        captured = capture(candidate, scratch, allow_pickle=allow_pickle)
        on_step("package", version.name)
        built = package(
            candidate,
            captured,
            name,
            f"v{version.version}",
            scratch,
            workers=config.service.workers,
            host=config.service.host,
        )
        on_step("parity", f"{len(captured.calls)} calls over HTTP")
        try:
            parity.check(built.folder, captured.calls, scratch)
        except ParityError as error:
            raise _kept(error, project, version, built.folder) from error
        _gate(project, config, name, candidate.metrics, directions)  # another promotion may have ended since
        on_step("register", f"{version.name} becomes the champion")
        ready = registry.ready(version, built.folder, built.lineage, built.files)
    except BaseException as error:
        registry.fail(version, str(error) or type(error).__name__)
        told = from_os_error(error, version.path) if isinstance(error, OSError) else None
        if told is not None:
            raise told from error
        raise
    return registry.crown(ready)


def _kept(error: ParityError, project: Project, version: ModelVersion, folder: Path) -> ParityError:
    kept = project.state / "failed" / version.name.replace("/", "-")
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.move(folder, kept)
    return ParityError(
        error.what, where=error.where, fix=f"{version.name} was not released; what was built is in {kept}."
    )


def new_scratch(project: Project) -> Path:
    """A folder for one promotion, named by this process so that the next one can tell when it is left behind."""
    _, pid, started = me()
    parent = project.make_state() / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"promote-{pid}-{started or 0:.0f}-", dir=parent))


def clear_scratch(project: Project) -> None:
    """Remove what promotions that were killed have left."""
    for folder in (project.state / "scratch").glob("promote-*"):
        pid, started = folder.name.split("-")[1:3]
        if int(pid) != os.getpid() and not is_alive(int(pid), float(started) or None):
            shutil.rmtree(folder, ignore_errors=True)
