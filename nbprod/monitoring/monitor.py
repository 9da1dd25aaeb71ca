"""A look at a service: its newest requests beside its model's profile, its live metrics, its latency and errors."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import Location, NbprodError
from nbprod.monitoring.bulk import count_log
from nbprod.monitoring.counts import Counts, Place
from nbprod.monitoring.drift import ENOUGH, ColumnDrift, alpha, columns_drift
from nbprod.monitoring.feedback import Feedback, Labelled
from nbprod.monitoring.layout import lay_out
from nbprod.monitoring.log import Losses, PredictionLog, Versions, check_log
from nbprod.monitoring.scores import Score, known, scores
from nbprod.monitoring.traffic import Meter, Traffic
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
    sample: Mapping[Place, list[Any]] = field(repr=False)
    """Values of each column, by its part and name: evenly chosen ones where there are many."""

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


@dataclass
class Followed:
    """What a watcher keeps from one look to the next, so that it reads new lines only."""

    feedback: Feedback
    versions: Versions = field(default_factory=Versions)

    @classmethod
    def of(cls, log: PredictionLog) -> Followed:
        """Nothing read yet."""
        return cls(Feedback(log))


def monitor(
    project: Project,
    name: str,
    config: MonitorConfig,
    version: int | str | None = None,
    *,
    rows: int | None = None,
    since: float | None = None,
    followed: Followed | None = None,
) -> Report:
    """Look at a service once.

    Args:
        project: The project.
        name: The model's name.
        config: What `pipelines.yaml` says of it.
        version: The model version whose requests are looked at; the champion without it.
        rows: The newest rows to compare, in place of `config.window`.
        since: Compare all rows from this time on (epoch seconds) instead.
        followed: What an earlier look has read.

    Raises:
        NotFoundError: No such model or version.
        LogError: There is no prediction log, or it cannot be read.
    """
    chosen = Registry(project).get(name, version)
    log = check_log(deployment(project, name) / "predictions", name)
    followed = followed or Followed.of(log)
    log.versions = followed.versions
    profile = read_profile(chosen)
    counts, meter = Counts(profile), Meter()
    wanted = rows or config.window
    if since is None:
        _count_newest(log, chosen.version, wanted, counts, meter)
    else:
        count_log(log, since, chosen.version, counts, meter)
    log.count_cut()
    followed.feedback.update()
    labelled = followed.feedback.rows(version=chosen.version, route=config.route, newest=wanted)
    losses = log.losses
    losses.broken += followed.feedback.broken
    losses.future = counts.future
    return look(chosen, profile, counts, meter.traffic(), losses, labelled, config)


def look(
    version: ModelVersion,
    profile: Mapping[str, Any] | None,
    counts: Counts,
    traffic: Traffic,
    losses: Losses,
    rows: Labelled,
    config: MonitorConfig,
) -> Report:
    """Compare counts of a version's requests with its profile, and its live metrics with its run's."""
    notes: list[str] = []
    level = alpha(config.false_alarms, config.every)
    if profile is None:
        notes.append(
            f"{version.name} was promoted before profiles were kept, so drift cannot be told: promote its run again"
        )
    elif not counts.rows:
        notes.append(f"{version.name} has answered nothing yet")
    elif counts.rows < ENOUGH:
        notes.append(f"{counts.rows} rows are too few for a verdict on drift: {ENOUGH} are needed")
    elif profile.get("rows", 0) < 50:
        notes.append(
            f"the profile of {version.name} is of {profile.get('rows', 0)} rows, too few to tell drift: keep the training table in a variable"
        )
    found = scores(rows, version.metrics, config.require, column=config.label)
    missing = [metric for metric in config.require if metric not in {score.metric for score in found}]
    if len(rows) and missing:
        reason = "is none that can be computed from labels" if known(missing[0]) is None else "does not fit the labels"
        notes.append(f"monitor.require: {missing[0]} {reason}")
    if losses.future:
        notes.append(f"{losses.future} requests are dated in the future: a clock was set back")
    if losses.broken:
        notes.append(f"{losses.broken} lines of the log could not be read and are left out")
    if losses.dropped:
        notes.append(
            f"the service dropped {losses.dropped} lines: it was asked faster than it could log, or could not write"
        )
    return Report(
        version.model,
        version.version,
        time.time(),
        counts.rows,
        level,
        columns_drift(counts.columns, level),
        found,
        traffic,
        len(rows),
        asdict(losses),
        notes,
        profile or {},
        counts.sample,
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
    meter = Meter()
    newest = log.newest(rows, version)
    if newest:
        _measure(log, version, float(newest[0].get("ts", 0)), meter)
    return meter.traffic()


def _count_newest(log: PredictionLog, version: int, rows: int, counts: Counts, meter: Meter) -> None:
    seen = lay_out(log.newest(rows, version))
    counts.take(seen, time.time())
    _measure(log, version, counts.start or 0.0, meter)


def _measure(log: PredictionLog, version: int, start: float, meter: Meter) -> None:
    """Measure the requests of a version from the time `start` on, those that failed among them."""
    broken = log.losses.broken, log.losses.dropped
    meter.take(line for line in log.since(start, MOST_LINES) if line.get("version", version) == version)
    log.losses.broken, log.losses.dropped = broken  # the same lines as before
