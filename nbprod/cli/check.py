"""`nbprod check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nbprod.cli.common import command, pipeline_argument, plain, print_json, print_table, short

if TYPE_CHECKING:
    from nbprod.notebook.diagnostics import Diagnostic
    from nbprod.notebook.graph import Graph
    from nbprod.notebook.pipeline import Pipeline
    from nbprod.project import Entry


@command(pipeline_argument)
def check(pipeline: str | None, as_json: bool) -> int:
    """Say what a notebook is as a pipeline, and what is wrong with it. Nothing runs.

    Without PIPELINE, every pipeline of pipelines.yaml is checked. The exit code is 1 if anything is an error.
    """
    from nbprod.notebook.pipeline import read_pipeline
    from nbprod.project import Project

    project = Project.find()
    entries = [project.pipeline(pipeline)] if pipeline or not project.pipelines else list(project.pipelines.values())
    reports = []
    failed = False
    for entry in entries:
        read = read_pipeline(str(entry.notebook))
        graph = read.resolve()
        problems = _problems(entry, read, graph)
        failed = failed or any(problem.severity == "error" for problem in problems)
        if as_json:
            reports.append(_as_json(entry, read, graph, problems))
        else:
            _print(entry, read, graph, problems)
    if as_json:
        print_json(reports)
    return int(failed)


def _problems(entry: Entry, pipeline: Pipeline, graph: Graph) -> list[Diagnostic]:
    from nbprod.agreement import disagreements

    found = [*pipeline.diagnostics, *graph.diagnostics, *disagreements(entry, pipeline)]
    unique = list(dict.fromkeys(found))
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(unique, key=lambda problem: (order[problem.severity], problem.cell or 0, problem.line or 0))


def _as_json(entry: Entry, pipeline: Pipeline, graph: Graph, problems: list[Diagnostic]) -> dict[str, Any]:
    return {
        "pipeline": entry.name,
        "notebook": short(entry.notebook),
        "kernel": pipeline.notebook.kernel_name,
        "tasks": [
            {
                "name": node.name,
                "cells": [{"id": cell.id, "number": cell.number} for cell in node.cells],
                "inputs": node.inputs,
                "after": node.after,
                "outputs": node.outputs,
                "parameters": node.parameters,
            }
            for node in graph.nodes.values()
        ],
        "parameters": [
            {"name": one.name, "type": one.type, "default": plain(one.default), "optional": one.optional}
            for one in pipeline.parameters.values()
        ],
        "metrics": pipeline.metrics,
        "serve": pipeline.serve and {"name": pipeline.serve.name, "kind": pipeline.serve.kind},
        "problems": problems,
    }


def _print(entry: Entry, pipeline: Pipeline, graph: Graph, problems: list[Diagnostic]) -> None:
    click.echo(
        f"{click.style(entry.name, bold=True)}  {short(entry.notebook)}  (kernel {pipeline.notebook.kernel_name})"
    )
    print_table(
        ["task", "cells", "takes", "parameters"],
        [
            [node.name, _ranges([cell.number for cell in node.cells]), _takes(graph, name), ", ".join(node.parameters)]
            for name, node in graph.nodes.items()
        ],
    )
    if not _is_tagged(pipeline):
        click.echo(f"no cell is tagged yet: nbprod tag {short(entry.notebook)} --suggest proposes tasks")
    if pipeline.parameters:
        values = {**{one.name: one.default for one in pipeline.parameters.values()}, **entry.config.parameters}
        click.echo("parameters: " + ", ".join(f"{name} = {value!r}" for name, value in values.items()))
    if pipeline.metrics:
        click.echo("metrics: " + ", ".join(pipeline.metrics))
    if pipeline.serve:
        cell = f" (cell {pipeline.serve.cell.number})" if pipeline.serve.cell else ""
        click.echo(f"service: {pipeline.serve.name}, {pipeline.serve.kind}{cell}")
    for problem in problems:
        print_problem(problem)
    count = sum(problem.severity != "info" for problem in problems)
    click.echo(f"{count} problem{'s' * (count != 1)}" if count else click.style("no problems", fg="green"))


def _is_tagged(pipeline: Pipeline) -> bool:
    from nbprod.notebook.tags import Marks, read_marks

    return any(read_marks(cell)[0] != Marks() for cell in pipeline.notebook.cells)


def print_problem(problem: Diagnostic) -> None:
    """Print one diagnostic: severity, place, message, code, and below it what to do."""
    colour = {"error": "red", "warning": "yellow", "info": "blue"}[problem.severity]
    place = f"cell {problem.cell}" + (f", line {problem.line}" if problem.line else "") if problem.cell else ""
    place = ", ".join(filter(None, [problem.task and f"task {problem.task}", place]))
    text = f"{place}: {problem.message}" if place else problem.message
    click.echo(f"{click.style(problem.severity, fg=colour)}: {text} [{problem.code}]")
    if problem.hint:
        click.echo(f"  {problem.hint}")


def _takes(graph: Graph, task: str) -> str:
    node = graph.nodes[task]
    by_task: dict[str, list[str]] = {}
    for name, source in node.inputs.items():
        by_task.setdefault(source, []).append(name)
    parts = [f"{', '.join(sorted(names))} from {source}" for source, names in by_task.items()]
    parts += [f"after {name}" for name in sorted(node.after - by_task.keys())]
    return "; ".join(parts)


def _ranges(numbers: list[int]) -> str:
    """Return `3-5, 8` for 3, 4, 5, 8."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
