"""The watcher: looks, trains again, compares, lets the better model take over, and takes it back if that was a mistake.

It goes in steps. What it is about is kept after each (`state`), so that it may be killed at any moment and started again, or be called by
cron (`once`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbprod.errors import Cancelled, GateError, NbprodError, NotFoundError, PromotionError
from nbprod.execution.records import Records
from nbprod.monitoring import train, triggers
from nbprod.monitoring.collect import Collection
from nbprod.monitoring.feedback import Labelled
from nbprod.monitoring.gauges import write_gauges
from nbprod.monitoring.log import FEEDBACK, Tail
from nbprod.monitoring.monitor import Followed, monitor
from nbprod.monitoring.state import Phase
from nbprod.monitoring.takeover import Takeover
from nbprod.monitoring.watched import Listener, Watched
from nbprod.promotion.version import CHALLENGER, ModelVersion

if TYPE_CHECKING:
    from nbprod.project import Entry, Project

RESUMES = 3
"""How often an attempt that was cut off is taken up again."""


class Watch(Watched):
    """Watches the model of a pipeline, in steps."""

    def __init__(
        self, project: Project, entry: Entry, name: str, on_event: Listener, stop: threading.Event | None = None
    ) -> None:
        super().__init__(project, entry, name, on_event, stop)
        self._files = triggers.files_of(project, self.config, entry.config.inputs)
        self._followed, self._labels = Followed.of(self.log), triggers.NewLabels(self.log)
        self._takeover = Takeover(self)
        self._problem = ""

    def loop(self) -> None:
        """Go on until `stop`."""
        self.emit("watching", phase=self.state.phase, version=self.champion().version)
        while not self.stop.is_set():
            if not self.step():
                self.stop.wait(self.config.every)
        self.emit("stopped", phase=self.state.phase)

    def once(self) -> None:
        """Do all that can be done without waiting."""
        while not self.stop.is_set() and self.step():
            pass

    def step(self) -> bool:
        """Do the next thing; return whether something was done, so that there may be more to do at once."""
        now, state = time.time(), self.state
        if state.started > now + 60:  # the clock was set back
            state.started = state.attempted = now
        try:
            if state.phase is Phase.TRAINING:
                return self._resume()
            if state.phase is Phase.SHADOW:
                return self._takeover.shadow(now)
            if state.phase is Phase.TAKEOVER:
                self._takeover.take_over()
                return True
            if state.phase is Phase.ROLLBACK:
                self._takeover.roll_back()
                return True
            if state.phase is Phase.GUARD and self._takeover.guard(now):
                return True
            return self._idle(now)
        except Cancelled:  # to be stopped is not to be cut off
            state.reason["resumed"] = max(0, state.reason.get("resumed", 0) - 1)
            self.keep()
            return False
        except GateError as error:
            self._takeover.reject(error.what)
        except NbprodError as error:
            return self._failed(error)
        return True

    def _idle(self, now: float) -> bool:
        state = self.state
        drift = self._look(now)
        if state.phase is Phase.GUARD:
            return False
        files, settled = self._files.now(Records.open(self.project).files(self.champion().run)["read"])
        if state.data is None:
            before = Records.open(self.project).files(self.champion().run)["read"]
            state.data = {**files, **{name: before[name] for name in files if name in before}}
            self.keep()
        if now - state.attempted < self.config.cooldown:
            return False
        reason = self._reason(now, drift, files if settled else {})
        if reason is None:
            return False
        state.phase, state.reason, state.started, state.attempted = Phase.TRAINING, reason.to_json(), now, now
        state.data = {**state.data, **files}
        state.test, state.run, state.challenger = [], None, None
        feedback = Tail(self.log, FEEDBACK)
        feedback.skip()
        state.feedback = feedback.places
        state.champion = self.champion().version
        self.keep()
        self.emit("trigger", **reason.to_json())
        self._train()
        return True

    def _reason(
        self, now: float, drift: triggers.Reason | None, files: Mapping[str, str | None]
    ) -> triggers.Reason | None:
        config, state = self.config, self.state
        if config.cron is not None:
            known, found = state.cron, triggers.cron(state, config.cron, now)
            if state.cron != known:
                self.keep()
            if found is not None:
                return found
        if config.data and (found := triggers.data(state, files)) is not None:
            return found
        if config.labels is not None and (found := triggers.labels(state, self._labels, config.labels)) is not None:
            return found
        return drift if config.drift else None

    def _look(self, now: float) -> triggers.Reason | None:
        """Look for drift, at most every `monitor.every` seconds and only if something was logged since."""
        state = self.state
        if state.looked > now:
            state.looked = 0
        if now - state.looked < self.monitoring.every:
            return None
        size = self.log.size()
        if size == state.seen:
            return None
        report = monitor(self.project, self.name, self.monitoring, followed=self._followed)
        write_gauges(report, self.home)
        names = [column.name for column in report.drifted] + [score.metric for score in report.worse]
        told = state.drifted
        state.looked, state.seen, state.drifted = now, size, names
        self.keep()
        if not names:
            return None
        if set(names) - set(told):
            self.emit("drift", columns=names, version=report.version, rows=report.rows)
        return triggers.Reason("drift", ", ".join(names))

    def _resume(self) -> bool:
        count = self.state.reason["resumed"] = self.state.reason.get("resumed", 0) + 1
        self.keep()
        if count > RESUMES:
            return self._failed(NbprodError(f"the attempt was cut off {RESUMES} times"))
        self.emit("resumed", phase=self.state.phase, reason=self.state.reason)
        self._train()
        return True

    def _train(self) -> None:
        state, champion = self.state, self.champion()
        rows = self._split()
        if state.run is None:
            parameters = (
                Records.open(self.project).run(champion.run).parameters if self.config.parameters == "champion" else {}
            )
            self.emit("run", parameters=parameters)
            state.run = train.run(self.project, self.entry, parameters, self.stop)
            self.keep()
        before = train.computed_before(self.project, state.run, [champion, *self._rolled_back()])
        if before is not None:
            said = (
                "the champion's"
                if before.version == champion.version
                else f"that of {before.name}, which was rolled back,"
            )
            reason = f"the run computed what {said} did"
            if state.reason.get("added"):
                reason += f", though rows were added to {self.config.collect}: the notebook does not read it, or by a library that reads unseen (then name it in `inputs`)"
            self.emit("nothing-new", run=state.run, reason=reason)
            return self.rest()
        challenger = self._made_before() or train.promote_challenger(
            self.project, self.entry, state.run, window_only=self.config.gate == "window"
        )
        state.challenger = challenger.version
        self.keep()
        window = train.compare(champion, challenger, rows, train.directions_of(self.entry))
        self.emit(
            "challenger",
            version=challenger.version,
            run=state.run,
            metrics=dict(challenger.metrics),
            window=window.to_json(),
        )
        if window.worse:
            raise GateError(
                f"{challenger.name} is worse than {champion.name} on the {window.rows} newest labelled rows: {', '.join(window.worse)}"
            )
        if self.config.gate == "window" and not window.compared:
            raise GateError(f"{challenger.name} cannot be compared with {champion.name} on newer rows: {window.why}")
        self._takeover.begin(champion, challenger)
        return None

    def _rolled_back(self) -> list[ModelVersion]:
        found = []
        for number in self.state.bad:
            with suppress(NotFoundError):
                found.append(self.registry.get(self.name, number))
        return found

    def _made_before(self) -> ModelVersion | None:
        """The challenger of this very run, if the watcher was killed after it was made."""
        try:
            found = self.registry.get(self.name, CHALLENGER)
        except (NotFoundError, PromotionError):
            return None
        return found if found.run == self.state.run else None

    def _split(self) -> Labelled:
        """Put the labelled rows into the file that the notebook reads, all but those that the models are judged on; return these."""
        config, state = self.config, self.state
        self._followed.feedback.update()
        rows = self._followed.feedback.rows(route=self.monitoring.route)
        if config.collect is None:
            return rows.part(slice(max(0, len(rows) - self.monitoring.window), None))
        collection = Collection((self.project.root / config.collect).resolve(), self.home, config.column, config.keep)
        if not state.test and state.run is None:
            known = collection.known()
            new = [key for key in rows.keys if key not in known]
            state.test = [list(key) for key in new[len(new) - math.ceil(config.test * len(new)) :]]
            self.keep()
        test = {(key[0], key[1]) for key in state.test}
        if state.run is None:
            used = rows.where([key not in test for key in rows.keys])

            def pending(what: dict[str, Any] | None) -> None:
                state.collected = what
                self.keep()

            added = collection.add(used, state.collected, pending)
            state.reason["added"] = state.reason.get("added", 0) + added
            self.emit("collected", rows=added, file=config.collect, kept_for_the_test=len(test))
        return rows.where([key in test for key in rows.keys])

    def _failed(self, error: NbprodError) -> bool:
        idle = self.state.phase is Phase.IDLE
        if not idle or str(error) != self._problem:  # a log that cannot be read is told once
            self.emit("failed", phase=self.state.phase, kind=type(error).__name__, why=str(error))
        if idle:
            self._problem = str(error)
            return False
        self._takeover.end_shadow()
        self.rest()
        return True
