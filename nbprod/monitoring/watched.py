"""What the parts of a watcher share: the model, its service and log, the state that is kept, and how events are told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbprod.monitoring.log import PredictionLog
from nbprod.monitoring.monitor import deployment
from nbprod.monitoring.notify import notify
from nbprod.monitoring.state import HISTORY, State
from nbprod.promotion.registry import Registry
from nbprod.promotion.version import ModelVersion
from nbprod.service import records
from nbprod.service.records import Service

if TYPE_CHECKING:
    from nbprod.project import Entry, Project

TOLD = frozenset({"drift", "trigger", "rejected", "failed", "challenger", "swapped", "rolled-back", "waiting", "kept"})
"""The events that `watch.notify` is told of."""

Event = dict[str, Any]
Listener = Callable[[Event], None]


class Watched:
    """A model that is watched. Raises `NotFoundError` if it has no champion yet, `NbprodError` for a damaged state.

    `stop` ends the watcher from another thread, or a signal handler.
    """

    def __init__(
        self, project: Project, entry: Entry, name: str, on_event: Listener, stop: threading.Event | None = None
    ) -> None:
        self.project, self.entry, self.name = project, entry, name
        self.config, self.monitoring = entry.config.watch, entry.config.monitor
        self.stop = stop or threading.Event()
        self.home = deployment(project, name)
        self.log = PredictionLog(self.home / "predictions")
        self.registry = Registry(project)
        self._listener = on_event
        self.champion()
        self.state = State.read(self.home)

    def champion(self) -> ModelVersion:
        """The version that is served now."""
        return self.registry.get(self.name)

    def service(self) -> Service | None:
        """Its service, if one runs."""
        found = records.find(self.project, self.name)
        return found if found is not None and found.runs else None

    def keep(self) -> None:
        """Keep the state."""
        self.state.write(self.home)

    def rest(self) -> None:
        """Wait for the next reason, after the cool-down."""
        self.state.idle(time.time())
        self.keep()

    def emit(self, event: str, **facts: Any) -> None:
        """Tell listeners, the history and those to be notified."""
        told = {"event": event, "time": time.time(), "model": self.name, **facts}
        self._listener(told)
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told, default=str) + "\n")
        for target in self.config.notify if event in TOLD else ():
            problem = notify(target, told)
            if problem is not None:
                self.emit("notify-failed", problem=problem)
