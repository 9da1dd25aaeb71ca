"""A model version, as the registry knows it: what it is, where it stands, and what people have said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"


class Status(StrEnum):
    """How far its making got."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class Stage(StrEnum):
    """Where a ready version is in its life. It follows from what happened to it; free marks are aliases."""

    CANDIDATE = "candidate"
    """Never was the champion."""
    WAITING = "waiting"
    """Waits for somebody's approval before it may be the champion."""
    REJECTED = "rejected"
    PRODUCTION = "production"
    """Is the champion."""
    RETIRED = "retired"
    """Was the champion."""
    ARCHIVED = "archived"
    """Was put aside: it cannot become the champion unless it is restored."""


class Kind(StrEnum):
    """What can happen to a version."""

    CROWNED = "crowned"
    ROLLED_BACK = "rolled-back"
    ALIAS = "alias"
    NOTE = "note"
    APPROVED = "approved"
    REJECTED = "rejected"
    FORCED = "forced"
    ARCHIVED = "archived"
    RESTORED = "restored"


@dataclass(frozen=True)
class Event:
    """Something that was done to a version: what, by whom, why, and when (seconds since 1970)."""

    kind: str
    who: str
    why: str
    created: float
    data: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


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
    events: tuple[Event, ...] = ()
    """What was done to it, the oldest first."""

    @property
    def name(self) -> str:
        return f"{self.model}/v{self.version}"

    @property
    def stage(self) -> Stage | None:
        """Where it is in its life; None for one that is not ready."""
        return stage_of(self.status, CHAMPION in self.aliases, bool(self.lineage.get("approval")), self.events)

    @property
    def holdout(self) -> Path:
        """The folder with the held-out rows that it was measured on; it need not be there."""
        return self.path.with_name(f"{self.path.name}-holdout")

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
        return {
            **asdict(self),
            "name": self.name,
            "stage": self.stage,
            "path": str(self.path),
            "aliases": list(self.aliases),
            "events": [event.to_json() for event in self.events],
        }


def stage_of(status: Status, champion: bool, approval: bool, events: Sequence[Event]) -> Stage | None:
    """Return the stage that follows from what happened; `approval` says whether somebody must approve the version."""
    if status is not Status.READY:
        return None
    if champion:
        return Stage.PRODUCTION
    kinds = [event.kind for event in events]
    if _last(kinds, (Kind.ARCHIVED, Kind.RESTORED)) == Kind.ARCHIVED:
        return Stage.ARCHIVED
    verdict = _last(kinds, (Kind.APPROVED, Kind.REJECTED))
    if verdict == Kind.REJECTED:
        return Stage.REJECTED
    if approval and verdict is None:
        return Stage.WAITING
    return Stage.RETIRED if {Kind.CROWNED, Kind.ROLLED_BACK} & set(kinds) else Stage.CANDIDATE


def _last(kinds: Sequence[str], wanted: Sequence[Kind]) -> str | None:
    return next((kind for kind in reversed(kinds) if kind in wanted), None)
