"""What `/metrics` tells: counters of all workers together, kept in files that they share.

Needs `PROMETHEUS_MULTIPROC_DIR` to be set before it is imported for more than one worker. The files of workers that have
ended are added up into one, so that there are never more than the workers have; counters never fall.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.mmap_dict import MmapedDict
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
        shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if not shared:
            return generate_latest(self._registry) + self._gauges().encode()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        with _alone(Path(shared)):
            try:
                _add_up(Path(shared))
            except OSError as error:  # a full disk, say: the sum is right all the same
                logger.warning("the counters of workers that have ended stay in files of their own: %s", error)
            text = generate_latest(registry)
        return text + self._gauges().encode()

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


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time read or add up, since in between a counter would be in two files, or in none."""
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _add_up(folder: Path) -> None:
    """Add the counters of processes that have ended to one file a kind, and remove theirs; remove their gauges.

    What was begun is written down first, so that a process killed in the middle makes nothing count twice.
    """
    begun = folder / "adding.json"
    if begun.exists():
        told = json.loads(begun.read_text("utf-8"))
        if not (folder / told["draft"]).exists():  # it stands in the place of the sum already
            for name in told["files"]:
                (folder / name).unlink(missing_ok=True)
        begun.unlink()
    ended: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.db")):
        found = re.fullmatch(r"(counter|histogram|summary|gauge_\w+)_(\d+)\.db", path.name)
        if found and int(found[2]) and not _lives(int(found[2])):
            ended.setdefault(found[1], []).append(path)
    for kind, paths in ended.items():
        if not kind.startswith("gauge"):
            _add(folder, kind, paths)
        for path in paths:
            path.unlink(missing_ok=True)
        begun.unlink(missing_ok=True)


def _add(folder: Path, kind: str, paths: list[Path]) -> None:
    """Put the sum of some files into `KIND_0.db`, which no process has."""
    into, draft = folder / f"{kind}_0.db", folder / f"{kind}.adding"
    totals: dict[str, float] = {}
    for path in [into, *paths] if into.exists() else paths:
        for key, value, *_ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            totals[key] = totals.get(key, 0.0) + value
    draft.unlink(missing_ok=True)
    values = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
    for key, value in totals.items():
        values.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    values.close()  # type: ignore[no-untyped-call]
    begun = folder / "adding.json"
    told = begun.with_suffix(".tmp")
    told.write_text(json.dumps({"draft": draft.name, "files": [path.name for path in paths]}), "utf-8")
    told.replace(begun)
    draft.replace(into)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
