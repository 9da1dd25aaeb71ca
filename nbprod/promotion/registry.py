"""Model versions: `wine/v1`, `wine/v2`, ... in the project's records, and the aliases that point at them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from nbprod.errors import NotFoundError, PromotionError
from nbprod.execution import tables
from nbprod.execution.database import Place, database
from nbprod.execution.processes import is_alive, me
from nbprod.execution.sql import Connection, Row, delete, func, select

CHAMPION = "champion"
PREVIOUS = "previous"


class Status(StrEnum):
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class ModelVersion:
    """A promoted run. `path` is the folder of its Bento; `files` are the SHA-256 of each file in it."""

    model: str
    version: int
    pipeline: str
    run: str
    status: Status
    path: Path
    metrics: Mapping[str, float]
    lineage: Mapping[str, Any]
    files: Mapping[str, str]
    created: float
    aliases: tuple[str, ...] = ()
    error: str | None = None

    @property
    def name(self) -> str:
        return f"{self.model}/v{self.version}"

    @property
    def interface(self) -> dict[str, Any] | None:
        """For each route the JSON Schemas of its `input` and `output`, as the Bento has them; None if its files are not there."""
        try:
            value = json.loads((self.path / "apis" / "schema.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return {route["name"]: {"input": route["input"], "output": route["output"]} for route in value["routes"]}

    @property
    def samples(self) -> dict[str, Any] | None:
        """For each route the arguments of a call that the run's own model has answered, a small one where there is."""
        try:
            calls = json.loads((self.path / "src" / "samples.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return {call["route"]: call["arguments"] for call in calls}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "name": self.name, "path": str(self.path), "aliases": list(self.aliases)}


class Registry:
    """The model versions of a project. Every change is one transaction, so that concurrent promotions never mix."""

    def __init__(self, project: Place) -> None:
        self._state = project.state
        self._database = database(project)

    def reserve(self, model: str, pipeline: str, run: str, metrics: Mapping[str, float]) -> ModelVersion:
        """Take the next number and record a version that is being built; its folder is `path`, not made yet."""
        table = tables.model_versions
        host, pid, started = me()
        with self._database.write() as connection:
            self._reconcile(connection)
            newest = connection.execute(select(func.max(table.c.version)).where(table.c.model == model)).scalar()
            version = (newest or 0) + 1
            connection.execute(
                table.insert().values(
                    model=model,
                    version=version,
                    pipeline=pipeline,
                    run=run,
                    status=Status.BUILDING,
                    path=f"models/{model}/v{version}",  # below the state folder, so that a project may be moved
                    metrics=dict(metrics),
                    lineage={},
                    files={},
                    host=host,
                    pid=pid,
                    process_started=started,
                    created=time.time(),
                )
            )
        return self.get(model, version, any_status=True)

    def ready(
        self, version: ModelVersion, built: Path, lineage: Mapping[str, Any], files: Mapping[str, str]
    ) -> ModelVersion:
        """Move the finished folder to its place and mark the version ready. Nothing half-written is ever ready."""
        version.path.parent.mkdir(parents=True, exist_ok=True)
        built.rename(version.path)
        try:
            self._update(version, status=Status.READY, lineage=dict(lineage), files=dict(files))
        except BaseException:
            shutil.rmtree(version.path, ignore_errors=True)
            raise
        return self.get(version.model, version.version)

    def fail(self, version: ModelVersion, error: str) -> None:
        """Record that a version could not be built."""
        self._update(version, status=Status.FAILED, error=error)

    def crown(self, version: ModelVersion) -> ModelVersion:
        """Make a ready version the champion, and the champion before it `previous`, at once."""
        with self._database.write() as connection:
            aliases = self._aliases(connection, version.model)
            champion = aliases.get(CHAMPION)
            if champion != version.version:
                if champion is not None:
                    self._point(connection, version.model, PREVIOUS, champion)
                self._point(connection, version.model, CHAMPION, version.version)
        return self.get(version.model, version.version)

    def get(self, model: str, version: int | str | None = None, *, any_status: bool = False) -> ModelVersion:
        """Return a version by number (`3`, `"v3"`), by alias, or the champion. Raises `NotFoundError`."""
        table = tables.model_versions
        with self._database.read() as connection:
            aliases = self._aliases(connection, model)
            number = _number(version) if version is not None else aliases.get(CHAMPION)
            if number is None and isinstance(version, str):
                number = aliases.get(version)
            rows = connection.execute(select(table).where(table.c.model == model).order_by(table.c.version)).all()
        found = [_version(row, aliases, self._state) for row in rows]
        wanted = next((item for item in found if item.version == number), None)
        if wanted is None:
            ready = ", ".join(f"v{item.version}" for item in found if item.status is Status.READY)
            what = f"{model} has no version {version}" if version is not None and found else f"{model} has no champion"
            raise NotFoundError(
                what if found else f"nothing has been promoted to {model!r} yet",
                fix=f"Ready versions: {ready}." if ready else f"Promote a run first: nbprod promote {model}.",
            )
        if wanted.status is not Status.READY and not any_status:
            reason = f": {wanted.error}" if wanted.error else ""
            raise PromotionError(
                f"{wanted.name} is {wanted.status}, not ready{reason}", fix="Choose a ready version, or promote again."
            )
        return wanted

    def champion(self, model: str) -> ModelVersion | None:
        """Return the version that is served now, if there is one."""
        with self._database.read() as connection:
            number = self._aliases(connection, model).get(CHAMPION)
        return None if number is None else self.get(model, number)

    def versions(self, model: str | None = None) -> list[ModelVersion]:
        """Return all versions, of one model or of all, the oldest first."""
        table = tables.model_versions
        query = select(table).order_by(table.c.model, table.c.version)
        with self._database.write() as connection:
            self._reconcile(connection)
            rows = connection.execute(query if model is None else query.where(table.c.model == model)).all()
            aliases = {name: self._aliases(connection, name) for name in {row.model for row in rows}}
        return [_version(row, aliases[row.model], self._state) for row in rows]

    def _update(self, version: ModelVersion, **values: Any) -> None:
        table = tables.model_versions
        with self._database.write() as connection:
            connection.execute(
                table.update()
                .where(table.c.model == version.model, table.c.version == version.version)
                .values(**values)
            )

    def _reconcile(self, connection: Connection) -> None:
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
                shutil.rmtree(self._state / row.path, ignore_errors=True)

    def _aliases(self, connection: Connection, model: str) -> dict[str, int]:
        table = tables.model_aliases
        rows = connection.execute(select(table).where(table.c.model == model)).all()
        return {row.alias: row.version for row in rows}

    def _point(self, connection: Connection, model: str, alias: str, version: int) -> None:
        table = tables.model_aliases
        connection.execute(delete(table).where(table.c.model == model, table.c.alias == alias))
        connection.execute(table.insert().values(model=model, alias=alias, version=version, updated=time.time()))


def _number(version: int | str) -> int | None:
    text = str(version).removeprefix("v")
    return int(text) if text.isdigit() else None


def _version(row: Row, aliases: Mapping[str, int], state: Path) -> ModelVersion:
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
    )
