"""`nbprod promote`: a run's model becomes a checked model version."""

from __future__ import annotations

import time

import click

from nbprod.cli.common import command, number, pipeline_argument, print_json, seconds, short
from nbprod.cli.rehearsal import rehearse
from nbprod.service.follow import follow


@command(
    pipeline_argument,
    click.option("--run", "run", help="The run to promote; the best one of the pipeline without it."),
    click.option("--allow-pickle", is_flag=True, help="Store by pickle what no safer format can hold."),
    click.option("--dry-run", is_flag=True, help="Say what would be promoted: gate, signature and sample."),
    click.option("--challenger", is_flag=True, help="Make it the challenger, not the champion."),
    click.option("--force", is_flag=True, help="Promote although the gate is not met; needs --because."),
    click.option("--because", metavar="TEXT", help="Why it is forced; it is recorded with your name."),
)
def promote(
    pipeline: str | None,
    run: str | None,
    allow_pickle: bool,
    dry_run: bool,
    challenger: bool,
    force: bool,
    because: str | None,
    as_json: bool,
) -> None:
    """Turn a run's model into a checked model version, the new champion.

    The gate first (exit code 3 if it is not met), then the parity check: the packaged service is started in a clean
    process and must answer what the run itself did (exit code 4).
    """
    from nbprod.project import Project
    from nbprod.promotion.promote import promote as promote_run

    if force != bool(because and because.strip()):
        raise click.UsageError("--force and --because TEXT go together: why the gate is passed over is recorded")
    project = Project.find()
    entry = project.pipeline(pipeline)
    if dry_run:
        return rehearse(project, entry, run, allow_pickle=allow_pickle, as_json=as_json)
    began = time.monotonic()

    def on_step(step: str, detail: str) -> None:
        if as_json:
            print_json({"event": "step", "step": step, "detail": detail}, indent=None)
        else:
            click.echo(f"{step}: {detail}")

    version = promote_run(
        project, entry, run, allow_pickle=allow_pickle, crown=not challenger, force=because, on_step=on_step
    )
    champion = "champion" in version.aliases
    service = follow(project, version.model) if champion else None
    if as_json:
        return print_json({"event": "promoted", **version.to_json()}, indent=None)
    for check in version.lineage["gate"]["checks"]:
        if check["basis"] or not check["passed"]:
            met = "met" if check["passed"] else click.style("not met", fg="red")
            click.echo(f"  {check['metric']} {check['wanted']}: {number(check['value'])}, {met} ({check['basis']})")
    metrics = ", ".join(f"{name} {number(value)}" for name, value in version.metrics.items())
    state = (
        "is the champion" if champion else "waits for approval" if version.stage == "waiting" else "is the challenger"
    )
    shown = f" ({metrics})" if metrics else ""
    click.echo(f"{click.style(version.name, bold=True)} {state}{shown}, in {seconds(time.monotonic() - began)}")
    if version.stage == "waiting":
        click.echo(f"  nbprod models approve {version.name} --because TEXT makes it the champion")
    if service is not None:
        click.echo(f"  its service answers with it at {service.url}")
    else:
        click.echo(f"  its files: {short(version.path)}; nbprod serve {entry.name} serves it")
    return None
