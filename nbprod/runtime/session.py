"""One task in one namespace: `load` what it takes, `ready`, run the cells, `finish` with what it gives."""

from __future__ import annotations

import json
import os
import re
import sys
import types
from typing import Any, Dict, List, Optional, Set, Tuple, Union

from . import audit, code, container, loading, metrics, native, pickling, unsaveable, watch
from .files import FileLog
from .hidden import Hidden
from .overlay import Overlay, Patches, Snapshot, light, snapshot
from .result import Outcome, TaskValueError
from .undo import Undo

_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_(ih|oh|dh)|__\w+__|In|Out|exit|quit|get_ipython|open")
"""Globals that belong to IPython or Python, not to the notebook."""
_MAGIC = os.sep + os.path.join("IPython", "core", "magics") + os.sep
"""Magics such as `%%time` execute the code of a cell themselves."""
_NONE = object()


class Session:
    """What the cells of ours talk to.

    Args:
        job: The job, as in docs/architecture.md.
        namespace: The globals of the notebook.
        shell: IPython's shell, if there is one.
    """

    def __init__(self, job: Dict[str, Any], namespace: Dict[str, Any], shell: Any = None) -> None:
        self.job = job
        self.namespace = namespace
        self.shell = shell
        self.defined: List[str] = list(job.get("defined", ()))
        self.mapped = watch.Mapped()
        self.names = pickling.Names(namespace, {})
        self.loaded: Set[str] = set()
        """Names bound by `load`."""
        self.overlays: Dict[str, Tuple[Any, Overlay]] = {}
        """Overlays applied to what the source defined, with the object that they were applied to."""
        self.snapshots: Dict[str, Union[Snapshot, Patches]] = {}
        self.watched: Dict[str, Any] = {}
        """The digest of each watched input; of one that cannot be saved, the id."""
        self.before: Set[str] = set()
        self._opened: Dict[Tuple[str, str], Dict[str, Any]] = {}
        self._statement: Optional[types.CodeType] = None
        self._codes: List[types.CodeType] = []
        place = os.path.dirname(job["result"])
        self.files = FileLog([job["store"], place], Undo(place))
        self.hidden = Hidden(self.names, (name for name in job.get("defined", ()) if name.startswith("@")))
        self.files.start()
        native.start()
        if shell is not None:
            shell.events.register("post_run_cell", self.cell_ended)

    def load(self, task: str, *names: str) -> None:
        """Bind the values taken from `task`: all that the job says, or only `names`.

        Values that were saved together are loaded together, and only once. Raises `MissingArtifact` or `TaskValueError`.
        """
        wanted = self.job.get("loads", {}).get(task, {})
        for name in names or wanted:
            value = self._artifact(task, name, wanted[name])[name]
            if name.startswith("@"):
                self.hidden.load(name, value)
            elif isinstance(value, Overlay):
                target = self.namespace.get(name, _NONE)
                if target is _NONE:
                    raise TaskValueError(f"what task {task!r} changed on {name!r} is loaded before {name!r} is defined")
                value.apply(target)
                self.overlays[name] = (target, value)
            else:
                self.namespace[name] = value
                self.loaded.add(name)

    def _artifact(self, task: str, name: str, digest: str) -> Dict[str, Any]:
        found = self._opened.get((task, digest))
        if found is None:
            path = container.path_of(self.job["store"], digest)
            self.names.references = self.references()
            try:
                opened = container.open_artifact(path)
                found = loading.load(opened, self.namespace)
            except FileNotFoundError:
                raise TaskValueError(
                    f"the artifact of {name!r}, made by task {task!r}, is not in the store: {path}"
                ) from None
            except Exception as error:
                text = f"{name!r}, made by task {task!r}, cannot be loaded: {type(error).__name__}: {error}"
                raise TaskValueError(text) from error
            self.mapped.add(path, opened)
            self._opened[task, digest] = found
        return found

    def ready(self) -> None:
        """Restore hidden state and remember what the inputs look like; the author's cells come next."""
        self._opened.clear()
        self.names.references = self.references()
        self.hidden.ready()
        self.snap()
        carried = {name for name in self.defined if name in self.snapshots}  # these are watched part by part
        for name in self.job.get("watch", ()):
            if name in self.namespace and name not in carried:
                seen = self.look(name)
                # Only the digest: a reference of ours would keep memory alive, and forbid `array.resize`.
                self.watched[name] = seen.digest if isinstance(seen, watch.Scan) else seen
        self.before = set(self.namespace)
        audit.listen({"exec": self._on_exec})

    def explore(self) -> None:
        """Restore hidden state as `ready` does, and watch nothing any more: the author looks around here."""
        self._opened.clear()
        self.hidden.ready()
        audit.stop()
        if self.shell is not None:
            self.shell.events.unregister("post_run_cell", self.cell_ended)

    def look(self, name: str) -> Any:
        """Return something that differs when the value of a name has changed, or has become another."""
        value = self.namespace[name]
        try:
            return watch.scan(value, self.names.without([name]), self.mapped)
        except Exception:  # it cannot be saved; only its identity can be compared
            return id(value)

    def references(self) -> Dict[int, str]:
        """Return the objects that every task finds under their name: what source defines, and functions and classes taken over."""
        callables = (types.FunctionType, type)
        outputs = set(self.job.get("outputs", ()))
        found = {
            id(self.namespace[name]): name
            for name in self.loaded - outputs
            if isinstance(self.namespace.get(name), callables)
        }
        found.update({id(self.namespace[name]): name for name in self.defined if name in self.namespace})
        return found

    # Statements of the author's cells. IPython executes them one by one.

    def _on_exec(self, statement: Any, *_: Any) -> None:
        if not isinstance(statement, types.CodeType):
            return
        caller = sys._getframe(2).f_code
        if caller.co_name == "run_code" or _MAGIC in caller.co_filename:
            self.statement(statement)

    def statement(self, statement: Optional[types.CodeType] = None) -> None:
        """Take notice that the statement before this one has ended: see what it defined and imported."""
        self.snap()
        self.hidden.statement(self._statement)
        self._statement = statement
        if statement is not None:
            self._codes.append(statement)

    def snap(self) -> None:
        """Remember the state of each carried name that stands for a new object."""
        fresh = []
        for name in [*self.defined, *self._modules()]:
            target = self.namespace.get(name, _NONE)
            known = self.snapshots.get(name)
            if target is not _NONE and (known is None or known.target is not target):
                fresh.append((name, target))
        if not fresh:
            return
        self.names.references = self.references()
        for name, target in fresh:
            if isinstance(target, types.ModuleType):
                if target is not sys:  # the interpreter itself changes it all the time
                    self.snapshots[name] = Patches(target)
                continue
            taken = snapshot(target, self.names, deep=not self._imported(target))
            if taken is not None:
                self.snapshots[name] = light(taken)

    def _modules(self) -> List[str]:
        return [
            name
            for name, value in list(self.namespace.items())
            if type(value) is types.ModuleType and not _IPYTHON.fullmatch(name)
        ]

    @staticmethod
    def _imported(target: Any) -> bool:
        return isinstance(target, (type, types.FunctionType)) and pickling.importable(target)

    def new_names(self) -> List[str]:
        """Return the globals that appeared though neither the plan nor the code that ran shows it (`globals()["x"] = 1`)."""
        foreseen = {*self.defined, *self.job.get("outputs", ()), *self.job.get("known", ()), *self.before}
        foreseen.update(*map(code.bound_names, self._codes))
        hidden = getattr(self.shell, "user_ns_hidden", {})
        return [
            name
            for name, value in self.namespace.items()
            if name not in foreseen
            and name not in hidden
            and not _IPYTHON.fullmatch(name)
            and not (isinstance(value, (type, types.FunctionType)) and pickling.importable(value))
        ]

    def cell_ended(self, result: Any) -> None:
        """Say what a cell that failed had to do with files: perhaps it ran before the task that writes them."""
        if result.success:
            return
        files = {"files_read": sorted(self.files.read), "files_written": sorted(self.files.written)}
        self._write({"facts": files, "error": None})

    def _write(self, result: Dict[str, Any]) -> None:
        temporary = self.job["result"] + f".tmp{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file)
        os.replace(temporary, self.job["result"])

    def finish(self) -> None:
        """Save the outputs and write the result. Raises `TaskValueError` when a value cannot be passed on."""
        if self.shell is not None:
            self.shell.events.unregister("post_run_cell", self.cell_ended)
        self.statement()
        audit.stop()
        self.names.references = self.references()
        outcome = Outcome(self)
        try:
            outcome.collect()
            outcome.save()
        except container.DiskFull as error:
            outcome.fail("disk-full", "", None, str(error), "Free some space and run again.")
        for name in self.job.get("metrics", ()):
            self._metric(name, outcome)
        result = outcome.result(self.files.result())
        self._write(result)
        if result["error"] is not None:
            raise TaskValueError(unsaveable.sentence(result["error"]))

    def _metric(self, name: str, outcome: Outcome) -> None:
        if name not in self.namespace:
            outcome.missing.add(name)
            return
        try:
            outcome.metrics[name] = metrics.number(self.namespace[name])
        except metrics.NotScalar as error:
            advice = "Assign a number in the cell tagged `metrics`."
            outcome.fail("metric-not-scalar", name, self.namespace[name], str(error), advice)
