"""Model versions: listing, promoting, rolling back."""

from __future__ import annotations

from nbprod.server import commands, versions
from nbprod.server.endpoints.jobs import job_of
from nbprod.server.models import Job, Models, ModelVersion, PromoteOptions, PromotePreview
from nbprod.server.place import Server
from nbprod.server.queries import At, PromoteQuery


def list_models(server: Server, query: At) -> Models:
    """List the model versions of a pipeline, newest first, and its service."""
    return versions.models_of(server.place(query.path))


def preview_promotion(server: Server, query: PromoteQuery) -> PromotePreview:
    """Say what promoting a run (the best one without `run`) would do."""
    return versions.preview_of(server.existing(query.path), query.run)


def start_preview(server: Server, body: PromoteOptions) -> Job:
    """Find out what the service of a run would take and give: its signature and a sample, in the job's event `previewed`."""
    place = server.existing(body.path)
    arguments = ["promote", *commands.promote_arguments(place, body), "--dry-run"]
    return job_of(server, server.jobs.start(place, "preview", arguments, run=body.run))


def start_promotion(server: Server, body: PromoteOptions) -> Job:
    """Turn a run into a checked model version, the new champion."""
    place = server.existing(body.path)
    arguments = ["promote", *commands.promote_arguments(place, body)]
    return job_of(server, server.jobs.start(place, "promote", arguments, run=body.run))


def crown_version(server: Server, name: str, version: str, query: At) -> ModelVersion:
    """Make another ready version the champion."""
    return versions.crown(server.place(query.path), name, version)
