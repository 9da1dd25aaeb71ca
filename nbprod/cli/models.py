"""`nbprod models`: the model versions that are kept, and what people say of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from nbprod.cli.common import command, model_name, number, pipeline_argument, print_json, print_table
from nbprod.service.follow import follow

if TYPE_CHECKING:
    from nbprod.promotion.registry import Registry
    from nbprod.promotion.version import ModelVersion

VERSION = click.argument("version", metavar="NAME/vN")
BECAUSE = click.option("--because", default="", metavar="TEXT", help="Why; it is recorded with your name.")


class Models(click.Group):
    """A group that lists where no command of it is named: `nbprod models wine`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Models)
def models() -> None:
    """List model versions, and the services that serve them; say something of a version.

    `nbprod models PIPELINE` lists those of one pipeline, with the options of `list`. Each command here takes `--json`.
    """


@command(
    pipeline_argument,
    click.option("--stage", help="Versions in this stage only: candidate, waiting, production, retired, ..."),
    click.option("--alias", help="Versions with this alias only."),
    click.option("--run", "run", help="Versions of this run only (its id, or the beginning of it)."),
    click.option("--metric", "metric", metavar="'NAME >= X'", help="Versions that meet this comparison only."),
)
def list_(
    pipeline: str | None, stage: str | None, alias: str | None, run: str | None, metric: str | None, as_json: bool
) -> None:
    """List model versions, and the services that serve them."""
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry
    from nbprod.promotion.version import Stage
    from nbprod.service.records import services

    if stage is not None and stage not in set(Stage):
        raise click.BadParameter(f"{stage!r} is none of {', '.join(Stage)}", param_hint="--stage")
    meets = _comparison(metric)
    project = Project.find()
    name = model_name(project.pipeline(pipeline)) if pipeline else None
    versions = [
        one
        for one in (Registry(project).versions(name) if project.has_records else [])
        if (stage is None or one.stage == stage)
        and (alias is None or alias in one.aliases)
        and (run is None or one.run.startswith(run))
        and meets(one)
    ]
    running = [one for one in services(project) if name in {None, one.name}] if versions else []
    if as_json:
        versions_json = [one.to_json() for one in versions]
        print_json({"versions": versions_json, "services": [one.to_json() for one in running]})
        return
    if not versions:
        click.echo("no model versions yet" if not any((stage, alias, run, metric)) else "no such model version")
        return
    urls = {one.model: f"{one.status} {one.url}" for one in running}
    rows = [
        [
            one.name,
            _state(one),
            ", ".join(one.aliases),
            one.run,
            ", ".join(f"{key} {number(value)}" for key, value in one.metrics.items()),
            urls.get(one.name, ""),
        ]
        for one in versions
    ]
    print_table(["version", "state", "alias", "run", "metrics", "service"], rows)


def _state(version: ModelVersion) -> str:
    if version.stage is None:
        return str(version.status)
    return str(version.stage) if version.path.is_dir() else f"{version.stage}, its files are gone"


def _comparison(text: str | None) -> Any:
    if text is None:
        return lambda version: True
    from pydantic import ValidationError

    from nbprod.config import Requirement

    match = re.fullmatch(r"\s*([^\s<>=]+)\s*((?:>=|<=|==|>|<).*)", text)
    try:
        rule = Requirement.model_validate(match[2]) if match else None
    except ValidationError:
        rule = None
    if rule is None or match is None:
        raise click.BadParameter("is no comparison such as 'accuracy >= 0.9'", param_hint="--metric")
    return lambda version: match[1] in version.metrics and rule.holds(version.metrics[match[1]])


@command(VERSION, click.option("--because", required=True, metavar="TEXT", help="Why; it is recorded with your name."))
def approve(version: str, because: str, as_json: bool) -> None:
    """Let a version that waits for approval become the champion."""
    registry, found = _found(version)
    champion = registry.approve(found, because)
    _tell(champion, "is the champion", as_json)


@command(VERSION, click.option("--because", required=True, metavar="TEXT", help="Why; it is recorded with your name."))
def reject(version: str, because: str, as_json: bool) -> None:
    """Say that a version must not become the champion."""
    _noted(version, "REJECTED", because, "is rejected", as_json)


@command(VERSION, click.argument("text"))
def note(version: str, text: str, as_json: bool) -> None:
    """Add a note to a version."""
    _noted(version, "NOTE", text, "has the note", as_json)


@command(VERSION, BECAUSE)
def archive(version: str, because: str, as_json: bool) -> None:
    """Put a version aside, so that it cannot become the champion by mistake."""
    _noted(version, "ARCHIVED", because, "is archived", as_json)


@command(VERSION, BECAUSE)
def restore(version: str, because: str, as_json: bool) -> None:
    """Take a version that was archived back."""
    _noted(version, "RESTORED", because, "is restored", as_json)


@command(
    VERSION, click.argument("alias"), click.option("--remove", is_flag=True, help="Remove the alias instead."), BECAUSE
)
def alias(version: str, alias: str, remove: bool, because: str, as_json: bool) -> None:
    """Give a version an alias, which moves to it if another version has it (NAME@ALIAS names it then)."""
    registry, found = _found(version)
    registry.point(found.model, alias, None if remove else found.version, why=because)
    _tell(
        registry.get(found.model, found.version), f"{'no longer has' if remove else 'has'} the alias {alias}", as_json
    )


for name, one in {
    "list": list_,
    "alias": alias,
    "note": note,
    "approve": approve,
    "reject": reject,
    "archive": archive,
    "restore": restore,
}.items():
    models.add_command(one, name)


@command(
    pipeline_argument,
    click.option("--to", "to", metavar="V", help="The version to go back to (a number or an alias)."),
    BECAUSE,
)
def rollback(pipeline: str | None, to: str | None, because: str, as_json: bool) -> None:
    """Make the champion before this one the champion again, or any version; a running service follows at once."""
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry

    project = Project.find()
    name = model_name(project.pipeline(pipeline))
    _exists(project)
    before = Registry(project).champion(name)
    champion = Registry(project).rollback(name, to, why=because)
    service = follow(project, name)
    if as_json:
        print_json({**champion.to_json(), "service": None if service is None else service.to_json()})
        return
    was = f", in the place of {before.name}" if before and before.name != champion.name else ""
    click.echo(f"{click.style(champion.name, bold=True)} is the champion{was}")
    if service is not None:
        click.echo(f"  its service answers with it at {service.url}")


def _found(text: str) -> tuple[Registry, ModelVersion]:
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry

    project = Project.find()
    _exists(project)
    registry = Registry(project)
    return registry, registry.named(text)


def _exists(project: Any) -> None:
    """Raise `NotFoundError` where nothing was ever kept: asking the records would make them."""
    from nbprod.errors import NotFoundError

    if not project.has_records:
        raise NotFoundError("nothing has been promoted here yet", fix="Promote a run first: nbprod promote PIPELINE.")


def _noted(text: str, kind: str, why: str, said: str, as_json: bool) -> None:
    from nbprod.promotion.version import Kind

    registry, found = _found(text)
    _tell(registry.note(found, Kind[kind], why), said, as_json)


def _tell(version: ModelVersion, said: str, as_json: bool) -> None:
    from nbprod.project import Project

    service = follow(Project.find(), version.model) if "champion" in version.aliases else None
    if as_json:
        print_json({**version.to_json(), "service": None if service is None else service.to_json()})
    else:
        click.echo(f"{click.style(version.name, bold=True)} {said}")
        if service is not None:
            click.echo(f"  its service answers with it at {service.url}")
