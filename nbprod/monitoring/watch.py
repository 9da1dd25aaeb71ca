"""The watcher: looks, trains again, compares, lets the better model take over, and takes it back if that was a mistake.

It goes in steps. What it is about is kept after each (`state`), so that it may be killed at any moment and started again, or be called by
cron (`once`).
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbprod.errors import Cancelled, ConflictError, GateError, NbprodError, NotFoundError, PromotionError
from nbprod.execution.records import Records
from nbprod.monitoring import train, triggers
from nbprod.monitoring.collect import Collection
from nbprod.monitoring.feedback import Labelled, labelled
from nbprod.monitoring.gauges import write_gauges
from nbprod.monitoring.log import FEEDBACK, PREDICTIONS, SHADOW, PredictionLog, Tail
from nbprod.monitoring.monitor import deployment, monitor, recent
from nbprod.monitoring.notify import notify
from nbprod.monitoring.state import HISTORY, Phase, State
from nbprod.monitoring.traffic import Traffic, traffic
from nbprod.monitoring.verdicts import problem_of, problem_of_shadow, shadowed
from nbprod.promotion.registry import Registry
from nbprod.promotion.version import CHALLENGER, Kind, ModelVersion
from nbprod.service import deployments, records

if TYPE_CHECKING:
    from nbprod.project import Entry, Project

TOLD = frozenset({"drift", "trigger", "rejected", "failed", "challenger", "swapped", "rolled-back", "waiting", "kept"})
"""The events that `watch.notify` is told of."""
RESUMES = 3
"""How often an attempt that was cut off is taken up again."""

Event = dict[str, Any]
Listener = Callable[[Event], None]


class Watch:
    """Watches the model of a pipeline. Raises `NotFoundError` if it has no champion yet.

    `stop` ends it from another thread, or a signal handler; a run that goes on is then cancelled.
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
        self._files = triggers.files_of(project, self.config, entry.config.inputs)
        self._tail: Tail | None = None
        self._lines: list[dict[str, Any]] = []
        self._problem = ""
        self.champion()
        self.state = State.read(self.home)

    def champion(self) -> ModelVersion:
        """The version that is served now."""
        return self.registry.get(self.name)

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
                return self._shadow(now)
            if state.phase is Phase.TAKEOVER:
                self._take_over()
                return True
            if state.phase is Phase.GUARD and self._guard(now):
                return True
            return self._idle(now)
        except Cancelled:
            return False
        except GateError as error:
            self._reject(error.what)
        except NbprodError as error:
            return self._failed(error)
        return True

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

    # -- waiting ---------------------------------------------------------------------------------------------------------------

    def _idle(self, now: float) -> bool:
        state = self.state
        drift = self._look(now)
        if state.phase is Phase.GUARD:
            return False
        files, settled = self._files.now(Records.open(self.project).files(self.champion().run)["read"])
        if state.data is None:
            before = Records.open(self.project).files(self.champion().run)["read"]
            state.data = {**files, **{name: before[name] for name in files if name in before}}
            state.write(self.home)
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
        state.write(self.home)
        self.emit("trigger", **reason.to_json())
        self._train()
        return True

    def _reason(
        self, now: float, drift: triggers.Reason | None, files: Mapping[str, str | None]
    ) -> triggers.Reason | None:
        config, state = self.config, self.state
        if config.cron is not None:
            found = triggers.cron(state, config.cron, now)
            state.write(self.home)
            if found is not None:
                return found
        if config.data and (found := triggers.data(state, files)) is not None:
            return found
        if config.labels is not None and (found := triggers.labels(state, self.log, config.labels)) is not None:
            return found
        return drift if config.drift else None

    def _look(self, now: float) -> triggers.Reason | None:
        """Look for drift, at most every `monitor.every` seconds and only if something was logged since."""
        state = self.state
        if state.looked > now:
            state.looked = 0
        if now - state.looked < self.monitoring.every:
            return None
        written = max(
            (path.stat().st_mtime for kind in (PREDICTIONS, FEEDBACK) for path in self.log.files(kind)), default=0.0
        )
        if written <= state.seen:
            return None
        report = monitor(self.project, self.name, self.monitoring)
        write_gauges(report, self.home)
        state.looked, state.seen = now, written
        state.write(self.home)
        if not report.alarm:
            return None
        names = [column.name for column in report.drifted] + [score.metric for score in report.worse]
        self.emit("drift", columns=names, version=report.version, rows=report.rows)
        return triggers.Reason("drift", ", ".join(names))

    # -- training --------------------------------------------------------------------------------------------------------------

    def _resume(self) -> bool:
        count = self.state.reason["resumed"] = self.state.reason.get("resumed", 0) + 1
        self.state.write(self.home)
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
            state.write(self.home)
        if train.learned_nothing(self.project, state.run, champion):
            self.emit("nothing-new", run=state.run, reason="the run computed what the champion's did")
            return self._rest()
        challenger = self._made_before() or train.promote_challenger(
            self.project, self.entry, state.run, window_only=self.config.gate == "window"
        )
        state.challenger = challenger.version
        state.write(self.home)
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
        self._begin_shadow(champion, challenger)
        return None

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
        rows = labelled(self.log, route=self.monitoring.route)
        if config.collect is None:
            return rows.part(slice(max(0, len(rows) - self.monitoring.window), None))
        collection = Collection((self.project.root / config.collect).resolve(), self.home, config.column, config.keep)
        if not state.test and state.run is None:
            known = collection.known()
            new = [key for key in rows.keys if key not in known]
            state.test = [list(key) for key in new[len(new) - math.ceil(config.test * len(new)) :]]
            state.write(self.home)
        test = {(key[0], key[1]) for key in state.test}
        if state.run is None:
            used = rows.where([key not in test for key in rows.keys])

            def pending(what: dict[str, Any] | None) -> None:
                state.collected = what
                state.write(self.home)

            added = collection.add(used, state.collected, pending)
            self.emit("collected", rows=added, file=config.collect, kept_for_the_test=len(test))
        return rows.where([key in test for key in rows.keys])

    # -- taking over -----------------------------------------------------------------------------------------------------------

    def _begin_shadow(self, champion: ModelVersion, challenger: ModelVersion) -> None:
        state = self.state
        service = records.find(self.project, self.name)
        state.baseline = asdict(recent(self.log, champion.version, self.monitoring.window))
        if service is None or not service.runs or not self.config.shadow:
            state.phase = Phase.TAKEOVER
        else:
            tail = Tail(self.log, SHADOW)
            tail.skip()
            state.places, state.phase, state.started = tail.places, Phase.SHADOW, time.time()
            deployments.shadow(self.project, self.name, challenger.version)
            self.emit("shadow", version=challenger.version, requests=self.config.shadow)
        state.write(self.home)

    def _shadow(self, now: float) -> bool:
        state = self.state
        assert state.challenger is not None
        service = records.find(self.project, self.name)
        if (
            service is not None and service.runs and service.challenger is None
        ):  # killed before it began, or ended by someone
            deployments.shadow(self.project, self.name, state.challenger)
        found = shadowed(self._followed(SHADOW), state.challenger)
        running = service is not None and service.runs
        if found.requests < self.config.shadow and running and now - state.started < self.config.patience:
            return False
        problem = problem_of_shadow(found, Traffic(**state.baseline), self.config.slower, self.config.agree)
        self.emit("shadowed", version=state.challenger, **asdict(found))
        if problem is not None:
            raise GateError(problem)
        state.phase = Phase.TAKEOVER
        state.write(self.home)
        return True

    def _take_over(self) -> None:
        state = self.state
        assert state.challenger is not None
        version = self.registry.get(self.name, state.challenger)
        why = f"{state.reason.get('kind')}: {state.reason.get('detail')}"
        if self.entry.config.promote.approval and version.version != self.champion().version:
            self.emit(
                "waiting", version=version.version, why=f"it waits for approval: nbprod models approve {version.name}"
            )
            self._end_shadow()
            return self._rest()
        version = self.registry.crown(version, why=why, who="nbprod watch")
        tail = Tail(self.log)
        tail.skip()
        state.places = tail.places
        service = records.find(self.project, self.name)
        if service is not None and service.runs:
            try:
                deployments.swap(self.project, self.name, version.version)
            except NbprodError as error:
                self._go_back(f"it could not be served: {error.what}", serving=False)
                return None
        self.emit(
            "swapped",
            version=version.version,
            champion=state.champion,
            served=service is not None and service.runs,
            why=why,
        )
        state.phase, state.started = Phase.GUARD, time.time()
        self._forget()
        state.write(self.home)
        return None

    def _guard(self, now: float) -> bool:
        """Look after a new champion; return whether that is over."""
        state = self.state
        version = self.champion().version
        if version != state.challenger:  # somebody else has changed the champion
            self._rest()
            return True
        own = [line for line in self._followed(PREDICTIONS) if line.get("version") == version]
        problem = problem_of(traffic(own), Traffic(**state.baseline), self.config.slower)
        if problem is not None:
            self._go_back(problem, serving=True)
            return True
        if now - state.started >= self.config.guard:
            self.emit("kept", version=version, requests=len(own))
            self._rest()
            return True
        return False

    def _go_back(self, why: str, *, serving: bool) -> None:
        """Make the champion of before the champion again, and serve it."""
        bad = self.state.challenger
        champion = self.registry.rollback(self.name, self.state.champion, why=why, who="nbprod watch")
        service = records.find(self.project, self.name)
        if serving and service is not None and service.runs:
            deployments.swap(self.project, self.name, champion.version)
        self.emit("rolled-back", version=champion.version, bad=bad, why=why)
        self._rest()

    def _reject(self, why: str) -> None:
        state = self.state
        self.emit("rejected", version=state.challenger, run=state.run, why=why)
        if state.challenger is not None:
            self._end_shadow()
            self.registry.note(
                self.registry.get(self.name, state.challenger), Kind.NOTE, f"nbprod watch: {why}", who="nbprod watch"
            )
        self._rest()

    def _failed(self, error: NbprodError) -> bool:
        idle = self.state.phase is Phase.IDLE
        if not idle or str(error) != self._problem:  # a log that cannot be read is told once
            self.emit("failed", phase=self.state.phase, kind=type(error).__name__, why=str(error))
        if idle:
            self._problem = str(error)
            return False
        self._end_shadow()
        self._rest()
        return True

    def _end_shadow(self) -> None:
        service = records.find(self.project, self.name)
        if service is None or service.challenger is None or service.challenger.get("version") != self.state.challenger:
            return
        try:
            deployments.alone(self.project, self.name)
        except (ConflictError, NotFoundError):  # it was stopped meanwhile
            return

    def _rest(self) -> None:
        self.state.idle(time.time())
        self._forget()
        self.state.write(self.home)

    def _forget(self) -> None:
        self._tail, self._lines = None, []

    def _followed(self, kind: str) -> list[dict[str, Any]]:
        """The lines of a kind since the phase began, each without what takes room."""
        if self._tail is None or self._tail.kind != kind:
            self._tail, self._lines = Tail(self.log, kind, dict(self.state.places)), []
        self._lines += [
            {key: value for key, value in line.items() if key not in ("arguments", "answer")}
            for line in self._tail.new()
        ]
        return self._lines
