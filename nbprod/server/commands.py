"""The command lines of what the panel asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from nbprod.errors import Location, NbprodError, RunError
from nbprod.server.models import ExploreOptions, PromoteOptions, RunOptions, ServeOptions, SweepOptions
from nbprod.server.place import Place

ASK_SECONDS = 120.0


def run_arguments(place: Place, options: RunOptions) -> list[str]:
    """Return what `nbprod run` and `nbprod plan` take."""
    arguments = [str(place.notebook)]
    if options.parameters:
        arguments += ["--values", json.dumps(options.parameters)]
    for task in options.only:
        arguments += ["--only", task]
    for task in options.start_from:
        arguments += ["--from", task]
    return [*arguments, "--force"] if options.force else arguments


def pool_arguments(options: RunOptions) -> list[str]:
    """Return what `nbprod run` takes and `nbprod plan` does not."""
    return [] if options.workers is None else ["--workers", str(options.workers)]


def sweep_arguments(place: Place, options: SweepOptions) -> list[str]:
    """Return what `nbprod sweep` takes."""
    arguments = [str(place.notebook)]
    if options.resume is not None or options.retry_failed:
        arguments += ["--resume", options.resume or ""]
        arguments += ["--retry-failed"] if options.retry_failed else []
    else:
        if options.space:
            arguments += ["--space", json.dumps(options.space)]
        if options.fixed:
            arguments += ["--values", json.dumps(options.fixed)]
        if options.search is not None:
            arguments += ["--search", options.search]
        if options.metric is not None:
            arguments += ["--optimize", f"{options.metric}:{options.direction}"]
        if options.seed is not None:
            arguments += ["--seed", str(options.seed)]
    if options.trials is not None:
        arguments += ["--trials", str(options.trials)]
    if options.parallel is not None:
        arguments += ["--parallel", str(options.parallel)]
    return arguments


def promote_arguments(place: Place, options: PromoteOptions) -> list[str]:
    """Return what `nbprod promote` takes."""
    arguments = [str(place.notebook)]
    if options.run is not None:
        arguments += ["--run", options.run]
    return [*arguments, "--allow-pickle"] if options.allow_pickle else arguments


def serve_arguments(place: Place, options: ServeOptions) -> list[str]:
    """Return what `nbprod serve` takes."""
    arguments = [str(place.notebook)]
    if options.version is not None:
        arguments += ["--version", str(options.version)]
    if options.port is not None:
        arguments += ["--port", str(options.port)]
    return arguments


def explore_arguments(place: Place, options: ExploreOptions) -> list[str]:
    """Return what `nbprod explore` takes."""
    return [str(place.notebook), "--run", options.run, "--task", options.task]


def ask(place: Place, arguments: Sequence[str]) -> str:
    """Run a command that only looks, and return what it prints. Raises its error."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nbprod", *arguments, "--json"],
        cwd=place.project.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ASK_SECONDS,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    lines = done.stdout.strip().splitlines()
    if lines and lines[-1].startswith('{"error"'):
        said = json.loads(lines[-1])["error"]
        raise NbprodError(said["what"], where=Location(**said["where"]), fix=said["fix"])
    raise RunError(done.stderr.strip() or f"nbprod {arguments[0]} ended with exit code {done.returncode}")
