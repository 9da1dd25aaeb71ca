"""What runs have taught about tasks, kept for the next plan."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from nbprod.execution.database import Database
from nbprod.execution.tables import Facts as Known
from nbprod.notebook.facts import Facts
from nbprod.notebook.pipeline import Pipeline, Task


class Lessons:
    """The facts known of a pipeline's tasks; those of a task hold as long as its cells are the same."""

    def __init__(self, db: Database, pipeline: Pipeline) -> None:
        self.db = db
        self.notebook = str(pipeline.notebook.path)
        self.codes = {name: _code(task) for name, task in pipeline.tasks.items()}

    def read(self) -> dict[str, Facts]:
        """Return the facts of each task of which any are known."""
        with self.db.read() as connection:
            rows = list(Known.select().where(Known.notebook == self.notebook).execute(connection))
        return {row.task: Facts.from_json(row.facts) for row in rows if self.codes.get(row.task) == row.code}

    def add(self, taught: Mapping[str, Facts]) -> None:
        """Remember facts, together with those that another process may have entered meanwhile."""
        with self.db.write() as connection:
            for task, facts in taught.items():
                code = self.codes[task]
                here = (Known.notebook == self.notebook) & (Known.task == task) & (Known.code == code)
                before = Known.select(Known.facts).where(here).first(connection)
                merged = facts if before is None else Facts.from_json(before.facts).merge(facts)
                key = {"notebook": self.notebook, "task": task, "code": code}
                Known.put(connection, **key, facts=merged.to_json(), updated=time.time())


def _code(task: Task) -> str:
    text = "\0".join(cell.source for cell in task.cells) + "\0" + ",".join(sorted(task.after))
    return hashlib.sha256(text.encode()).hexdigest()
