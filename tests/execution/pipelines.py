"""Small notebooks as pipelines, in a project of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbprod.execution.events import Event
from nbprod.execution.run import RunResult, TaskPlan, plan_pipeline, run_pipeline
from nbprod.notebook.pipeline import Pipeline, read_pipeline
from nbprod.project import Project


class Work:
    """A project with one notebook, `nb.ipynb`, whose cells are given as `tag: source`."""

    def __init__(self, folder: Path, *cells: tuple[str, str], kernel: str = "python3") -> None:
        self.folder = folder
        self.project = Project(folder)
        self.kernel = kernel
        self.events: list[Event] = []
        self.write(*cells)

    def write(self, *cells: tuple[str, str]) -> None:
        made = [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {"tags": tags.split()},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, (tags, source) in enumerate(cells, 1)
        ]
        spec = {"name": self.kernel, "display_name": self.kernel, "language": "python"}
        document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": made}
        (self.folder / "nb.ipynb").write_text(json.dumps(document))

    @property
    def pipeline(self) -> Pipeline:
        return read_pipeline(self.folder / "nb.ipynb")

    def run(self, **options: Any) -> RunResult:
        self.events = []
        return run_pipeline(self.pipeline, self.project, name="p", on_event=self.events.append, **options)

    def plan(self, **options: Any) -> dict[str, TaskPlan]:
        return {plan.name: plan for plan in plan_pipeline(self.pipeline, self.project, name="p", **options)}


def states(result: RunResult) -> dict[str, str]:
    return {task.name: str(task.status) for task in result.tasks}


def reasons(result: RunResult) -> dict[str, str]:
    return {task.name: task.reason for task in result.tasks}


def printed(result: RunResult) -> str:
    """Return all that the cells printed, as the run's notebook shows it."""
    nb = json.loads(result.notebook.read_text())
    texts = [output.get("text", "") for cell in nb["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(text) for text in texts)
