"""`nbprod models`: the model versions that are kept."""

from __future__ import annotations

import click

from nbprod.cli.common import command, model_name, number, pipeline_argument, print_json, print_table


@command(pipeline_argument)
def models(pipeline: str | None, as_json: bool) -> None:
    """List model versions, and the services that serve them."""
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry
    from nbprod.service.records import services

    project = Project.find()
    name = model_name(project.pipeline(pipeline)) if pipeline else None
    versions = Registry(project).versions(name) if project.has_records else []
    running = [one for one in services(project) if name in {None, one.name}] if versions else []
    if as_json:
        versions_json = [one.to_json() for one in versions]
        print_json({"versions": versions_json, "services": [one.to_json() for one in running]})
        return
    if not versions:
        click.echo("no model versions yet")
        return
    urls = {one.model: f"{one.status} {one.url}" for one in running}
    rows = [
        [
            one.name,
            one.status,
            ", ".join(one.aliases),
            one.run,
            ", ".join(f"{key} {number(value)}" for key, value in one.metrics.items()),
            urls.get(one.name, ""),
        ]
        for one in versions
    ]
    print_table(["version", "state", "alias", "run", "metrics", "service"], rows)
