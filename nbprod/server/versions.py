"""Model versions and services as the panel gets them, from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.errors import NotFoundError
from nbprod.server.models import GateCheck, Models, ModelVersion, PromotePreview, Serve, Service
from nbprod.server.place import Place
from nbprod.server.problems import problem_of
from nbprod.server.runs import run_of
from nbprod.server.values import json_value, numbers

if TYPE_CHECKING:
    from nbprod.promotion import registry as core
    from nbprod.service import records


def model_name(place: Place) -> str:
    """Return the name under which a pipeline's models are registered."""
    from nbprod.promotion.package import service_name

    return service_name(place.entry.config.service.name or place.entry.name)


def check_kept(place: Place) -> None:
    """Raise `NotFoundError` where nothing was ever kept: asking the records would make them."""
    if not place.project.has_records:
        raise NotFoundError("nothing has been promoted here yet", fix="Run the pipeline, then promote the run.")


def models_of(place: Place) -> Models:
    """Return the versions of a pipeline's model, newest first, and its service."""
    from nbprod.promotion.registry import Registry
    from nbprod.service.records import find

    if not place.project.has_records:
        return Models(versions=[], services=[])
    name = model_name(place)
    service = find(place.project, name)
    return Models(
        versions=[version_of(one) for one in reversed(Registry(place.project).versions(name))],
        services=[] if service is None else [service_of(service)],
    )


def crown(place: Place, name: str, version: str) -> ModelVersion:
    """Make a ready version the champion; one that is older than the champion is rolled back to. A running service follows.

    Raises `NotFoundError`, `PromotionError` for one that may not be the champion, and `ServiceError` if its files were changed.
    """
    from nbprod.promotion.registry import Registry
    from nbprod.service.follow import follow

    check_kept(place)
    registry = Registry(place.project)
    wanted, champion = registry.get(name, version), registry.champion(name)
    back = champion is not None and wanted.version < champion.version
    crowned = registry.rollback(name, wanted.version) if back else registry.crown(wanted)
    follow(place.project, name)
    return version_of(crowned)


def preview_of(place: Place, run: str | None) -> PromotePreview:
    """Return what promoting a run would do."""
    from nbprod.promotion.preview import preview

    if not place.project.has_records:
        raise NotFoundError(f"no run of {place.entry.name!r} has succeeded yet", fix="Run it first.")
    found = preview(place.project, place.entry, run)
    serve = found.serve
    return PromotePreview(
        run=run_of(place, found.run, {}),
        model=found.model,
        checks=[
            GateCheck(metric=one.metric, value=numbers({"v": one.value})["v"], wanted=one.wanted, passed=one.passed)
            for one in found.checks
        ],
        met=found.problem is None,
        serve=None
        if serve is None
        else Serve.model_validate({"name": serve.name, "kind": serve.kind, "inputs": dict(found.inputs)}),
        champion=found.champion,
        problem=None if found.problem is None else problem_of(found.problem, place.server_root),
    )


def version_of(version: core.ModelVersion) -> ModelVersion:
    """Return a model version, with what its Bento takes and gives."""
    return ModelVersion(
        model=version.model,
        version=version.version,
        name=version.name,
        pipeline=version.pipeline,
        run=version.run,
        status=version.status.value,
        aliases=list(version.aliases),
        metrics=numbers(version.metrics),
        created=version.created,
        error=version.error,
        lineage=json_value(version.lineage),
        signature=version.interface,
        sample=version.samples,
    )


def service_of(service: records.Service) -> Service:
    """Return a service as it is now."""
    return Service.model_validate(
        {
            "name": service.name,
            "version": service.version,
            "status": service.status,
            "url": service.url,
            "started": service.started,
        }
    )
