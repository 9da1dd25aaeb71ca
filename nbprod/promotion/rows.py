"""Model versions, aliases and events as rows of the records, read and written in a transaction of the registry's."""

from __future__ import annotations

import getpass
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbprod.execution.orm import Connection
from nbprod.execution.processes import is_alive, me
from nbprod.execution.tables import ModelAliases, ModelEvents, ModelVersions
from nbprod.promotion.version import Event, Kind, ModelVersion, Status


def aliases(connection: Connection, model: str) -> dict[str, int]:
    rows = ModelAliases.select().where(ModelAliases.model == model).execute(connection)
    return {row.name: row.version for row in rows}


def point(connection: Connection, model: str, alias: str, version: int) -> None:
    ModelAliases.put(connection, model=model, name=alias, version=version, updated=time.time())


def unpoint(connection: Connection, model: str, alias: str) -> None:
    ModelAliases.delete().where(ModelAliases.model == model, ModelAliases.name == alias).execute(connection)


def events(connection: Connection, model: str | None) -> dict[tuple[str, int], list[Event]]:
    query = ModelEvents.select().order_by(ModelEvents.id)
    if model is not None:
        query = query.where(ModelEvents.model == model)
    found: dict[tuple[str, int], list[Event]] = {}
    for row in query.execute(connection):
        event = Event(row.kind, row.who, row.why, row.created, row.data)
        found.setdefault((row.model, row.version), []).append(event)
    return found


def record(connection: Connection, model: str, version: int, kind: Kind, why: str, who: str | None, data: Any) -> None:
    ModelEvents.add(
        connection,
        model=model,
        version=version,
        kind=kind.value,
        who=who or user(),
        why=why,
        data=dict(data),
        created=time.time(),
    )


def reconcile(connection: Connection, state: Path) -> None:
    """Mark versions whose promoting process is gone as failed; what it left lies in scratch, never in `path`."""
    table = ModelVersions
    building = table.select().where(table.status == Status.BUILDING, table.host == me()[0])
    for row in list(building.execute(connection)):
        if not is_alive(row.pid, row.process_started):
            failed = table.update(status=Status.FAILED, error="the promotion was interrupted")
            failed.where(table.model == row.model, table.version == row.version).execute(connection)
            for left in (row.path, f"{row.path}-holdout"):
                shutil.rmtree(state / left, ignore_errors=True)


def number_of(version: int | str) -> int | None:
    text = str(version).removeprefix("v")
    return int(text) if text.isdigit() else None


def version_of(
    row: ModelVersions, aliases: Mapping[str, int], state: Path, events: Mapping[tuple[str, int], list[Event]]
) -> ModelVersion:
    return ModelVersion(
        row.model,
        row.version,
        row.pipeline,
        row.run,
        Status(row.status),
        state / row.path,
        row.metrics,
        row.lineage,
        row.files,
        row.created,
        tuple(sorted(alias for alias, version in aliases.items() if version == row.version)),
        row.error,
        tuple(events.get((row.model, row.version), ())),
    )


def user() -> str:
    """Return who is at work, as approvals and notes record it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need have no name
        return "unknown"
