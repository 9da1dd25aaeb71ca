"""What a finished task has to say: its outputs saved, its metrics, and what was learnt when it ran."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, Dict, List, Set

from . import container, overlay, packages, saving, unsaveable, watch

if TYPE_CHECKING:
    from .session import Session


_FEW = 50
"""Up to so many globals that nobody foresaw are saved at once; more of them (`%pylab`) only when somebody wants them."""


class TaskValueError(Exception):
    """A value of the task cannot be passed on; the message says which and why."""

    def _render_traceback_(self) -> List[str]:
        return [f"{type(self).__name__}: {self}"]  # IPython shows this: the traceback would only show code of ours


class Outcome:
    """Gathers the result of one task."""

    def __init__(self, session: Session) -> None:
        self.session = session
        job = session.job
        self.names = session.names
        self.wanted: List[str] = list(job.get("outputs", ()))
        self.wanted_by: Dict[str, List[str]] = job.get("wanted_by", {})
        self.payloads: Dict[str, Any] = {}
        """What is saved, by name: values, overlays and hidden state."""
        self.inputs: Dict[str, watch.Scan] = {}
        """Watched inputs that did not change; they are saved only if they share something with what is saved."""
        self.states: Dict[str, Any] = {}
        """The state of what source defines, changed or not, before and after the cells ran."""
        self.missing: Set[str] = set()
        self.reads: Set[str] = set()
        self.writes: Set[str] = set()
        self.shares: List[List[str]] = []
        self.needs: Dict[str, List[str]] = {}
        self.outputs: Dict[str, Dict[str, Any]] = {}
        self.metrics: Dict[str, Any] = {}
        self.error: Dict[str, Any] | None = None

    def fail(self, kind: str, name: str, value: Any, reason: str, fix: str) -> None:
        """Note an error; the first one counts."""
        self.error = self.error or {
            "kind": kind,
            "variable": name,
            "type": unsaveable.type_name(value),
            "wanted_by": list(self.wanted_by.get(name, ())),
            "reason": reason,
            "fix": fix,
        }

    def collect(self) -> None:
        """Find out what there is to save."""
        session = self.session
        namespace = session.namespace
        states, changed, self.reads = session.hidden.values(n for n in self.wanted if n.startswith("@"))
        for name in self.wanted:
            if name.startswith("@"):
                if name not in states:
                    self.missing.add(name)
            elif name not in namespace:
                self.missing.add(name)
            elif name not in session.snapshots or name not in session.defined:
                self.payloads[name] = namespace[name]
        self._overlays()
        self._inputs()
        appeared = session.new_names()
        self.writes.update(appeared)
        if len(appeared) <= _FEW:
            self.payloads.update((name, namespace[name]) for name in appeared)
        self.writes |= changed
        self.payloads.update(states)

    def _overlays(self) -> None:
        session = self.session
        for name, before in session.snapshots.items():
            target = session.namespace.get(name)
            if target is not before.target:
                continue
            if isinstance(before, overlay.Patches):
                changes = before.changes()
                if changes is not None:
                    self.writes.add(name)
                if changes is not None or name in self.wanted:
                    self.payloads[name] = self._whole(name, changes)
                continue
            after = overlay.snapshot(target, session.names, deep=not session._imported(target))
            assert after is not None
            wanted = name in self.wanted
            changes = overlay.changes(before, after, everything=wanted)
            if changes is not None and (not wanted or overlay.changes(before, after, everything=False)):
                self.writes.add(name)
            if wanted or changes is not None:
                self.payloads[name] = self._whole(name, changes)
            if after.deep:
                self.states[name] = (overlay.Held(after), before, after)

    def _whole(self, name: str, changes: overlay.Overlay | None) -> overlay.Overlay:
        """Return changes together with those that were made before this task."""
        held, older = self.session.overlays.get(name, (None, None))
        changes = changes or overlay.Overlay({}, [])
        return changes.onto(older if held is self.session.namespace[name] else None)

    def _inputs(self) -> None:
        session = self.session
        for name, before in session.watched.items():
            if name in self.payloads:
                continue
            if name not in session.namespace:
                self.writes.add(name)
                self.missing.add(name)
                continue
            after = session.look(name)
            if before != (after.digest if isinstance(after, watch.Scan) else after):
                self.writes.add(name)
                self.payloads[name] = session.namespace[name]
            elif isinstance(after, watch.Scan):
                self.inputs[name] = after

    def save(self) -> None:
        """Save everything: what shares objects or memory in one artifact, all else each in its own."""
        drafts: Dict[str, saving.Draft] = {}
        values = [name for name, value in self.payloads.items() if not isinstance(value, overlay.Overlay)]
        self.names = self.session.names.without(values)
        try:
            for name, value in self.payloads.items():
                try:
                    drafts[name] = saving.draft(self.session.job["store"], {name: value}, self.names)
                except container.DiskFull:
                    raise
                except Exception as error:
                    self._unsaveable(name, value, error)
            views: List[Any] = [*drafts.items(), *self.inputs.items()] if drafts else []
            views += [(name, state[0]) for name, state in self.states.items()] if drafts else []
            for group in saving.groups(views):
                self._save_group(group, drafts)
        finally:
            for one in drafts.values():
                one.discard()

    def _save_group(self, group: List[str], drafts: Dict[str, saving.Draft]) -> None:
        if not any(name in drafts for name in group):
            return
        session = self.session
        one = drafts.get(group[0])
        payloads = {name: self.payloads.get(name, session.namespace.get(name)) for name in group}
        if len(group) > 1:
            for name in self.states.keys() & payloads.keys():
                _, before, after = self.states[name]
                payloads[name] = self._whole(name, overlay.changes(before, after, everything=True))
        try:
            if len(group) > 1 or one is None:
                one = None
                one = saving.draft(session.job["store"], payloads, self.names)
                self.shares.append(sorted(group))
            written = one.finish(session.namespace)
        except container.DiskFull:
            raise
        except Exception as error:
            name = next((name for name in group if name in self.wanted), group[0])
            self._unsaveable(name, payloads[name], error, saved=one is not None)
            return
        digest = written.publish(session.job["store"])
        for name in group:
            value = payloads[name]
            views: List[Any] = [view[name] for view in (drafts, self.inputs) if name in view]
            needs = (views[0] if views else self.states[name][0]).needs
            if needs - {name}:
                self.needs[name] = sorted(needs - {name})
            changed = isinstance(value, overlay.Overlay)
            self.outputs[name] = {
                "artifact": digest,
                "format": "state" if name.startswith("@") else "overlay" if changed else "pickle",
                "bytes": written.size,
                "type": unsaveable.type_name(session.namespace[name] if changed else value),
                "group": group,
                "summary": "" if name.startswith("@") else unsaveable.summary(session.namespace[name]),
            }

    def _unsaveable(self, name: str, value: Any, error: BaseException, *, saved: bool = False) -> None:
        """Note that a value cannot be saved: an error if somebody wants it, else nothing that matters yet."""
        if name in self.wanted and self.error is None:
            last = getattr(error, "nbprod_last", None)
            place = None
            if isinstance(value, overlay.Overlay):
                inside = ((overlay.words(path), unsaveable.find([part], last)) for path, part in value.changes.items())
                place = next((name + words + way[3:] for words, way in inside if way is not None), None)
                value = self.session.namespace[name]
            self.error = unsaveable.describe(name, value, error, self.wanted_by.get(name, ()), last, place, saved=saved)

    def result(self, files: Dict[str, Any]) -> Dict[str, Any]:
        """Return the result as JSON, as in docs/architecture.md."""
        return {
            "outputs": self.outputs,
            "missing": sorted(self.missing),
            "metrics": self.metrics,
            "facts": {
                "reads": sorted(self.reads),
                "writes": sorted(self.writes),
                "shares": self.shares,
                "needs": self.needs,
                "files_read": sorted(files["read"]),
                "files_written": sorted(files["written"]),
            },
            "files": files,
            "packages": packages.versions(),
            "python": platform.python_version(),
            "error": self.error,
        }
