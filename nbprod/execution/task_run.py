"""One task, run once: its notebook is built, executed in a kernel, and what came of it is read back."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbprod.errors import ArtifactError, Location, NbprodError, RunError, TaskError
from nbprod.execution import kernels, libraries, task_notebook
from nbprod.execution.atomic import from_os_error, write_text
from nbprod.execution.cache import Cache, Digests, Key, Trace
from nbprod.execution.cancel import Cancel
from nbprod.execution.events import Event, TaskCell, TaskLog
from nbprod.execution.failure import Failure
from nbprod.execution.kernels import KernelSpec
from nbprod.execution.selection import Limits
from nbprod.execution.starting import Share
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Node
from nbprod.notebook.pipeline import Pipeline
from nbprod.runtime import undo

_KEEP_WRITTEN_BELOW = 256 << 20


class TaskFailed(Exception):
    """A task failed.

    `error` is what to show, `unknown_name` the name of a NameError, which can teach an input, `facts` what was seen until then;
    `blameless`: what ended it was none of its own doing.
    """

    def __init__(
        self,
        error: NbprodError,
        unknown_name: str | None = None,
        retry: bool = True,
        facts: Facts | None = None,
        blameless: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.unknown_name = unknown_name
        self.retry = retry
        self.facts = facts or Facts()
        self.blameless = blameless


@dataclass(frozen=True)
class TaskRunner:
    """Runs the tasks of one run."""

    pipeline: Pipeline
    run: str
    name: str
    folder: Path
    cache: Cache
    kernel: KernelSpec
    values: Mapping[str, Any]
    emit: Callable[[Event], None]
    pool: Share | None = None

    def __call__(
        self, node: Node, key: Key, loads: Digests, watch: tuple[str, ...], limits: Limits, cancel: Cancel
    ) -> Trace:
        """Run a task and remember what came of it. Raises `TaskFailed`, `Cancelled`."""
        job = self.folder / "jobs" / node.name
        executed = self.folder / "tasks" / f"{node.name}.ipynb"
        result = job / "result.json"
        self.undo(node.name)
        try:
            shutil.rmtree(job, ignore_errors=True)
            job.mkdir(parents=True)
            executed.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TaskFailed(from_os_error(error, job) or _unexpected(error, job), retry=False) from error
        store = self.cache.store.root.absolute()
        description = task_notebook.job(node, store, result, loads, watch)
        write_text(job / "job.json", json.dumps(description))
        defaults = {name: parameter.default for name, parameter in self.pipeline.parameters.items()}
        built = task_notebook.build(node, self.pipeline.notebook, job / "job.json", self.values, defaults, loads)
        watcher = _Watcher(self, node, executed)
        begun = time.time()
        good = libraries.engine().execute(
            built.nb,
            executed,
            kernel=self.kernel.name,
            folder=self.pipeline.notebook.path.absolute().parent,
            parameters=built.inject,
            watcher=watcher,
            cancel=cancel,
            task_timeout=limits.timeout,
            cell_timeout=limits.cell_timeout,
            env=self.pool.wish.env if self.pool is not None else kernels.environment(),
            log_path=job / "kernel.log",
            pool=self.pool,
        )
        if not good:
            raise self._failed(node, watcher, executed, _read(result))
        outcome = _read(result)
        if outcome is None:
            raise TaskFailed(
                TaskError("the task ended without a result", where=self._where(node), fix=f"See {executed}."),
                retry=False,
            )
        return self.cache.add(self._trace(node, key, watch, outcome, executed, time.time() - begun))

    def undo(self, task: str) -> None:
        """Put the files back that the task has changed in this run, if it has: it is to begin again, or not to have run."""
        undo.undo(str(self.folder / "jobs" / task))

    def _trace(
        self, node: Node, key: Key, watch: tuple[str, ...], outcome: dict[str, Any], executed: Path, seconds: float
    ) -> Trace:
        written = outcome["files"]["written"]
        for path, sha in written.items():
            # Kept, so that a later run which reuses this one can put the file back.
            if sha is not None and os.path.isfile(path) and os.path.getsize(path) < _KEEP_WRITTEN_BELOW:
                self.cache.store.put_file(path)
        return Trace(
            key=key.digest,
            pipeline=self.name,
            task=node.name,
            parts=dict(key.parts),
            files=outcome["files"]["read"],
            packages=self.cache.packages.of_modules(outcome["packages"]),
            outputs=outcome["outputs"],
            missing=tuple(outcome["missing"]),
            watched=watch,
            written=written,
            metrics=outcome["metrics"],
            facts=Facts.from_json(outcome["facts"]),
            notebook=self.cache.store.put_file(executed),
            run=self.run,
            seconds=seconds,
        )

    def _where(self, node: Node, cell: int | None = None, line: int | None = None) -> Location:
        return Location(file=shown(self.pipeline.notebook.path), task=node.name, cell=cell, line=line)

    def _failed(self, node: Node, watcher: _Watcher, executed: Path, outcome: dict[str, Any] | None) -> TaskFailed:
        failure = watcher.failure
        assert failure is not None
        told = (outcome or {}).get("error")
        if told is not None:
            return TaskFailed(self._of_result(node, told), retry=False)
        cell, line, role = watcher.place()
        where = self._where(node, cell, line)
        kept = f"The executed notebook is {shown(executed)}."
        match failure.kind:
            case "dead" | "orphaned":
                what, fix = failure.message, kept
                if "memory" in what:
                    fix = f"Let the task use less memory, or run it on a machine with more. {kept}"
            case "timeout":
                what, fix = failure.message, f"Raise the limit (--timeout, or resources in pipelines.yaml). {kept}"
            case "exit":
                what = f"sys.exit({failure.message}) stops the notebook here; the cells after it never run"
                fix = f"Take it out, or tag the cells that are not to run with `skip`. {kept}"
            case "start":
                what, fix = failure.message, "Does the kernel start in JupyterLab?"
            case _:
                what, fix = f"{failure.name}: {failure.message}", kept
                if cell is None and role not in (None, "parameters"):
                    what = f"nbprod's own cell `{role}` failed: {what}"
        error = TaskError(what, where=where, fix=fix)
        error.__dict__.update(
            exception=failure.name, traceback=list(failure.traceback), notebook=str(executed), kind=failure.kind
        )
        unknown = None
        if failure.kind == "error" and failure.name == "NameError":
            parts = failure.message.split("'")
            unknown = parts[1] if len(parts) > 2 else None
        facts = Facts.from_json((outcome or {}).get("facts", {}))
        again = unknown is None and failure.kind != "exit"
        return TaskFailed(error, unknown, retry=again, facts=facts, blameless=failure.kind == "orphaned")

    def _of_result(self, node: Node, told: dict[str, Any]) -> NbprodError:
        """Return the error for what the runtime could not do with a value."""
        variable, where = told.get("variable"), self._where(node)
        wanted = ", ".join(repr(task) for task in told.get("wanted_by") or ())
        match told["kind"]:
            case "disk-full":
                return RunError(told["reason"], where=where, fix="Free some space, or run nbprod gc.")
            case "metric-not-scalar":
                return TaskError(
                    f"the metric {variable!r} is no number: {told['reason']}",
                    where=where,
                    fix="Assign a number in the cell tagged `metrics`, or take the tag away.",
                )
            case _:
                return ArtifactError(
                    f"{variable!r} ({told.get('type')}) cannot be saved"
                    + (f" for {'task' if wanted.count(chr(39)) < 3 else 'tasks'} {wanted}" if wanted else "")
                    + f": {told['reason']}",
                    where=where,
                    fix=told.get("fix")
                    or f"Put the cells that use {variable!r} into the task {node.name!r}, or make it anew where it is used.",
                )


class _Watcher:
    """Passes on what happens in the notebook of one task."""

    def __init__(self, runner: TaskRunner, node: Node, executed: Path) -> None:
        self.runner = runner
        self.node = node
        self.total = len(node.cells)
        self.failure: Failure | None = None
        self.nb: Any = None
        self.cell: Any = None
        self.count = 0

    def opened(self, nb: Any) -> None:
        self.nb = nb

    def cell_started(self, index: int, cell: Any) -> None:
        number = cell.metadata.get("nbprod", {}).get("cell")
        if number is not None:
            self.count += 1
            self.runner.emit(
                TaskCell(run=self.runner.run, task=self.node.name, cell=number, index=self.count, total=self.total)
            )

    def cell_finished(self, index: int, cell: Any) -> None:
        pass

    def printed(self, index: int, stream: str, text: str) -> None:
        number = self.nb.cells[index].metadata.get("nbprod", {}).get("cell")
        self.runner.emit(TaskLog(run=self.runner.run, task=self.node.name, stream=stream, text=text, cell=number))

    def failed(self, failure: Failure) -> None:
        self.failure = replace(failure, traceback=tuple(failure.traceback))
        if 0 <= failure.index < len(self.nb.cells):  # now: Papermill will insert cells of its own above it
            self.cell = self.nb.cells[failure.index]

    def place(self) -> tuple[int | None, int | None, str | None]:
        """Return cell and line in the author's notebook where it failed, and the role if the cell is ours."""
        assert self.failure is not None
        if self.cell is None:
            return None, None, None
        number, line = task_notebook.place(self.cell, self.failure.line)
        return number, line, self.cell.metadata.get("nbprod", {}).get("role")


def shown(path: Path) -> str:
    """Return a path as messages show it: from the current folder where it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return value


def _unexpected(error: OSError, path: Path) -> RunError:
    return RunError(f"the run's folder cannot be made: {error.strerror}", where=Location(file=str(path)))
