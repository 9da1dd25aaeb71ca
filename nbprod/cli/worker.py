"""`nbprod worker`: beside a terminal, so that its runs begin at once."""

from __future__ import annotations

import signal
import threading

import click

from nbprod.cli.common import command, pipeline_argument, print_json


@command(
    pipeline_argument,
    epilog="Linux only. NBPROD_WORKER=0 before a command has it go alone all the same.",
)
def worker(pipeline: str | None, as_json: bool) -> None:
    """Keep a process in which everything is imported: `nbprod run` and `nbprod sweep` in this project begin at once.

    It serves commands whose environment is the same as here, of this user, until Ctrl-C or SIGTERM. JupyterLab's sidebar and `nbprod watch` keep one of their own.
    """
    from nbprod.errors import ConfigError
    from nbprod.project import Project
    from nbprod.worker.address import possible
    from nbprod.worker.staying import worker_stays

    project = Project.find()
    entry = project.pipeline(pipeline)
    reason = possible()
    if reason:
        raise ConfigError(f"no worker can stay: {reason}", fix="Commands go alone, which gives the same results.")

    def tell(problem: str) -> None:
        if as_json:
            print_json({"event": "absent", "why": problem} if problem else {"event": "ready"}, indent=None)
        elif problem:
            click.echo(f"there is no worker, and commands go alone: {problem}", err=True)
        else:
            click.echo(
                f"ready: runs and sweeps in {project.root} begin at once, those of {entry.name} first of all; Ctrl-C ends it"
            )

    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with worker_stays(project.root, entry.notebook, tell):
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
