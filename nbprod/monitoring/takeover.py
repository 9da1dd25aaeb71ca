"""How a challenger becomes the champion: it answers beside it, takes over, and is looked after; if that was a mistake, it goes."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from nbprod.errors import ConflictError, GateError, NbprodError, NotFoundError
from nbprod.monitoring.lines import DETAILS
from nbprod.monitoring.log import PREDICTIONS, SHADOW, Tail
from nbprod.monitoring.monitor import recent
from nbprod.monitoring.state import Phase
from nbprod.monitoring.traffic import Meter, Traffic
from nbprod.monitoring.verdicts import problem_of, problem_of_shadow, shadowed
from nbprod.monitoring.watched import Watched
from nbprod.promotion.version import CHALLENGER, Kind, ModelVersion
from nbprod.service import deployments

LATEST = 100
"""Answers whose median latency is looked at: of all since the takeover a change that comes late would not be seen."""
REMEMBERED = 20
"""Versions that were rolled back which are remembered."""


class Takeover:
    """The way of one challenger. Each step leaves a state from which another process can go on."""

    def __init__(self, watched: Watched) -> None:
        self.watched, self.config = watched, watched.config
        self._tail: Tail | None = None
        self._lines: list[dict[str, Any]] = []
        self._meter = Meter()
        self._suspected: str | None = None

    def begin(self, champion: ModelVersion, challenger: ModelVersion) -> None:
        """Let the challenger answer beside the champion, if a service runs; else it takes over at once."""
        w, state = self.watched, self.watched.state
        state.baseline = asdict(recent(w.log, champion.version, w.monitoring.window))
        if w.service() is None or not self.config.shadow:
            state.phase = Phase.TAKEOVER
        else:
            state.places, state.phase, state.started = self._here(SHADOW), Phase.SHADOW, time.time()
            deployments.shadow(w.project, w.name, challenger.version)
            w.emit("shadow", version=challenger.version, requests=self.config.shadow)
        w.keep()

    def shadow(self, now: float) -> bool:
        """Judge what the challenger answered, once it is enough; return whether it was. Raises `GateError` if it may not take over."""
        w, state = self.watched, self.watched.state
        assert state.challenger is not None
        service = w.service()
        if service is not None and service.challenger is None:  # killed before it began, or ended by someone
            deployments.shadow(w.project, w.name, state.challenger)
        found = shadowed(self._shadowed(), state.challenger)
        if found.requests < self.config.shadow and service is not None and now - state.started < self.config.patience:
            return False
        w.emit("shadowed", version=state.challenger, **asdict(found))
        problem = problem_of_shadow(found, Traffic(**state.baseline), self.config.slower, self.config.agree)
        if problem is not None:
            raise GateError(problem)
        state.phase = Phase.TAKEOVER
        w.keep()
        return True

    def take_over(self) -> None:
        """Make the challenger the champion and swap it in; a service that cannot has the champion of before again."""
        w, state = self.watched, self.watched.state
        assert state.challenger is not None
        version = w.registry.get(w.name, state.challenger)
        if w.entry.config.promote.approval and version.version != w.champion().version:
            w.emit("waiting", version=version.version, why=f"it waits for somebody's approval: {version.name}")
            self.end_shadow()
            return self._rest()
        why = f"{state.reason.get('kind')}: {state.reason.get('detail')}"
        version = w.registry.crown(version, why=why, who="nbprod watch")
        state.places = self._here(PREDICTIONS)
        served = w.service() is not None
        if served:
            try:
                deployments.swap(w.project, w.name, version.version)
            except NbprodError as error:
                return self._go_back(f"it could not be served: {error.what}")
        w.emit("swapped", version=version.version, champion=state.champion, served=served, why=why)
        state.phase, state.started = Phase.GUARD, time.time()
        self._forget()
        w.keep()
        return None

    def guard(self, now: float) -> bool:
        """Look after a new champion; return whether that is over. What is worse at two looks is rolled back."""
        w, state = self.watched, self.watched.state
        version = w.champion().version
        if version != state.challenger:  # somebody else has changed the champion
            self._rest()
            return True
        now_traffic = self._traffic(version)
        problem = problem_of(now_traffic, Traffic(**state.baseline), self.config.slower)
        if problem is not None and self._suspected is not None:
            self._go_back(problem)
            return True
        self._suspected = problem
        if problem is None and now - state.started >= self.config.guard:
            w.emit("kept", version=version, requests=now_traffic.requests)
            self._rest()
            return True
        return False

    def reject(self, why: str) -> None:
        """Put a challenger, or a run that did not become one, aside."""
        w, state = self.watched, self.watched.state
        w.emit("rejected", version=state.challenger, run=state.run, why=why)
        if state.challenger is not None:
            self.end_shadow()
            version = w.registry.get(w.name, state.challenger)
            w.registry.note(version, Kind.NOTE, f"nbprod watch: {why}", who="nbprod watch")
            if CHALLENGER in version.aliases:
                w.registry.point(w.name, CHALLENGER, None, why=why, who="nbprod watch")
        self._rest()

    def end_shadow(self) -> None:
        """Ask the challenger no more."""
        w, service = self.watched, self.watched.service()
        if service is None or service.challenger is None or service.challenger.get("version") != w.state.challenger:
            return
        try:
            deployments.alone(w.project, w.name)
        except (ConflictError, NotFoundError):  # it was stopped meanwhile
            return

    def _go_back(self, why: str) -> None:
        state = self.watched.state
        state.phase, state.reason["rollback"] = Phase.ROLLBACK, why
        self.watched.keep()
        self.roll_back()

    def roll_back(self) -> None:
        """Make the champion of before the champion again, and serve it; goes on where a kill cut it off."""
        w, state = self.watched, self.watched.state
        champion, why = w.champion(), str(state.reason.get("rollback", ""))
        if champion.version == state.challenger:
            champion = w.registry.rollback(w.name, state.champion, why=why, who="nbprod watch")
        elif champion.version != state.champion:  # somebody else has changed the champion
            return self._rest()
        if w.service() is not None:
            deployments.swap(w.project, w.name, champion.version)
        if state.challenger is not None:
            state.bad = [*state.bad, state.challenger][-REMEMBERED:]
        w.emit("rolled-back", version=champion.version, bad=state.challenger, why=why)
        return self._rest()

    def _rest(self) -> None:
        self._forget()
        self.watched.rest()

    def _forget(self) -> None:
        self._tail, self._lines, self._meter, self._suspected = None, [], Meter(), None

    def _here(self, kind: str) -> dict[str, int]:
        tail = Tail(self.watched.log, kind)
        tail.skip()
        return tail.places

    def _follow(self, kind: str) -> Tail:
        """What is read of a kind since the phase began."""
        if self._tail is None or self._tail.kind != kind:
            self._forget()
            self._tail = Tail(self.watched.log, kind, dict(self.watched.state.places))
        return self._tail

    def _shadowed(self) -> list[dict[str, Any]]:
        """The lines of the challenger's answers since it was asked."""
        tail = self._follow(SHADOW)
        self._lines += [{key: value for key, value in line.items() if key not in DETAILS} for line in tail.new()]
        return self._lines

    def _traffic(self, version: int) -> Traffic:
        """The traffic of a version since it took over, with the latency of the latest requests."""
        tail = self._follow(PREDICTIONS)
        return self._meter.take(line for line in tail.heads() if line.get("version") == version).traffic(LATEST)
