"""`nbprod show NAME/vN`, `nbprod diff` and `nbprod lineage`: what a model version is and where it comes from."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nbprod.cli.common import command, number, print_json, print_table, short, size

if TYPE_CHECKING:
    from nbprod.project import Project
    from nbprod.promotion.version import ModelVersion


def is_version(text: str, project: Project | None = None) -> bool:
    """Whether a text names a model version, not a run or a request: `wine/v3`, `wine@previous`, or a model that `project` has (its champion)."""
    if "/" in text or "@" in text:
        return True
    if project is None or not project.has_records:
        return False
    from nbprod.promotion.registry import Registry

    return bool(Registry(project).versions(text))


def show_version(project: Project, text: str, *, as_json: bool) -> None:
    """Print a version: what it was made from, how it was measured, what was done to it."""
    version = _named(project, text)
    if as_json:
        print_json(version.to_json())
        return
    aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
    click.echo(f"{click.style(version.name, bold=True)}{aliases}: {version.stage or version.status}, run {version.run}")
    if version.error:
        click.echo(f"{click.style('error', fg='red')}: {version.error}")
    lineage = version.lineage
    _values("parameters", lineage.get("parameters", {}))
    _values("metrics", version.metrics)
    gate = lineage.get("gate") or {}
    for check in gate.get("checks", ()):
        sign = "met" if check["passed"] else click.style("not met", fg="red")
        basis = f" ({check['basis']})" if check.get("basis") else ""
        value = "missing" if check["value"] is None else number(check["value"])
        click.echo(f"gate: {check['metric']} {check['wanted']}: {value}, {sign}{basis}")
    if gate.get("forced") is not None:
        click.echo(f"gate: passed over, because {gate['forced'] or '(no reason)'}")
    holdout = lineage.get("holdout") or {}
    if "rows" in holdout:
        click.echo(f"held-out rows: {holdout['rows']} of {holdout['name']}, for {', '.join(holdout['metrics'])}")
    elif holdout:
        click.echo(f"held-out rows: none; {holdout['why']}")
    measured = lineage.get("measured") or {}
    if measured.get("latency_ms"):
        click.echo(
            f"a small call took {number(measured['latency_ms'])} ms over HTTP; files: {size(measured['size_mb'] * 1e6)}"
        )
    if lineage.get("values"):
        click.echo()
        print_table(["value", "type", "stored as", "why"], [_stored(*item) for item in lineage["values"].items()])
    if version.events:
        click.echo()
        print_table(["when", "what", "who", "why"], [_event(vars(event)) for event in version.events])
    click.echo(f"files: {short(version.path)}" + ("" if version.path.is_dir() else ", which are gone"))


def _stored(name: str, item: Mapping[str, Any]) -> list[str]:
    from nbprod.promotion.card import why_stored

    return [name, item["type"], item["format"], why_stored(item.get("onnx") or {})]


def _event(event: Mapping[str, Any]) -> list[str]:
    data = event["data"]
    more = {"alias": f" {data.get('alias') or data.get('removed')}"}.get(event["kind"], "")
    return [
        time.strftime("%Y-%m-%d %H:%M", time.localtime(event["created"])),
        f"{event['kind']}{more}",
        event["who"],
        event["why"],
    ]


@command(click.argument("before", metavar="V1"), click.argument("after", metavar="V2"))
def diff(before: str, after: str, as_json: bool) -> None:
    """Say what differs between two model versions (NAME/v1 NAME/v2, or NAME/v1 v2): parameters, metrics, code, data, packages, interface."""
    from nbprod.project import Project
    from nbprod.promotion.changes import changes

    project = Project.find()
    one = _named(project, before)
    other = _named(project, after if is_version(after) else f"{one.model}/{after}")
    found = changes(one, other)
    if as_json:
        print_json({"before": found.before, "after": found.after, **found.kinds, "cells": found.cells})
        return
    click.echo(f"{click.style(one.name, bold=True)} -> {click.style(other.name, bold=True)}")
    if found.none:
        click.echo("nothing differs")
    for kind, changed in found.kinds.items():
        if changed:
            click.echo(f"\n{kind}")
            cut = 12 if kind == "data" else 200
            print_table(
                ["", one.name, other.name],
                [[item.what, _text(item.before)[:cut], _text(item.after)[:cut]] for item in changed],
            )
    for title, lines in found.cells.items():
        click.echo(f"\n{title}")
        for line in lines:
            colour = {"+": "green", "-": "red"}.get(line[:1])
            click.echo("  " + (click.style(line, fg=colour) if colour else line))


@command(
    click.argument("what", metavar="ID|NAME/vN"), click.option("--source", is_flag=True, help="Show the cells' source.")
)
def lineage(what: str, source: bool, as_json: bool) -> None:
    """Say where an answer of a service, or a model version, comes from: version, run, data, commit, cells.

    An answer is named by its request id (the header X-Request-ID), which the service's prediction log holds.
    """
    from nbprod.project import Project

    project = Project.find()
    prediction = None
    if is_version(what, project):
        version = _named(project, what)
    else:
        prediction = _prediction(project, what)
        version = _named(project, f"{prediction.pop('model')}/v{prediction['version']}")
    told = {"version": version.name, "run": version.run, "created": version.created, **version.lineage}
    if as_json:
        print_json({"prediction": prediction, **told})
        return
    if prediction is not None:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(prediction["ts"]))
        click.echo(f"request {what} at {when}: /{prediction.get('route', 'predict')} answered by")
    git = told.get("git")
    commit = (
        "in no repository"
        if git is None
        else f"commit {git['commit'][:12]}{', with changes' if git['dirty'] else ', clean'}"
    )
    click.echo(f"{click.style(version.name, bold=True)}: run {version.run}, {commit}")
    notebook = told.get("notebook") or {}
    changed = " (changed since)" if notebook.get("changed_since_run") else ""
    click.echo(f"notebook: {notebook.get('path')}{changed}")
    if told.get("sweep"):
        click.echo(f"trial {told['trial']} of sweep {told['sweep']}")
    _values("parameters", told.get("parameters", {}))
    _values("metrics", version.metrics)
    for path, sha in told.get("data", {}).items():
        click.echo(f"data: {path} (sha256 {sha[:12]})")
    tasks: dict[str, list[Mapping[str, Any]]] = {}
    for cell in told.get("cells", ()):
        tasks.setdefault(cell["task"], []).append(cell)
    for task, cells in tasks.items():
        click.echo(f"task {task}: cells {', '.join(str(cell['number']) for cell in cells)}")
        for cell in cells if source else ():
            text = "\n".join(f"    {line}" for line in cell.get("source", "(not kept)").splitlines())
            click.echo(f"  cell {cell['number']} ({cell['id']})\n{text}")


def _prediction(project: Project, request: str) -> dict[str, Any]:
    """The line of the prediction logs that has this request id, and the `model` whose service wrote it. Raises `NotFoundError`."""
    from nbprod.errors import NotFoundError
    from nbprod.monitoring.log import PredictionLog

    wanted = json.dumps(request).encode()
    for folder in sorted((project.state / "deployments").glob("*/predictions")):
        for path in reversed(PredictionLog(folder).files("predictions")):
            with path.open("rb") as lines:
                for line in lines:
                    if wanted not in line:
                        continue
                    try:
                        found = json.loads(line)
                    except ValueError:  # the last line, half written
                        continue
                    if isinstance(found, dict) and found.get("id") == request:
                        return {**found, "model": folder.parent.name}
    raise NotFoundError(
        f"no prediction log has the request {request!r}",
        fix="Logs keep what their sampling and their retention let them; NAME/vN names a version instead.",
    )


def _named(project: Project, text: str) -> ModelVersion:
    from nbprod.errors import NotFoundError
    from nbprod.promotion.registry import Registry

    if not project.has_records:
        raise NotFoundError("nothing has been promoted here yet", fix="Promote a run first: nbprod promote PIPELINE.")
    return Registry(project).named(text)


def _values(title: str, values: Mapping[str, Any]) -> None:
    if values:
        click.echo(f"{title}: " + ", ".join(f"{name}={number(value)}" for name, value in values.items()))


def _text(value: Any) -> str:
    return "" if value is None else number(value)
