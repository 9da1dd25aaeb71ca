"""One task in one namespace: `load` what it takes, `ready`, run the cells, `finish` with what it gives."""

from __future__ import annotations

import json
import os
import platform
import sys
from typing import Any, Dict, List, Optional, Set, Tuple

from . import container, metrics, packages, pickling, unsaveable
from .files import FileLog


class TaskValueError(Exception):
    """A value of the task cannot be passed on; the message says which and why."""


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
        self.opened: Dict[Tuple[str, str], Dict[str, Any]] = {}
        self.loaded: Set[str] = set()
        self.before: Set[str] = set()
        self.files = FileLog([job["store"], os.path.dirname(job["result"])])
        self.files.start()

    def load(self, task: str, *names: str) -> None:
        """Bind the values taken from `task`: all that the job says, or only `names`."""
        wanted = self.job.get("loads", {}).get(task, {})
        for name in names or wanted:
            digest = wanted[name]
            if (task, digest) not in self.opened:
                opened = container.open_artifact(container.path_of(self.job["store"], digest))
                self.opened[task, digest] = pickling.load(opened, self.namespace)
            self.namespace[name] = self.opened[task, digest][name]
            self.loaded.add(name)

    def ready(self) -> None:
        """Restore hidden state and remember what the inputs look like; the author's cells come next."""
        self.opened.clear()
        self.before = set(self.namespace)

    def finish(self) -> None:
        """Save the outputs and write the result. Raises `TaskValueError` when a value cannot be passed on."""
        self.files.stop()
        result: Dict[str, Any] = {
            "outputs": {},
            "missing": [],
            "metrics": {},
            "facts": {"reads": [], "writes": [], "shares": [], "needs": {}, "files_read": [], "files_written": []},
            "files": self.files.result(),
            "packages": packages.versions(),
            "python": platform.python_version(),
            "error": None,
        }
        facts = result["facts"]
        facts["files_read"] = sorted(result["files"]["read"])
        facts["files_written"] = sorted(result["files"]["written"])
        names = pickling.Names(self.namespace, self.references())
        for name in self.job.get("outputs", ()):
            if name not in self.namespace:
                result["missing"].append(name)
                continue
            self.save(name, names, result)
        for name in self.job.get("metrics", ()):
            self.metric(name, result)
        self.write(result)
        if result["error"] is not None:
            raise TaskValueError(result["error"]["reason"])

    def references(self) -> Dict[int, str]:
        """Return the objects that stand for names which every task that needs them finds under that name."""
        return {
            id(self.namespace[name]): name for name in self.job.get("defined", ()) if name in self.namespace
        }

    def save(self, name: str, names: pickling.Names, result: Dict[str, Any]) -> None:
        """Save one variable, or note why it cannot be."""
        value = self.namespace[name]
        saver: Optional[pickling.Saver] = None

        def dump(file: Any) -> List[Any]:
            nonlocal saver
            saver, buffers = pickling.dump({name: value}, file, names)
            return buffers

        try:
            written = container.write(self.job["store"], dump, {"names": [name]})
        except container.DiskFull as error:
            result["error"] = result["error"] or {"kind": "disk-full", "variable": name, "reason": str(error)}
            return
        except Exception as error:
            wanted_by = self.job.get("wanted_by", {}).get(name, [])
            result["error"] = result["error"] or unsaveable.describe(name, value, error, wanted_by)
            return
        assert saver is not None
        digest = written.publish(self.job["store"])
        if saver.needs:
            result["facts"]["needs"][name] = sorted(saver.needs)
        result["outputs"][name] = {
            "artifact": digest,
            "format": "pickle",
            "bytes": written.size,
            "type": unsaveable.type_name(value),
            "group": [name],
            "summary": unsaveable.summary(value),
        }

    def metric(self, name: str, result: Dict[str, Any]) -> None:
        """Take down a metric."""
        if name not in self.namespace:
            if name not in result["missing"]:
                result["missing"].append(name)
            return
        value = self.namespace[name]
        try:
            result["metrics"][name] = metrics.number(value)
        except metrics.NotScalar as error:
            result["error"] = result["error"] or {
                "kind": "metric-not-scalar",
                "variable": name,
                "type": unsaveable.type_name(value),
                "wanted_by": [],
                "reason": f"{name}: {error}",
            }

    def write(self, result: Dict[str, Any]) -> None:
        """Write the result file, whole or not at all."""
        temporary = self.job["result"] + f".tmp{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file)
        os.replace(temporary, self.job["result"])
