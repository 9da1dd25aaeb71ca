"""What `/metrics` tells: counters of all workers together, kept in files that they share.

Needs `PROMETHEUS_MULTIPROC_DIR` to be set before it is imported for more than one worker.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
logger = logging.getLogger("nbprod.metrics")


class Metrics:
    """The metrics of one version of a model in this process."""

    def __init__(self, model: str, version: int, run: str, commit: str, home: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        self._home = home
        labels = {"model": model, "version": str(version)}
        self._labels = labels

        def make(kind: type[Any], name: str, about: str, *names: str, **options: Any) -> Any:
            return kind(name, about, ["model", "version", *names], registry=self._registry, **options)

        self._requests = make(Counter, "nbprod_requests_total", "Requests that were answered", "route", "code")
        self._seconds = make(Histogram, "nbprod_request_seconds", "Seconds until the answer", "route", buckets=BUCKETS)
        self._rows = make(Counter, "nbprod_rows_total", "Rows that were answered").labels(**labels)
        self._dropped = make(
            Counter, "nbprod_predictions_dropped_total", "Predictions that could not be logged"
        ).labels(**labels)
        self._shadow = make(Counter, "nbprod_shadow_total", "Answers compared with the challenger's", "agrees")
        info = make(Gauge, "nbprod_model_info", "What is served", "run", "commit", multiprocess_mode="livemax")
        info.labels(**labels, run=run, commit=commit).set(1)
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}

    def answered(self, route: str, code: int, seconds: float) -> None:
        """Count a request. `route` must be one of few names."""
        child = self._children.get((route, code))
        if child is None:
            child = (
                self._requests.labels(**self._labels, route=route, code=str(code)),
                self._seconds.labels(**self._labels, route=route),
            )
            self._children[route, code] = child
        child[0].inc()
        child[1].observe(seconds)

    def rows(self, count: int) -> None:
        """Count rows that were answered."""
        self._rows.inc(count)

    def dropped(self, count: int) -> None:
        """Count predictions that were not logged."""
        if count > 0:
            self._dropped.inc(count)

    def shadow(self, *, agrees: bool) -> None:
        """Count an answer that the challenger was asked for too."""
        self._shadow.labels(**self._labels, agrees="true" if agrees else "false").inc()

    def text(self) -> bytes:
        """Return the metrics of all workers, and the gauges that monitoring left in `drift.json`."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + self._gauges().encode()

    def _gauges(self) -> str:
        """`drift.json` holds `{"gauges": [{"name", "labels": {...}, "value"}, ...]}`."""
        if self._home is None:
            return ""
        try:
            gauges = json.loads((self._home / "drift.json").read_text("utf-8"))["gauges"]
            told: list[str] = []
            for one in sorted(gauges, key=lambda one: str(one["name"])):
                labels = {**self._labels, **one.get("labels", {})}
                if f"# TYPE {one['name']} gauge" not in told:
                    told.append(f"# TYPE {one['name']} gauge")
                inner = ",".join(f'{key}="{_escaped(str(value))}"' for key, value in labels.items())
                told.append(f"{one['name']}{{{inner}}} {float(one['value'])}")
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("drift.json cannot be read: %s", error)
            return ""
        return "\n".join([*told, ""])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def forget(folder: Path, pid: int) -> None:
    """Remove the gauges of a process that has ended; its counters stay, since counters never fall."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
