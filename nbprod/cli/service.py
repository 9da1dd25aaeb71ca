"""`nbprod serve` and `nbprod predict`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from nbprod.cli.common import command, model_name, pipeline_argument, print_json, short


@command(
    pipeline_argument,
    click.option("--version", "version", help="The model version (a number or an alias); the champion without it."),
    click.option("--port", type=click.IntRange(1, 65535), help="The port; a free one without it."),
    click.option("--host", help="The address to listen at; only this machine (127.0.0.1) without it."),
    click.option("--workers", type=click.IntRange(1, 256), help="Processes that answer; as pipelines.yaml says (1)."),
    click.option(
        "--request-timeout",
        type=click.FloatRange(min=0),
        help="Seconds that a request may take, 0 for any; as pipelines.yaml says (60).",
    ),
    click.option("--accept-edits", is_flag=True, help="Serve service.py and model.py as they were edited."),
    click.option("--beside", metavar="VERSION", help="Ask this version too, in shadow; or for a share with --percent."),
    click.option(
        "--percent",
        type=click.FloatRange(min=0, max=100, min_open=True),
        help="The share of requests that the version beside answers.",
    ),
    click.option("--alone", is_flag=True, help="End what --beside began."),
    click.option("--stop", is_flag=True, help="Stop the service."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=120,
        show_default=True,
        help="Seconds to wait.",
    ),
)
def serve(
    pipeline: str | None,
    version: str | None,
    port: int | None,
    host: str | None,
    workers: int | None,
    request_timeout: float | None,
    accept_edits: bool,
    beside: str | None,
    percent: float | None,
    alone: bool,
    stop: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Start the service of a model version and wait until it answers; or stop it.

    It goes on when this command has ended. If it runs already, the version is swapped without losing a request.
    """
    from nbprod.project import Project
    from nbprod.promotion.registry import Registry
    from nbprod.service import deployments, edits

    if sum([stop, alone, beside is not None]) > 1:
        raise click.UsageError("give one of --stop, --alone and --beside")
    if percent is not None and beside is None:
        raise click.UsageError("--percent goes with --beside")
    project = Project.find()
    entry = project.pipeline(pipeline)
    name = model_name(entry)
    config = entry.config.service
    if request_timeout is not None:
        config = config.model_copy(update={"timeout": request_timeout})
    if stop:
        service = deployments.stop(project, name)
    elif alone:
        service = deployments.alone(project, name, timeout=timeout)
    elif beside is not None and percent is not None:
        service = deployments.split(project, name, beside, percent, timeout=timeout)
    elif beside is not None:
        service = deployments.shadow(project, name, beside, timeout=timeout)
    else:
        service = deployments.serve(
            project,
            name,
            version,
            port or config.port,
            host=host or config.host,
            workers=workers or config.workers,
            timeout=timeout,
            accept_edits=accept_edits,
            env=deployments.environment(project, name, config),
        )
    if as_json:
        print_json(service.to_json())
    elif stop:
        click.echo(f"{service.model} is stopped")
    else:
        click.echo(f"{service.model} answers at {service.url} (log: {short(service.log)})")
        edited = edits.check(project, Registry(project).get(name, service.version))
        if edited:
            click.echo(f"  {', '.join(edited)} was edited since the promotion, whose parity check was before that")
        if service.challenger:
            told = f"answers {percent:g} % of the requests" if percent else "is asked too"
            click.echo(f"  {name}/v{service.challenger['version']} {told}")


@command(
    pipeline_argument,
    click.option("--sample", is_flag=True, help="Send the sample that the run kept, and compare the answer."),
    click.option("--data", metavar="JSON", help="The input: JSON, @FILE, or - for standard input."),
    click.option(
        "--csv", "csv_file", type=click.Path(path_type=Path), help="The input: rows of a CSV file with a header."
    ),
    click.option("--route", default="predict", show_default=True, help="The route to ask."),
)
def predict(
    pipeline: str | None, sample: bool, data: str | None, csv_file: Path | None, route: str, as_json: bool
) -> int:
    """Ask a running service. The answer is JSON on standard output."""
    from nbprod.project import Project
    from nbprod.promotion.parity import difference
    from nbprod.service.predict import predict as ask

    if sum([sample, data is not None, csv_file is not None]) != 1:
        raise click.UsageError("give one of --sample, --data and --csv")
    project = Project.find()
    name = model_name(project.pipeline(pipeline))
    prediction = ask(project, name, _parse(data), csv_file=csv_file, route=route)
    differs = difference(prediction.expected, prediction.answer) if sample else None
    if as_json:
        print_json(
            {"url": prediction.url, "sent": prediction.arguments, "answer": prediction.answer, "difference": differs}
        )
        return int(differs is not None)
    print_json(prediction.answer)
    if sample:
        click.echo(
            f"not the notebook's own answer: {differs}" if differs else "equal to the notebook's own answer", err=True
        )
    return int(differs is not None)


def _parse(data: str | None) -> Any:
    if data is None:
        return None
    try:
        if data == "-":
            data = sys.stdin.read()
        elif data.startswith("@"):
            data = Path(data[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{data[1:]} cannot be read: {error.strerror}", param_hint="--data") from error
    try:
        return json.loads(data)
    except ValueError as error:
        raise click.BadParameter(f"is no JSON: {error}", param_hint="--data") from error
