"""Training again: a headless run in a process of its own, its promotion to challenger, and the gate on the newest labelled rows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.errors import Cancelled, GateError, Location, RunError
from nbprod.execution.events import Status
from nbprod.execution.records import Records
from nbprod.monitoring.feedback import Labelled
from nbprod.monitoring.scores import LOWER, known
from nbprod.promotion.scoring import evaluate
from nbprod.promotion.version import ModelVersion

if TYPE_CHECKING:
    from nbprod.project import Entry, Project

GRACE = 30.0
"""Seconds that a run has to end its kernels when it is told to stop."""
FEW = 30
"""Labelled rows below which champion and challenger are not compared."""


def run(project: Project, entry: Entry, parameters: Mapping[str, Any], stop: threading.Event) -> str:
    """Run the pipeline as `nbprod run` does, and return the run's id.

    Raises `RunError` if it fails, `Cancelled` if `stop` is set meanwhile (the run is then marked cancelled).
    """
    target = entry.name if entry.listed else str(entry.notebook)
    command = [sys.executable, "-m", "nbprod", "run", target, "--json"]
    if parameters:
        command += ["--values", json.dumps(dict(parameters))]
    process = subprocess.Popen(
        command,
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    said: list[str] = []
    readers = [
        threading.Thread(target=_read, args=pair, daemon=True)
        for pair in ((process.stdout, lines), (process.stderr, said))
    ]
    for reader in readers:
        reader.start()
    try:
        while process.poll() is None:
            if stop.wait(0.1):
                raise Cancelled("the watcher was stopped while a run went on")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reader in readers:
            reader.join(5)
    return _outcome(lines, said, process.returncode)


def _read(stream: Any, lines: list[str]) -> None:
    with stream:
        lines.extend(stream)


def _outcome(lines: Sequence[str], said: Sequence[str], code: int) -> str:
    result: dict[str, Any] = {}
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and (value.get("event") == "result" or "error" in value and "event" not in value):
            result = value
    if result.get("event") == "result" and code == 0:
        return str(result["run"])
    errors = result.get("errors") or []
    error = result.get("error") or {}
    last = ("".join(said).strip() or f"exit code {code}").splitlines()[-1]
    place = Location(**error["where"]) if error.get("where") else None
    what = errors[0]["message"] if errors else error.get("what", last)
    fix = f"nbprod show {result['run']} shows it." if "run" in result else error.get("fix")
    raise RunError(f"the run failed: {what}", where=place, fix=fix)


def computed_before(project: Project, run_id: str, versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """The version whose run computed just what this one did: every task came from the cache, and files and metrics are the same."""
    records = Records.open(project)
    new = records.run(run_id)
    if any(task.status is not Status.CACHED for task in new.tasks):
        return None
    metrics, read = dict(new.metrics), records.files(run_id)["read"]
    for version in versions:
        if metrics == dict(version.metrics) and read == records.files(version.run)["read"]:
            return version
    return None


@dataclass(frozen=True)
class Window:
    """Champion and challenger on the newest labelled rows. `worse` names the metrics in which the challenger is worse."""

    rows: int
    champion: Mapping[str, float] = field(default_factory=dict)
    challenger: Mapping[str, float] = field(default_factory=dict)
    worse: tuple[str, ...] = ()
    why: str = ""
    """Why they could not be compared."""

    @property
    def compared(self) -> bool:
        return not self.why

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "rows": self.rows,
            "champion": dict(self.champion),
            "challenger": dict(self.challenger),
            "worse": list(self.worse),
            "why": self.why,
        }


def compare(champion: ModelVersion, challenger: ModelVersion, rows: Labelled, directions: Mapping[str, str]) -> Window:
    """Compute the notebook's metrics for both versions on labelled rows that neither was trained on."""
    count = len(rows)
    if count < FEW:
        return Window(count, why=f"{count} labelled rows are too few to compare on ({FEW} are needed)")
    given = [_as_sent(row) for row in rows.features]
    ours, theirs = (evaluate(version, champion, rows=given, truth=rows.labels) for version in (champion, challenger))
    shared = [name for name in ours.metrics if name in theirs.metrics and direction(name, directions) is not None]
    if not shared:
        problems = [*ours.problems.values(), *theirs.problems.values()]
        return Window(
            count,
            ours.metrics,
            theirs.metrics,
            why="; ".join(dict.fromkeys(problems)) or "no metric says which way is better",
        )
    worse = tuple(
        name
        for name in shared
        if (theirs.metrics[name] > ours.metrics[name]) == (direction(name, directions) == "minimize")
        and theirs.metrics[name] != ours.metrics[name]
    )
    return Window(count, ours.metrics, theirs.metrics, worse)


def direction(metric: str, directions: Mapping[str, str]) -> str | None:
    """Which way a metric is better: as the project says, else as its name says."""
    if metric in directions:
        return directions[metric]
    kind = known(metric)
    if kind is not None:
        return "minimize" if kind in LOWER else "maximize"
    return "minimize" if metric.lower().rpartition("_")[2] in ("loss", "error") else None


def directions_of(entry: Entry) -> dict[str, str]:
    """Which way metrics are better, from the requirements and the sweep of a pipeline."""
    require = entry.config.promote.require
    found = {
        name: "minimize" if rule.comparison in ("<", "<=") else "maximize"
        for name, rule in require.items()
        if rule.comparison != "=="
    }
    return {**found, **entry.config.sweep.optimize}


def promote_challenger(project: Project, entry: Entry, run_id: str, *, window_only: bool) -> ModelVersion:
    """Make a run a ready version with the alias `challenger`.

    With `window_only` a comparison with the champion on older rows is no hindrance (it is recorded), but all that is required is.
    Raises `GateError`, and what else a promotion raises.
    """
    from nbprod.promotion.promote import promote

    force = "judged on the newest labelled rows (watch.gate)" if window_only else None
    version = promote(project, entry, run_id, crown=False, force=force)
    checks = (version.lineage.get("gate") or {}).get("checks", [])
    failed = [item for item in checks if not item["passed"] and " of " not in item["wanted"]]
    if window_only and failed:
        raise GateError("; ".join(f"{item['metric']} is {item['value']!r}, wanted {item['wanted']}" for item in failed))
    return version


def _as_sent(row: Mapping[str, Any]) -> Any:
    """A row as a service is sent it: a dict of its columns, or the list of an array's."""
    if row and all(name.endswith("]") and "[" in name for name in row):
        return list(row.values())
    return dict(row)
