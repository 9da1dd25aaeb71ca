"""What a look has found as gauges: for the service's own `/metrics`, and for Prometheus's textfile collector."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nbprod.errors import Location, NbprodError
from nbprod.monitoring.monitor import Report

FILE = "drift.json"
HELP = {
    "nbprod_drift": "Population stability index of a column against the profile kept at promotion.",
    "nbprod_drift_alarm": "1 when a column has drifted or a live metric is worse than it may be.",
    "nbprod_live_metric": "A metric of the rows with feedback.",
    "nbprod_live_rows": "Rows with feedback.",
    "nbprod_window_rows": "Rows that were compared.",
    "nbprod_missing": "Fraction of missing values of a column.",
    "nbprod_error_rate": "Fraction of requests that failed.",
    "nbprod_drift_time_seconds": "When this was found (epoch seconds).",
}


def gauges(report: Report) -> list[dict[str, Any]]:
    """The gauges as `{"name", "labels", "value"}`."""
    found: list[tuple[str, dict[str, str], float]] = [
        ("nbprod_drift_alarm", {}, float(report.alarm)),
        ("nbprod_window_rows", {}, float(report.rows)),
        ("nbprod_live_rows", {}, float(report.labelled)),
        ("nbprod_error_rate", {}, report.traffic.error_rate),
        ("nbprod_drift_time_seconds", {}, report.time),
    ]
    for column in report.columns:
        labels = {"feature": column.name, "part": column.part}
        if column.psi is not None:
            found.append(("nbprod_drift", labels, column.psi))
        found.append(("nbprod_missing", labels, column.missing))
    found += [("nbprod_live_metric", {"metric": score.metric}, score.value) for score in report.scores]
    known = {"model": report.model, "version": str(report.version)}
    return [{"name": name, "labels": {**known, **labels}, "value": value} for name, labels, value in found]


def write_gauges(report: Report, home: Path) -> None:
    """Write `drift.json` into a service's folder, whose `/metrics` shows it."""
    text = json.dumps({"time": report.time, "alarm": report.alarm, "gauges": gauges(report)})
    write(home / FILE, text)


def prometheus(report: Report) -> str:
    """The gauges in Prometheus's text format."""
    lines: list[str] = []
    by_name: dict[str, list[dict[str, Any]]] = {}
    for gauge in gauges(report):
        by_name.setdefault(gauge["name"], []).append(gauge)
    for name, found in by_name.items():
        lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge"]
        for gauge in found:
            labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in gauge["labels"].items())
            lines.append(f"{name}{{{labels}}} {gauge['value']:.10g}")
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Replace a file at once. Raises `NbprodError` if it cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise NbprodError(f"cannot be written: {error.strerror}", where=Location(file=str(path))) from error


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
