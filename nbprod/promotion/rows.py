"""Model versions, aliases and events as rows of the records, read and written in a transaction of the registry's."""

from __future__ import annotations

import getpass
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbprod.execution import tables
from nbprod.execution.processes import is_alive, me
from nbprod.execution.sql import Connection, Row, delete, select
from nbprod.promotion.version import Event, Kind, ModelVersion, Status


def aliases(connection: Connection, model: str) -> dict[str, int]:
    table = tables.model_aliases
    rows = connection.execute(select(table).where(table.c.model == model)).all()
    return {row.alias: row.version for row in rows}


def point(connection: Connection, model: str, alias: str, version: int) -> None:
    unpoint(connection, model, alias)
    connection.execute(
        tables.model_aliases.insert().values(model=model, alias=alias, version=version, updated=time.time())
    )


def unpoint(connection: Connection, model: str, alias: str) -> None:
    table = tables.model_aliases
    connection.execute(delete(table).where(table.c.model == model, table.c.alias == alias))


def events(connection: Connection, model: str | None) -> dict[tuple[str, int], list[Event]]:
    table = tables.model_events
    query = select(table).order_by(table.c.id)
    found: dict[tuple[str, int], list[Event]] = {}
    for row in connection.execute(query if model is None else query.where(table.c.model == model)).all():
        event = Event(row.kind, row.who, row.why, row.created, row.data)
        found.setdefault((row.model, row.version), []).append(event)
    return found


def record(connection: Connection, model: str, version: int, kind: Kind, why: str, who: str | None, data: Any) -> None:
    connection.execute(
        tables.model_events.insert().values(
            model=model,
            version=version,
            kind=kind.value,
            who=who or user(),
            why=why,
            data=dict(data),
            created=time.time(),
        )
    )


def reconcile(connection: Connection, state: Path) -> None:
    """Mark versions whose promoting process is gone as failed; what it left lies in scratch, never in `path`."""
    table = tables.model_versions
    host = me()[0]
    building = select(table).where(table.c.status == Status.BUILDING, table.c.host == host)
    for row in connection.execute(building).all():
        if not is_alive(row.pid, row.process_started):
            connection.execute(
                table.update()
                .where(table.c.model == row.model, table.c.version == row.version)
                .values(status=Status.FAILED, error="the promotion was interrupted")
            )
            for left in (row.path, f"{row.path}-holdout"):
                shutil.rmtree(state / left, ignore_errors=True)


def number_of(version: int | str) -> int | None:
    text = str(version).removeprefix("v")
    return int(text) if text.isdigit() else None


def version_of(
    row: Row, aliases: Mapping[str, int], state: Path, events: Mapping[tuple[str, int], list[Event]]
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
