"""Tasks one after the other, each in a fresh process with a plain namespace: what the runtime does, without kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")


class Ran:
    """A task that has run: its result and what it printed."""

    def __init__(self, result: dict[str, Any], out: str, err: str) -> None:
        self.result = result
        self.out = out
        self.err = err
        self.outputs: dict[str, Any] = result["outputs"]
        self.facts: dict[str, Any] = result["facts"]
        self.error: dict[str, Any] | None = result["error"]

    def digest(self, name: str) -> str:
        return str(self.outputs[name]["artifact"])


class Chain:
    """A store and the tasks that have run against it.

    `takes` says what a task loads, by task; `prelude` is the source and the loads in front of its cells, in order (a name in it that is a
    task loads from that task); without one it is `defs` and then all loads.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / ".nbprod" / "artifacts"
        self.ran: dict[str, Ran] = {}

    def task(
        self,
        name: str,
        source: str,
        outputs: Sequence[str] = (),
        *,
        takes: dict[str, Sequence[str]] | None = None,
        defs: str = "",
        prelude: Sequence[str] | None = None,
        defined: Sequence[str] = (),
        watch: Sequence[str] | None = None,
        env: dict[str, str] | None = None,
        fails: bool = False,
        python: str = sys.executable,
        **job: Any,
    ) -> Ran:
        takes = takes or {}
        loads = {task: {item: self.ran[task].digest(item) for item in names} for task, names in takes.items()}
        taken = [item for names in takes.values() for item in names if not item.startswith("@")]
        result = self.folder / ".nbprod" / f"{name}.json"
        result.unlink(missing_ok=True)
        spec = {
            "job": {
                "task": name,
                "store": str(self.store),
                "result": str(result),
                "loads": loads,
                "outputs": list(outputs),
                "watch": taken if watch is None else list(watch),
                "defined": list(defined),
                **job,
            },
            "prelude": [textwrap.dedent(step) for step in (prelude if prelude is not None else [defs, *takes])],
            "source": textwrap.dedent(source),
        }
        self.folder.joinpath(".nbprod").mkdir(exist_ok=True)
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        done = subprocess.run(
            [python, str(WORKER)], input=json.dumps(spec), capture_output=True, text=True, cwd=self.folder, env=environ,
            timeout=120, check=False,
        )  # fmt: skip
        if fails:
            assert done.returncode == 3, done.stderr
        else:
            assert done.returncode == 0, done.stderr
        told = json.loads(result.read_text())
        self.ran[name] = Ran(told, done.stdout, done.stderr)
        return self.ran[name]
