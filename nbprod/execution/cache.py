"""What was computed before: a task with the same key, files and packages is never computed again.

A key is known before a task runs; the files that it reads and the packages that it loads are known only afterwards. So
a key may have several traces, one for each state of the files, and a trace is checked when it is looked up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from nbprod.execution import literals
from nbprod.execution.database import Database
from nbprod.execution.hashes import Hashes
from nbprod.execution.kernels import KernelSpec
from nbprod.execution.packages import packages_of
from nbprod.execution.store import Store
from nbprod.execution.tables import Artifacts, Traces
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Bind, Load, Node

Digests = Mapping[str, Mapping[str, str]]
"""For each task, the names that are loaded from it and the artifacts' digests."""


@dataclass(frozen=True)
class Key:
    """What decides a task's outcome and is known before it runs.

    `sources` says from which task each input comes; it explains a difference and is no part of the digest.
    """

    digest: str
    parts: Mapping[str, Any]
    sources: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        node: Node,
        values: Mapping[str, Any],
        loads: Digests,
        kernel: KernelSpec,
        folder: Path,
        inputs: Mapping[str, str],
    ) -> Key:
        """Return the key of a task. `folder` is the notebook's: paths in the code start there."""
        shape = []
        for step in node.prelude:
            if isinstance(step, Load):
                shape.append(["load", *(name for name in step.names if name in loads.get(step.task, {}))])
            elif isinstance(step, Bind):
                shape.append(["bind", *step.names])
            else:
                shape.append(["define", *step.names])
        digests = {
            name: loads.get(step.task, {}).get(name)
            for step in node.prelude
            if isinstance(step, Load)
            for name in step.names
        }
        every = [
            [step.task, name, loads.get(step.task, {}).get(name)]
            for step in node.prelude
            if isinstance(step, Load)
            for name in step.names
        ]
        parts: dict[str, Any] = {
            "code": literals.digest([node.code, shape, sorted(node.defines), list(node.binds)]),
            "parameters": {name: literals.literal(values[name]) for name in node.parameters},
            "loads": digests,
            # the digests of versions that a later load replaces; definitions in between saw them
            "history": [[name, digest] for _, name, digest in every],
            "kernel": kernel.name,
            "python": kernel.version,
            "folder": str(folder),
            "inputs": dict(inputs),
        }
        return cls(literals.digest(parts), parts, node.inputs)


@dataclass(frozen=True)
class Trace:
    """What came of a task once. `outputs` are the entries of `result.json`; `notebook` is the executed notebook's digest."""

    key: str
    pipeline: str
    task: str
    parts: Mapping[str, Any]
    files: Mapping[str, str | None]
    packages: Mapping[str, tuple[str, str]]
    outputs: Mapping[str, Mapping[str, Any]]
    missing: tuple[str, ...]
    watched: tuple[str, ...]
    written: Mapping[str, str | None]
    metrics: Mapping[str, float]
    facts: Facts
    notebook: str | None
    run: str
    seconds: float
    created: float = field(default_factory=time.time)
    id: int | None = None

    @property
    def digests(self) -> dict[str, str]:
        """The artifact of each output."""
        return {name: entry["artifact"] for name, entry in self.outputs.items()}


@dataclass(frozen=True)
class Found:
    """What a lookup gives: a trace to reuse, or the reason why the task must run."""

    trace: Trace | None
    reason: str


class Cache:
    """The traces of all runs of a project."""

    def __init__(self, db: Database, store: Store, kernel: KernelSpec) -> None:
        self.db = db
        self.store = store
        self.hashes = Hashes(db)
        self.packages = packages_of(kernel.path)

    def look(
        self,
        key: Key,
        pipeline: str,
        task: str,
        outputs: Iterable[str],
        watch: Iterable[str] = (),
        expected: Mapping[str, str | None] | None = None,
    ) -> Found:
        """Look for a trace that still holds, has the `outputs` and `watch`ed these inputs, else say why the task must run.

        `expected` are hashes that files will have when the task's turn comes, for those that an earlier task will put back.
        """
        with self.db.read() as connection:
            traces = [_trace(row) for row in reversed(Traces.having(connection, key=key.digest))]
        reason: str | None = None
        for trace in traces:
            change = self._change(trace, outputs, watch, expected or {})
            if change is None:
                return Found(trace, f"cached from run {trace.run}")
            reason = reason or change
        return Found(None, reason or self._why(key, pipeline, task))

    def add(self, trace: Trace) -> Trace:
        """Remember a trace and the artifacts that it names."""
        values = {name: getattr(trace, name) for name in Trace.__dataclass_fields__ if name != "id"}
        values |= {"facts": trace.facts.to_json(), "missing": list(trace.missing), "watched": list(trace.watched)}
        values["packages"] = {module: list(pair) for module, pair in trace.packages.items()}
        with self.db.write() as connection:
            number = Traces.add(connection, **values)
            # in one order everywhere, or two writers would wait for each other
            for entry in sorted(trace.outputs.values(), key=itemgetter("artifact")):
                Artifacts.put(
                    connection,
                    digest=entry["artifact"],
                    format=entry.get("format", ""),
                    bytes=entry.get("bytes", 0),
                    type=entry.get("type", ""),
                    created=trace.created,
                )
        return Trace(**{**vars(trace), "id": number})

    def restore(self, trace: Trace) -> None:
        """Put back the files that the task wrote and the folders that it made, where they are gone or changed."""
        for path, sha in trace.written.items():
            if path.endswith("/"):
                os.makedirs(path, exist_ok=True)
            elif sha is not None and self.hashes.of(path) != sha:
                self.store.restore_file(sha, path)

    def drop(self, number: int) -> None:
        """Forget a trace."""
        with self.db.write() as connection:
            Traces.remove(connection, id=number)

    def get(self, number: int) -> Trace | None:
        """Return a trace by its number."""
        with self.db.read() as connection:
            return next(map(_trace, Traces.having(connection, id=number)), None)

    def _change(
        self, trace: Trace, outputs: Iterable[str], watch: Iterable[str], expected: Mapping[str, str | None]
    ) -> str | None:
        """Say why a trace of the same key no longer holds, None if it does."""
        have = {*trace.outputs, *trace.missing}
        if new := [name for name in outputs if name not in have]:
            return f"output {new[0]} is newly needed"
        if new := [name for name in watch if name not in trace.watched]:
            return f"input {new[0]} is now used by a later task too"
        for path, sha in trace.files.items():
            if (expected[path] if path in expected else self.hashes.of(path)) != sha:
                return f"file {self._shown(path, trace)} changed"
        if (change := self.packages.change(trace.packages)) is not None:
            return change
        for name, digest in trace.digests.items():
            if not self.store.exists(digest):
                return f"the artifact of {name} is gone"
        for path, sha in trace.written.items():
            if path in trace.files or path.endswith("/"):
                continue
            now = self.hashes.of(path)
            if now != sha and not (sha is not None and self.store.exists(sha)):
                return f"file {self._shown(path, trace)}, which it writes, is {'gone' if now is None else 'not as it left it'}"
        return None

    def _why(self, key: Key, pipeline: str, task: str) -> str:
        """Say how a key differs from that of the newest trace of the task."""
        newest = Traces.select(Traces.parts).where(Traces.pipeline == pipeline, Traces.task == task)
        with self.db.read() as connection:
            row = newest.order_by(Traces.id.desc()).first(connection)
        if row is None:
            return "never ran"
        before, now = row.parts, key.parts
        if (reason := _different("parameter", before["parameters"], now["parameters"], show=True)) is not None:
            return reason
        if before["code"] != now["code"]:
            return "code changed"
        if (reason := _different("input", before["loads"], now["loads"])) is not None:
            name = reason.split()[1]
            return f"{reason} (from {key.sources[name]})" if name in key.sources else reason
        if (reason := _different("file", before["inputs"], now["inputs"])) is not None:
            return reason
        if before["python"] != now["python"]:
            return f"Python {before['python'].split()[0]} -> {now['python'].split()[0]}"
        if before["kernel"] != now["kernel"]:
            return f"kernel {before['kernel']} -> {now['kernel']}"
        if before["folder"] != now["folder"]:
            return f"the notebook moved from {before['folder']}"
        return "an earlier version of an input changed"

    @staticmethod
    def _shown(path: str, trace: Trace) -> str:
        folder = Path(trace.parts["folder"])
        return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def _different(kind: str, before: Mapping[str, Any], now: Mapping[str, Any], show: bool = False) -> str | None:
    for name in sorted({*before, *now}):
        if name not in before:
            return f"{kind} {name} is new" + (f": {now[name]}" if show else "")
        if name not in now:
            return f"{kind} {name} is gone"
        if before[name] != now[name]:
            return f"{kind} {name} {before[name]} -> {now[name]}" if show else f"{kind} {name} changed"
    return None


def _trace(row: Mapping[str, Any]) -> Trace:
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    values["facts"] = Facts.from_json(values["facts"])
    values["missing"] = tuple(values["missing"])
    values["watched"] = tuple(values["watched"])
    values["packages"] = {module: tuple(pair) for module, pair in values["packages"].items()}
    return Trace(**values)
