"""A look at a service: its newest requests beside its model's profile, its live metrics, its latency and errors."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import Location, NbprodError
from nbprod.monitoring.bulk import lay_out_log
from nbprod.monitoring.drift import ENOUGH, ColumnDrift, alpha, columns_drift
from nbprod.monitoring.feedback import Labelled, labelled
from nbprod.monitoring.layout import Seen, lay_out
from nbprod.monitoring.log import Line, PredictionLog, check_log
from nbprod.monitoring.scores import Score, known, scores
from nbprod.monitoring.traffic import Traffic, traffic
from nbprod.promotion.registry import ModelVersion, Registry

if TYPE_CHECKING:
    from nbprod.config import MonitorConfig
    from nbprod.project import Project

PROFILE = "profile.json"
MOST_LINES = 200_000
"""Lines of which the latency is told at most: the newest ones."""


@dataclass(frozen=True)
class Report:
    """What a look has found. `level` is the chance of a false alarm that it may have."""

    model: str
    version: int
    time: float
    rows: int
    level: float
    columns: list[ColumnDrift]
    scores: list[Score]
    traffic: Traffic
    labelled: int
    losses: Mapping[str, int]
    notes: list[str]
    profile: Mapping[str, Any] = field(repr=False)
    seen: Seen = field(repr=False)

    @property
    def drifted(self) -> list[ColumnDrift]:
        return [column for column in self.columns if column.alarm]

    @property
    def worse(self) -> list[Score]:
        return [score for score in self.scores if score.alarm]

    @property
    def alarm(self) -> bool:
        """Whether something drifted, or a live metric is worse than it may be."""
        return bool(self.drifted or self.worse)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the rows and the profile left out."""
        return {
            "model": self.model,
            "version": self.version,
            "time": self.time,
            "rows": self.rows,
            "level": self.level,
            "alarm": self.alarm,
            "columns": [asdict(column) for column in self.columns],
            "scores": [asdict(score) for score in self.scores],
            "traffic": {**asdict(self.traffic), "error_rate": self.traffic.error_rate},
            "labelled": self.labelled,
            "losses": dict(self.losses),
            "notes": self.notes,
        }


def deployment(project: Project, name: str) -> Path:
    """The folder of a model's service."""
    return project.state / "deployments" / name


def monitor(
    project: Project,
    name: str,
    config: MonitorConfig,
    version: int | str | None = None,
    *,
    rows: int | None = None,
    since: float | None = None,
) -> Report:
    """Look at a service once.

    Args:
        project: The project.
        name: The model's name.
        config: What `pipelines.yaml` says of it.
        version: The model version whose requests are looked at; the champion without it.
        rows: The newest rows to compare, in place of `config.window`.
        since: Compare all rows from this time on (epoch seconds) instead.

    Raises:
        NotFoundError: No such model or version.
        LogError: There is no prediction log, or it cannot be read.
    """
    chosen = Registry(project).get(name, version)
    log = check_log(deployment(project, name) / "predictions", name)
    if since is None:
        seen = lay_out(log.newest(rows or config.window, chosen.version))
    else:
        seen = lay_out_log(log, since, chosen.version)
    return look(
        chosen,
        log,
        seen,
        config,
        labelled(log, version=chosen.version, route=config.route, newest=rows or config.window),
    )


def look(version: ModelVersion, log: PredictionLog, seen: Seen, config: MonitorConfig, rows: Labelled) -> Report:
    """Compare these requests of a version with its profile, and its live metrics with its run's."""
    notes: list[str] = []
    profile = read_profile(version)
    level = alpha(config.false_alarms, config.every)
    size = len(seen.features)
    columns = columns_drift(profile, seen, level) if profile else []
    if profile is None:
        notes.append(
            f"{version.name} was promoted before profiles were kept, so drift cannot be told: promote its run again"
        )
    elif not size:
        notes.append(f"{version.name} has answered nothing yet")
    elif size < ENOUGH:
        notes.append(f"{size} rows are too few for a verdict on drift: {ENOUGH} are needed")
    elif profile.get("rows", 0) < 50:
        notes.append(
            f"the profile of {version.name} is of {profile.get('rows', 0)} rows, too few to tell drift: keep the training table in a variable"
        )
    found = scores(rows, version.metrics, config.require, column=config.label)
    missing = [metric for metric in config.require if metric not in {score.metric for score in found}]
    if len(rows) and missing:
        reason = "is none that can be computed from labels" if known(missing[0]) is None else "does not fit the labels"
        notes.append(f"monitor.require: {missing[0]} {reason}")
    start = seen.lines[0].get("ts") if seen.lines else None
    requests = _recent(log, version.version, start)
    ahead = time.time() + 60
    log.losses.future = sum(1 for line in seen.lines if float(line.get("ts", 0)) > ahead)
    if log.losses.future:
        notes.append(f"{log.losses.future} requests are dated in the future: a clock was set back")
    if log.losses.broken:
        notes.append(f"{log.losses.broken} lines of the log could not be read and are left out")
    if log.losses.dropped:
        notes.append(f"the service dropped {log.losses.dropped} lines: it was asked faster than it could log")
    return Report(
        version.model,
        version.version,
        time.time(),
        size,
        level,
        columns,
        found,
        traffic(requests),
        len(rows),
        asdict(log.losses),
        notes,
        profile or {},
        seen,
    )


def read_profile(version: ModelVersion) -> dict[str, Any] | None:
    """The profile of a version; None for one that has none. Raises `NbprodError` if the file was damaged."""
    path = version.path / "src" / PROFILE
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NbprodError(
            f"the profile of {version.name} cannot be read: {error}",
            where=Location(file=str(path)),
            fix="Promote its run again.",
        ) from error
    return found if isinstance(found, dict) and "features" in found else None


def recent(log: PredictionLog, version: int, rows: int) -> Traffic:
    """The traffic of a version's newest requests, so many rows back."""
    newest = log.newest(rows, version)
    return traffic(_recent(log, version, float(newest[0].get("ts", 0)))) if newest else Traffic()


def _recent(log: PredictionLog, version: int, start: float | None) -> list[Line]:
    """The requests of a version in the time of the window, those that failed among them."""
    if start is None:
        return [
            line
            for _, line in zip(range(MOST_LINES), log.lines(), strict=False)
            if line.get("version", version) == version
        ]
    broken = log.losses.broken, log.losses.dropped
    found = [line for line in log.since(start, MOST_LINES) if line.get("version", version) == version]
    log.losses.broken, log.losses.dropped = broken  # the same lines as before
    return found
