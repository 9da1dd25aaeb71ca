"""`nbprod promote --dry-run`: the gate, and what the service would take, give and hold, before anything is made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from nbprod.cli.common import number, plain, print_json, print_table

if TYPE_CHECKING:
    from nbprod.project import Entry, Project
    from nbprod.promotion.preview import Preview, Rehearsal

LONGEST = 400
"""Characters of a sample that are printed."""


def rehearse(project: Project, entry: Entry, run: str | None, *, allow_pickle: bool, as_json: bool) -> None:
    """Print what `nbprod promote` would make of a run. Raises, in the end, why it would not be promoted."""
    from nbprod.promotion import preview as core

    def on_step(step: str, detail: str) -> None:
        if as_json:
            print_json({"event": "step", "step": step, "detail": detail}, indent=None)

    found = core.preview(project, entry, run)
    on_step("gate", ", ".join(f"{one.metric} {one.wanted}" for one in found.checks) or "nothing is required")
    made = None
    if found.serve is not None:
        made = core.rehearse(project, entry, found.run, allow_pickle=allow_pickle, on_step=on_step)
    if as_json:
        print_json({"event": "previewed", **to_json(found, made)}, indent=None)
    else:
        _print(found, made)
    problem = found.problem if made is None else made.problem
    if problem is not None:
        raise problem


def to_json(found: Preview, made: Rehearsal | None) -> dict[str, Any]:
    """Return plain values."""
    return {
        "run": found.run.id,
        "model": found.model,
        "champion": found.champion,
        "met": (found.problem if made is None else made.problem) is None,
        "checks": plain(found.checks),
        **({} if made is None else {key: value for key, value in plain(made).items() if key != "problem"}),
    }


def _print(found: Preview, made: Rehearsal | None) -> None:
    run = found.run
    metrics = ", ".join(f"{name} {number(value)}" for name, value in run.metrics.items()) or "no metrics"
    over = f", in the place of {found.champion}" if found.champion else ""
    click.echo(f"run {run.id} ({metrics}) would become {click.style(found.model, bold=True)}{over}")
    checks = found.checks if made is None else made.checks
    click.echo("\ngate" + ("" if checks else ": nothing is required"))
    for check in checks:
        sign = "met" if check.passed else click.style("not met", fg="red")
        value = "missing" if check.value is None else number(check.value)
        click.echo(f"  {check.metric} {check.wanted}: {value}, {sign}" + (f" ({check.basis})" if check.basis else ""))
    if made is None:
        return
    from nbprod.promotion.interface import fields, type_text

    for route, schemas in made.signature.items():
        click.echo(f"\n/{route} takes")
        rows = [
            [
                f"{field.of}.{field.name}".removeprefix("."),
                field.type,
                ", ".join(filter(None, [field.about, "" if field.required else "may be left out"])),
            ]
            for field in fields(schemas["input"])
        ]
        print_table(["field", "type", "about"], rows)
        click.echo(f"and gives {type_text(schemas['output'])}; of the sample")
        call = made.sample[route]
        click.echo(f"  {_clipped(call['arguments'])}\n  {_clipped(call['answer'])}")
    if made.values:
        click.echo("\nit takes along")
        print_table(["value", "type", "stored as"], [[v["name"], v["type"], _stored(v)] for v in made.values])
    if "rows" in made.holdout:
        click.echo(
            f"\nheld-out rows: {made.holdout['rows']} of {made.holdout['name']}, for {', '.join(made.holdout['metrics'])}"
        )
    elif made.holdout:
        click.echo(f"\nno held-out rows: {made.holdout['why']}")
    click.echo(f"\nPython {made.python}, {', '.join(made.packages) or 'no packages'}")
    click.echo("latency and size are measured when it is promoted; no version was made (--dry-run)")


def _stored(value: Any) -> str:
    size = value["bytes"]
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{value['format']}, {size:.3g} {unit}" if value["bytes"] else str(value["format"])


def _clipped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
