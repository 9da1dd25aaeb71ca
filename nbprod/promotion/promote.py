"""Promote a finished run: gate, capture, package, parity, register, champion."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import GateError, ParityError
from nbprod.execution.atomic import from_os_error
from nbprod.execution.processes import is_alive, me
from nbprod.promotion import gate, parity, stored
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.capture import Capture, capture
from nbprod.promotion.comparison import rivals, rows_to_ask
from nbprod.promotion.package import Package, package, service_name
from nbprod.promotion.registry import CHALLENGER, ModelVersion, Registry
from nbprod.promotion.version import Kind

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
    crown: bool = True,
    force: str | None = None,
    on_step: OnStep = _quiet,
) -> ModelVersion:
    """Promote a run of a pipeline: the one asked for, else the best of the newest sweep, else the newest good one.

    With `crown=False` the version becomes the challenger, not the champion. `force` says why a gate that is not met is passed over;
    that is recorded. Raises `NotFoundError` without such a run, and what `promote_candidate` raises.
    """
    from nbprod.promotion.source import candidate, choose_run

    chosen = choose_run(project, entry, run)
    config = entry.config
    name = service_name(config.service.name or entry.name)
    made = Promotion(project, config, name, dict(config.sweep.optimize), allow_pickle, crown, force, on_step)
    made.first_gate(chosen.metrics)
    return made.make(candidate(project, entry, chosen))


def promote_candidate(
    project: Project,
    candidate: Candidate,
    config: PipelineConfig,
    *,
    directions: Mapping[str, str] | None = None,
    allow_pickle: bool = False,
    crown: bool = True,
    force: str | None = None,
    on_step: OnStep = _quiet,
) -> ModelVersion:
    """Make a run the champion of its model, or raise and leave everything as it was.

    Raises:
        GateError: The gate is not met; no version is ready.
        PromotionError: The run cannot become a service.
        ParityError: The service answers something else; its files are kept in `.nbprod/failed/` for inspection.
    """
    name = service_name(config.service.name or candidate.pipeline)
    made = Promotion(project, config, name, directions or {}, allow_pickle, crown, force, on_step)
    made.first_gate(candidate.metrics)
    return made.make(candidate)


@dataclass
class Promotion:
    """One promotion under way. `directions` say of metrics which way is better; `force` is why a gate may be passed over."""

    project: Project
    config: PipelineConfig
    name: str
    directions: Mapping[str, str] = field(default_factory=dict)
    allow_pickle: bool = False
    crown: bool = True
    force: str | None = None
    on_step: OnStep = _quiet

    def __post_init__(self) -> None:
        self.registry = Registry(self.project)
        self.champion = self.registry.champion(self.name)

    def first_gate(self, metrics: Mapping[str, float]) -> None:
        """Judge what is known before anything is captured. Raises `GateError`."""
        said = self.config.promote
        asked = [f"{key} {rule}" for key, rule in said.require.items()]
        asked += [f"no worse than {self.champion.name}"] if self.champion else []
        asked += [f"{key} <= {most:g}" for key, most in _limits(said) if most is not None]
        asked += ["somebody's approval"] if said.approval else []
        self.on_step("gate", ", ".join(asked) or "nothing is required")
        self._judge(gate.required(metrics, said.require), metrics, "Nothing was stored.")

    def capture(self, candidate: Candidate, scratch: Path) -> tuple[Capture, list[gate.Check]]:
        """Capture what a run serves, measured on the champion's held-out rows too; return it with the checks of its metrics."""
        self.on_step("capture", f"{candidate.serve.name} of run {candidate.run}")
        captured = capture(
            candidate,
            scratch,
            allow_pickle=self.allow_pickle,
            holdout=self.config.promote.holdout.model_dump(exclude_none=True),
            against=rows_to_ask(self.champion),
            project=self.project,
        )
        return captured, self._checks(candidate, captured, scratch)

    def make(self, candidate: Candidate) -> ModelVersion:
        """Capture, package, compare and register; what is left lies in `.nbprod/failed/`, if anything."""
        clear_scratch(self.project)
        scratch = new_scratch(self.project)
        try:
            captured, checks = self.capture(candidate, scratch)
            self._judge(checks, candidate.metrics, "Nothing was stored.")
            version = self.registry.reserve(self.name, candidate.pipeline, candidate.run, candidate.metrics)
            try:
                ready, forced = self._build(version, candidate, captured, checks, scratch)
            except BaseException as error:
                self.registry.fail(version, str(error) or type(error).__name__)
                told = from_os_error(error, version.path) if isinstance(error, OSError) else None
                if told is not None:
                    raise told from error
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if forced:
            self.registry.note(ready, Kind.FORCED, self.force or "", checks=forced)
        if self.crown and not self.config.promote.approval:
            return self.registry.crown(ready, why=self.force or "")
        self.registry.point(self.name, CHALLENGER, ready.version)
        return self.registry.get(self.name, ready.version)

    def _build(
        self,
        version: ModelVersion,
        candidate: Candidate,
        captured: Capture,
        checks: list[gate.Check],
        scratch: Path,
    ) -> tuple[ModelVersion, list[dict[str, Any]]]:
        self.on_step("package", version.name)
        service = self.config.service
        built = package(
            candidate,
            captured,
            self.name,
            f"v{version.version}",
            scratch,
            workers=service.workers,
            host=service.host,
            checks=checks,
        )
        calls = f"{len(captured.calls)} call{'s' if len(captured.calls) != 1 else ''}"
        self.on_step("parity", f"{calls}{f' and {captured.rows} rows' if captured.rows else ''} over HTTP")
        try:
            seconds = parity.check(built.folder, captured.calls, scratch, many=captured.many)
        except ParityError as error:
            raise _kept(error, self.project, version, built.folder) from error
        measured = {
            gate.LATENCY: statistics.median(seconds) * 1000 if seconds else None,
            gate.SIZE: stored.size(built.folder) / 1e6,
        }
        checks = [*self._again(checks, candidate, captured, built), *self._limits(measured)]
        self._judge(checks, candidate.metrics, f"{version.name} was not released.")
        failed = [vars(item) for item in checks if not item.passed]
        becomes = "waits for approval" if self.config.promote.approval else "becomes the champion"
        self.on_step("register", f"{version.name} {becomes if self.crown else 'becomes the challenger'}")
        lineage = {
            **built.lineage,
            "approval": self.config.promote.approval,
            "measured": measured,
            "gate": {"checks": [vars(item) for item in checks], "forced": self.force if failed else None},
        }
        holdout = scratch / "holdout"
        kept = holdout if holdout.is_dir() else None
        return self.registry.ready(version, built.folder, lineage, built.files, kept), failed

    def _checks(self, candidate: Candidate, captured: Capture | None, scratch: Path) -> list[gate.Check]:
        said = self.config.promote
        holdout = scratch / "holdout"
        own = holdout if holdout.is_dir() else None
        against = rivals(self.champion, candidate.metrics, captured, own)
        return [
            *gate.required(candidate.metrics, said.require),
            *gate.no_worse(said.require, self.directions, against),
        ]

    def _again(
        self, checks: list[gate.Check], candidate: Candidate, captured: Capture, built: Package
    ) -> Iterable[gate.Check]:
        """The checks of the metrics; made anew against another champion if another promotion has ended since."""
        champion = self.registry.champion(self.name)
        if (champion and champion.name) == (self.champion and self.champion.name):
            return checks
        self.champion = champion
        return self._checks(candidate, captured, built.folder.parent)

    def _limits(self, measured: Mapping[str, float | None]) -> list[gate.Check]:
        said = self.config.promote
        return gate.limited(measured[gate.LATENCY], said.latency_ms, measured[gate.SIZE], said.size_mb)

    def _judge(self, checks: Iterable[gate.Check], metrics: Mapping[str, float], stored: str) -> None:
        checks = list(checks)
        if self.force is not None:  # what the run does not have is a mistake all the same
            checks = [item for item in checks if item.value is None and item.metric not in metrics]
        gate.judge(checks, metrics, stored=stored)


def _limits(said: Any) -> list[tuple[str, float | None]]:
    return [(gate.LATENCY, said.latency_ms), (gate.SIZE, said.size_mb)]


def problem_of(checks: Iterable[gate.Check], metrics: Mapping[str, float]) -> GateError | None:
    """Return what would be raised for these checks."""
    try:
        gate.judge(checks, metrics)
    except GateError as error:
        return error
    return None


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
