"""Sweeps: starting, going on with, listing them."""

from __future__ import annotations

from nbprod.server import commands, sweeps
from nbprod.server.checks import check_sweep
from nbprod.server.endpoints.jobs import job_of
from nbprod.server.models import Job, Sweep, SweepInfo, SweepOptions
from nbprod.server.place import Server
from nbprod.server.queries import At


def start_sweep(server: Server, body: SweepOptions) -> Job:
    """Search over parameter values, or go on with a search."""
    place = server.existing(body.path)
    check_sweep(place, body)
    return job_of(server, server.jobs.start(place, "sweep", ["sweep", *commands.sweep_arguments(place, body)]))


def list_sweeps(server: Server, query: At) -> list[SweepInfo]:
    """List the sweeps of a pipeline, newest first."""
    return sweeps.list_of(server.place(query.path))


def show_sweep(server: Server, sweep: str, query: At) -> Sweep:
    """Give a sweep with its trials."""
    return sweeps.sweep_of(server.place(query.path), sweep)
