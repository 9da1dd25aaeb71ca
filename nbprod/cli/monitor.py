"""`nbprod monitor`: a service's newest requests beside what its model was made from."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprod.cli.common import command, model_name, number, pipeline_argument, print_json, print_table, short

if TYPE_CHECKING:
    from nbprod.monitoring.monitor import Report

EXIT_DRIFT = 5
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _duration(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no time such as 30m, 24h or 7d", param=option)
    return float(match[1]) * UNITS[match[2]]


@command(
    pipeline_argument,
    click.option(
        "--version", "version", help="The model version whose requests are looked at; the champion without it."
    ),
    click.option("--rows", type=click.IntRange(min=1), help="Compare the newest so many rows."),
    click.option("--since", callback=_duration, metavar="TIME", help="Compare all rows of the last 30m, 24h, 7d, ..."),
    click.option(
        "--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a report with plots."
    ),
    click.option(
        "--prometheus",
        "prometheus_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the gauges for Prometheus's textfile collector.",
    ),
    click.option(
        "--evidently",
        "evidently_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write Evidently's report (extra `report`).",
    ),
    click.option(
        "--evidently-python", metavar="PYTHON", help="The interpreter that has Evidently; nbprod's own without it."
    ),
)
def monitor(
    pipeline: str | None,
    version: str | None,
    rows: int | None,
    since: float | None,
    html_file: Path | None,
    prometheus_file: Path | None,
    evidently_file: Path | None,
    evidently_python: str | None,
    as_json: bool,
) -> int:
    """Compare what a service was asked with what its model was made from.

    Drift per column, data quality, live metrics where feedback came, latency and errors. The exit code is 5 when something has
    drifted or a live metric is worse than it may be.
    """
    from nbprod.monitoring import gauges
    from nbprod.monitoring.monitor import deployment
    from nbprod.monitoring.monitor import monitor as look
    from nbprod.project import Project

    project = Project.find()
    entry = project.pipeline(pipeline)
    name = model_name(entry)
    report = look(
        project, name, entry.config.monitor, version, rows=rows, since=None if since is None else time.time() - since
    )
    gauges.write_gauges(report, deployment(project, name))
    if prometheus_file is not None:
        gauges.write(prometheus_file, gauges.prometheus(report))
    if html_file is not None:
        from nbprod.monitoring.page import page

        gauges.write(html_file, page(report))
    if evidently_file is not None:
        from nbprod.monitoring.evidently import write_evidently

        write_evidently(report, evidently_file, evidently_python)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report)
        for file in (html_file, prometheus_file, evidently_file):
            if file is not None:
                click.echo(f"written: {short(file)}")
    return EXIT_DRIFT if report.alarm else 0


def _show(report: Report) -> None:
    traffic = report.traffic
    click.echo(
        f"{click.style(f'{report.model}/v{report.version}', bold=True)}: {report.rows} rows compared; {traffic.requests} requests, "
        f"{traffic.errors} failed, {traffic.refused} refused"
        + ("" if traffic.p50 is None else f"; {traffic.p50:.3g} ms (p99 {traffic.p99:.3g} ms)")
    )
    if report.columns:
        print_table(
            ["column", "part", "PSI", "bound", "p", "before", "now", "missing", "verdict"],
            [
                [
                    column.name,
                    column.part,
                    _short(column.psi),
                    _short(column.threshold),
                    _short(column.p),
                    _short(column.before),
                    _short(column.after),
                    f"{column.missing:.1%}",
                    column.verdict + (f" ({column.size})" if column.alarm and column.size else ""),
                ]
                for column in report.columns
            ],
        )
    for column in report.columns:
        for problem in _quality(column):
            click.echo(f"{column.name}: {problem}")
    if report.scores:
        print_table(
            ["metric", "now", "run", "rows", "against", "verdict"],
            [
                [
                    score.metric,
                    number(score.value),
                    _short(score.run),
                    score.rows,
                    score.why,
                    "worse" if score.alarm else "fine",
                ]
                for score in report.scores
            ],
        )
    for note in report.notes:
        click.echo(note)
    names = [column.name for column in report.drifted] + [score.metric for score in report.worse]
    click.echo(
        click.style(f"alarm: {', '.join(names)}", fg="red") if report.alarm else click.style("no alarm", fg="green")
    )


def _quality(column: object) -> list[str]:
    from nbprod.monitoring.drift import ColumnDrift

    assert isinstance(column, ColumnDrift)
    found = []
    if column.wrong_type:
        found.append(f"{column.wrong_type:.1%} of the values are no {column.kind}")
    if column.out_of_range > 0.01:
        found.append(f"{column.out_of_range:.1%} lie outside the range of the training data")
    if column.unseen:
        listed = ", ".join(f"{name!r} ({count})" for name, count in list(column.unseen.items())[:5])
        found.append(f"values that were not seen in training: {listed}")
    return found


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
