"""Model versions: `wine/v1`, `wine/v2`, ... in the project's records, and the aliases that point at them."""

from __future__ import annotations

import difflib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbprod.errors import NotFoundError, PromotionError
from nbprod.execution.database import Place, database
from nbprod.execution.orm import Connection, fn
from nbprod.execution.processes import me
from nbprod.execution.tables import Models, ModelVersions
from nbprod.promotion import rows
from nbprod.promotion.rows import user
from nbprod.promotion.stored import check_files
from nbprod.promotion.version import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Kind,
    ModelVersion,
    Stage,
    Status,
)

__all__ = ["CHALLENGER", "CHAMPION", "PREVIOUS", "ModelVersion", "Registry", "Stage", "Status", "user"]

ALIAS = re.compile(r"(?!v?\d+$)[a-z][a-z0-9_-]{0,39}")


class Registry:
    """The model versions of a project. Every change is one transaction, so that concurrent promotions never mix."""

    def __init__(self, project: Place) -> None:
        self._state = project.state
        self._database = database(project)

    def reserve(self, model: str, pipeline: str, run: str, metrics: Mapping[str, float]) -> ModelVersion:
        """Take the next number and record a version that is being built; its folder is `path`, not made yet."""
        table = ModelVersions
        host, pid, started = me()
        with self._holding(model) as connection:
            rows.reconcile(connection, self._state)
            newest = table.select(fn.max(table.version)).where(table.model == model).scalar(connection)
            version = (newest or 0) + 1
            table.add(
                connection,
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
        return self.get(model, version, any_status=True)

    def ready(
        self,
        version: ModelVersion,
        built: Path,
        lineage: Mapping[str, Any],
        files: Mapping[str, str],
        holdout: Path | None = None,
    ) -> ModelVersion:
        """Move the finished folder (and its held-out rows) to its place and mark the version ready. Nothing half-written is ever ready."""
        version.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if holdout is not None:
                holdout.rename(version.holdout)
            built.rename(version.path)
            self._update(version, status=Status.READY, lineage=dict(lineage), files=dict(files))
        except BaseException:
            shutil.rmtree(version.path, ignore_errors=True)
            shutil.rmtree(version.holdout, ignore_errors=True)
            raise
        return self.get(version.model, version.version)

    def fail(self, version: ModelVersion, error: str) -> None:
        """Record that a version could not be built."""
        self._update(version, status=Status.FAILED, error=error)

    def crown(self, version: ModelVersion, *, why: str = "", who: str | None = None) -> ModelVersion:
        """Make a ready version the champion, and the champion before it `previous`, at once.

        Raises:
            PromotionError: It waits for approval, was rejected or archived.
            ServiceError: Its files are gone or were changed.
        """
        check_files(version)
        with self._holding(version.model) as connection:
            self._crown(connection, version, Kind.CROWNED, why, who)
        return self.get(version.model, version.version)

    def rollback(
        self, model: str, to: int | str | None = None, *, why: str = "", who: str | None = None
    ) -> ModelVersion:
        """Let champion and previous change places, or make the version `to` the champion; return the new champion.

        Raises what `crown` raises, and `NotFoundError` if there is no champion before this one.
        """
        if to is None and self._number(model, PREVIOUS) is None:
            raise NotFoundError(
                f"{model} has no champion before this one",
                fix=f"Name the version to go back to: nbprod rollback {model} --to V.",
            )
        version = self.get(model, PREVIOUS if to is None else to)
        check_files(version)
        with self._holding(model) as connection:
            if to is None:  # `previous` may have moved since it was read
                self._crown(connection, self._get(connection, model, PREVIOUS), Kind.ROLLED_BACK, why, who)
            else:
                self._crown(connection, version, Kind.ROLLED_BACK, why, who)
        return self.get(model)

    def point(
        self, model: str, alias: str, version: int | str | None, *, why: str = "", who: str | None = None
    ) -> None:
        """Point an alias (but the champion's and the previous one's) at a version, or remove it with `None`. Raises `PromotionError`, `NotFoundError`."""
        if alias in (CHAMPION, PREVIOUS):
            raise PromotionError(
                f"the alias {alias!r} is moved by promotion and rollback only",
                fix=f"nbprod rollback {model} --to V makes another version the champion.",
            )
        if not ALIAS.fullmatch(alias):
            raise PromotionError(
                f"{alias!r} cannot be an alias",
                fix="Use up to 40 small letters, digits, '-' and '_', the first one a letter; 'v1' and the like are versions.",
            )
        chosen = None if version is None else self.get(model, version)
        with self._holding(model) as connection:
            before = rows.aliases(connection, model).get(alias)
            if chosen is None:
                if before is None:
                    raise NotFoundError(f"{model} has no alias {alias!r}", fix=f"nbprod models {model} lists them.")
                rows.unpoint(connection, model, alias)
                rows.record(connection, model, before, Kind.ALIAS, why, who, {"removed": alias})
            elif before != chosen.version:
                rows.point(connection, model, alias, chosen.version)
                rows.record(connection, model, chosen.version, Kind.ALIAS, why, who, {"alias": alias, "from": before})

    def note(self, version: ModelVersion, kind: Kind, why: str, *, who: str | None = None, **data: Any) -> ModelVersion:
        """Record something about a version that moves no alias: a note, that it was forced, rejected, archived or restored.

        Raises `PromotionError` for archiving or rejecting the champion.
        """
        with self._holding(version.model) as connection:
            aliases = rows.aliases(connection, version.model)
            if kind in (Kind.ARCHIVED, Kind.REJECTED):
                if aliases.get(CHAMPION) == version.version:
                    raise PromotionError(
                        f"{version.name} is the champion",
                        fix=f"Make another one the champion first: nbprod rollback {version.model}.",
                    )
                for alias in (CHALLENGER, PREVIOUS):
                    if aliases.get(alias) == version.version:
                        rows.unpoint(connection, version.model, alias)
            rows.record(connection, version.model, version.version, kind, why, who, data)
        return self.get(version.model, version.version, any_status=True)

    def approve(self, version: ModelVersion, why: str, *, who: str | None = None) -> ModelVersion:
        """Record that somebody approves a version, and make it the champion, at once.

        Raises `PromotionError` if it does not wait for that, `ServiceError` if its files are gone or were changed.
        """
        check_files(version)
        with self._holding(version.model) as connection:
            found = self._get(connection, version.model, version.version)
            if found.stage not in (Stage.WAITING, Stage.REJECTED):
                raise PromotionError(f"{version.name} does not wait for approval: it is {found.stage or found.status}")
            rows.record(connection, version.model, version.version, Kind.APPROVED, why, who, {})
            self._crown(connection, self._get(connection, version.model, version.version), Kind.CROWNED, why, who)
        return self.get(version.model, version.version)

    def get(self, model: str, version: int | str | None = None, *, any_status: bool = False) -> ModelVersion:
        """Return a version by number (`3`, `"v3"`), by alias, or the champion. Raises `NotFoundError`."""
        with self._database.read() as connection:
            wanted = self._get(connection, model, version)
        if wanted.status is not Status.READY and not any_status:
            reason = f": {wanted.error}" if wanted.error else ""
            raise PromotionError(
                f"{wanted.name} is {wanted.status}, not ready{reason}", fix="Choose a ready version, or promote again."
            )
        return wanted

    def named(self, text: str, *, any_status: bool = True) -> ModelVersion:
        """Return what `wine/v3`, `wine/3`, `wine@previous` or `wine` (its champion) names. Raises `NotFoundError`."""
        model, slash, version = text.partition("@") if "@" in text else text.partition("/")
        if not slash:
            return self.get(model, any_status=any_status)
        return self.get(model, version, any_status=any_status)

    def champion(self, model: str) -> ModelVersion | None:
        """Return the version that is served now, if there is one."""
        number = self._number(model, CHAMPION)
        return None if number is None else self.get(model, number)

    def versions(self, model: str | None = None) -> list[ModelVersion]:
        """Return all versions, of one model or of all, the oldest first."""
        query = ModelVersions.select().order_by(ModelVersions.model, ModelVersions.version)
        if model is not None:
            query = query.where(ModelVersions.model == model)
        with self._database.write() as connection:
            rows.reconcile(connection, self._state)
            found = list(query.execute(connection))
            aliases = {name: rows.aliases(connection, name) for name in {row.model for row in found}}
            events = rows.events(connection, model)
        return [rows.version_of(row, aliases[row.model], self._state, events) for row in found]

    @contextmanager
    def _holding(self, model: str) -> Iterator[Connection]:
        """Give a transaction in which no other process changes this model's versions and aliases."""
        with self._database.write() as connection:
            # SQLite has one writer anyway; elsewhere this row's lock makes the others wait
            Models.put(connection, name=model, updated=time.time())
            yield connection

    def _get(self, connection: Connection, model: str, version: int | str | None) -> ModelVersion:
        aliases = rows.aliases(connection, model)
        number = rows.number_of(version) if version is not None else aliases.get(CHAMPION)
        if number is None and isinstance(version, str):
            number = aliases.get(version)
        query = ModelVersions.select().where(ModelVersions.model == model).order_by(ModelVersions.version)
        found = list(query.execute(connection))
        wanted = next((row for row in found if row.version == number), None)
        if wanted is not None:
            return rows.version_of(wanted, aliases, self._state, rows.events(connection, model))
        ready = ", ".join(f"v{row.version}" for row in found if row.status == Status.READY)
        what = f"{model} has no version {version}" if version is not None and found else f"{model} has no champion"
        if found:
            raise NotFoundError(
                what, fix=f"Ready versions: {ready}." if ready else f"Promote a run first: nbprod promote {model}."
            )
        known = list(Models.select(Models.name).scalars(connection))
        close = difflib.get_close_matches(model, known, n=1)
        raise NotFoundError(
            f"nothing has been promoted to {model!r} yet",
            fix=f"Did you mean {close[0]!r}?" if close else f"Promote a run first: nbprod promote {model}.",
        )

    def _number(self, model: str, alias: str) -> int | None:
        with self._database.read() as connection:
            return rows.aliases(connection, model).get(alias)

    def _crown(self, connection: Connection, version: ModelVersion, kind: Kind, why: str, who: str | None) -> None:
        now = self._get(connection, version.model, version.version)
        if now.stage in (Stage.WAITING, Stage.REJECTED, Stage.ARCHIVED):
            doing = {Stage.WAITING: "waits for approval", Stage.REJECTED: "was rejected", Stage.ARCHIVED: "is archived"}
            verb = "restore" if now.stage is Stage.ARCHIVED else "approve"
            raise PromotionError(
                f"{version.name} {doing[now.stage]}, so that it cannot become the champion",
                fix=f"nbprod models {verb} {version.name} --because TEXT changes that.",
            )
        aliases = rows.aliases(connection, version.model)
        champion = aliases.get(CHAMPION)
        if champion == version.version:
            return
        if champion is not None:
            rows.point(connection, version.model, PREVIOUS, champion)
        elif aliases.get(PREVIOUS) == version.version:
            rows.unpoint(connection, version.model, PREVIOUS)
        if aliases.get(CHALLENGER) == version.version:
            rows.unpoint(connection, version.model, CHALLENGER)
        rows.point(connection, version.model, CHAMPION, version.version)
        rows.record(connection, version.model, version.version, kind, why, who, {"from": champion})

    def _update(self, version: ModelVersion, **values: Any) -> None:
        here = (ModelVersions.model == version.model) & (ModelVersions.version == version.version)
        with self._database.write() as connection:
            ModelVersions.update(**values).where(here).execute(connection)
