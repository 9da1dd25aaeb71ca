"""`nbprod watch`: train again when the world changes, and let the better model take over."""

from __future__ import annotations

import signal
import threading
from datetime import datetime
from typing import Any

import click

from nbprod.cli.common import command, model_name, number, pipeline_argument, print_json


@command(
    pipeline_argument,
    click.option("--once", is_flag=True, help="Do what can be done without waiting, and end: for cron."),
    epilog="`watch:` in pipelines.yaml says when: data, cron, drift, labels; and how a new model takes over: test, shadow, guard.",
)
def watch(pipeline: str | None, once: bool, as_json: bool) -> None:
    """Train again on new or changed data, by the clock, on drift or on feedback; the better model takes over.

    A new model must pass the gate and be no worse on the newest labelled rows, answers beside the champion for a while, and is taken back
    if errors or latency get worse. Ctrl-C or SIGTERM ends it; started again, it goes on where it was.
    """
    from nbprod.monitoring.state import alone
    from nbprod.monitoring.watch import Watch
    from nbprod.project import Project
    from nbprod.worker.staying import worker_stays

    project = Project.find()
    entry = project.pipeline(pipeline)
    stop = threading.Event()

    def show(event: dict[str, Any]) -> None:
        if as_json:
            print_json(event, indent=None)
        else:
            click.echo(_line(event))

    watcher = Watch(project, entry, model_name(entry), show, stop)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with alone(watcher.home, watcher.name):
            if once:
                watcher.once()
            else:
                with worker_stays(project.root, entry.notebook):
                    watcher.loop()
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _line(event: dict[str, Any]) -> str:
    """An event as a reader takes it in."""
    facts = {
        key: value
        for key, value in event.items()
        if key not in ("event", "time", "model") and value not in (None, {}, [])
    }
    told = ", ".join(f"{key} {_value(value)}" for key, value in facts.items())
    return f"{datetime.fromtimestamp(event['time']).astimezone():%Y-%m-%d %H:%M:%S}  {click.style(event['event'], bold=True)}  {told}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return (
            "("
            + ", ".join(f"{key} {_value(item)}" for key, item in value.items() if item not in (None, "", {}, []))
            + ")"
        )
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return number(value)
