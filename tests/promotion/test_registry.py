from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from nbprod.errors import NotFoundError, PromotionError, ServiceError
from nbprod.execution import tables
from nbprod.execution.database import database
from nbprod.project import Project
from nbprod.promotion.registry import ModelVersion, Registry, Stage, Status
from nbprod.promotion.stored import hashes
from nbprod.promotion.version import Kind


@pytest.fixture
def project(tmp_path: Path, records_url: str) -> Project:
    (tmp_path / "pipelines.yaml").write_text(f"records: {records_url}\n")
    return Project(tmp_path)


def ready(project: Project, name: str = "wine", **lineage: object) -> ModelVersion:
    registry = Registry(project)
    version = registry.reserve(name, name, "run", {"accuracy": 0.9})
    built = project.state / "scratch" / "bento"
    built.mkdir(parents=True)
    (built / "model.txt").write_text("1")
    return registry.ready(version, built, {"run": "run", **lineage}, hashes(built))


def _promote(root: str) -> int:
    project = Project(Path(root))
    registry = Registry(project)
    version = registry.reserve("wine", "wine", "run", {})
    built = project.state / f"built-{version.version}"
    built.mkdir(parents=True)
    registry.crown(registry.ready(version, built, {}, {}))
    return version.version


def test_a_version_is_not_ready_before_its_files_are_there(project: Project) -> None:
    registry = Registry(project)
    version = registry.reserve("wine", "wine", "run", {})

    assert (version.name, version.status, version.path.exists()) == ("wine/v1", Status.BUILDING, False)
    with pytest.raises(PromotionError, match="building, not ready"):
        registry.get("wine", 1)


def test_the_champion_before_becomes_previous(project: Project) -> None:
    registry = Registry(project)

    first = registry.crown(ready(project))
    second = registry.crown(ready(project))
    again = registry.crown(second)

    assert (first.aliases, second.aliases, again.aliases) == (("champion",), ("champion",), ("champion",))
    assert registry.get("wine").version == 2
    assert registry.get("wine", "previous").version == 1
    assert [version.aliases for version in registry.versions("wine")] == [("previous",), ("champion",)]


def test_unknown_versions_say_which_there_are(project: Project) -> None:
    with pytest.raises(NotFoundError, match=r"nothing has been promoted to 'wine'"):
        Registry(project).get("wine")
    ready(project)
    with pytest.raises(NotFoundError, match=r"no version v7.*\n.*v1"):
        Registry(project).get("wine", "v7")
    with pytest.raises(NotFoundError, match="no champion"):
        Registry(project).get("wine")


def test_promotions_at_the_same_time_get_different_numbers_and_one_champion(project: Project) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        numbers = list(pool.map(_promote, [str(project.root)] * 12))

    assert sorted(numbers) == list(range(1, 13))
    aliases = [alias for version in Registry(project).versions("wine") for alias in version.aliases]
    assert sorted(aliases) == ["champion", "previous"]
    assert all(version.status is Status.READY and version.path.is_dir() for version in Registry(project).versions())


def test_a_promotion_whose_process_is_gone_is_failed(project: Project) -> None:
    registry = Registry(project)
    registry.reserve("wine", "wine", "run", {})
    with database(project).write() as connection:
        tables.ModelVersions.update(pid=2**22 - 7, process_started=1.0).execute(connection)

    (version,) = registry.versions("wine")

    assert (version.status, version.error) == (Status.FAILED, "the promotion was interrupted")


def _change(root: str, turn: int) -> str:
    """What people and jobs do at the same time to one model."""
    project = Project(Path(root))
    registry = Registry(project)
    version = registry.reserve("wine", "wine", "run", {})
    built = project.state / f"built-{version.version}"
    built.mkdir(parents=True)
    made = registry.crown(registry.ready(version, built, {}, {}), who=f"writer {turn}")
    registry.point("wine", "newest", made.version)
    registry.note(made, Kind.NOTE, f"from {turn}")
    return registry.rollback("wine", why=str(turn)).name


def test_eight_writers_leave_one_history_without_a_gap(project: Project) -> None:
    """Each change of the champion names the one before it, so the history is a chain that ends at the champion."""
    registry = Registry(project)
    registry.crown(ready(project))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(8, mp_context=context) as pool:
        list(pool.map(_change, [str(project.root)] * 16, range(16)))

    versions = registry.versions("wine")
    assert [version.version for version in versions] == list(range(1, 18))
    changes = [(event, version) for version in versions for event in version.events if event.kind in CHANGES]
    assert len(changes) == 1 + 16 * 2
    followed, seen = sorted((event.created, event.data["from"], version.version) for event, version in changes), None
    for _, before, after in followed:
        assert before == seen
        seen = after
    assert registry.get("wine").version == seen
    assert registry.get("wine", "previous").version == followed[-1][1]
    assert sum(event.kind == Kind.NOTE for version in versions for event in version.events) == 16


CHANGES = (Kind.CROWNED, Kind.ROLLED_BACK)


def test_rolling_back_lets_champion_and_previous_change_places(project: Project) -> None:
    registry = Registry(project)
    registry.crown(ready(project))
    with pytest.raises(NotFoundError, match=r"no champion before this one\n.*--to V"):
        registry.rollback("wine")
    registry.crown(ready(project))
    ready(project)

    assert registry.rollback("wine", why="errors", who="ann").name == "wine/v1"
    assert registry.get("wine", "previous").version == 2
    assert registry.rollback("wine").name == "wine/v2"
    assert registry.rollback("wine", 3).name == "wine/v3"
    assert registry.get("wine", "previous").version == 2
    told = [(event.kind, event.who, event.why, event.data["from"]) for event in registry.get("wine", 1).events]
    assert told[-1] == ("rolled-back", "ann", "errors", 2)


def test_the_stage_follows_from_what_happened(project: Project) -> None:
    registry = Registry(project)
    first, second = registry.crown(ready(project)), ready(project)
    assert (first.stage, second.stage) == (Stage.PRODUCTION, Stage.CANDIDATE)

    registry.crown(second)
    assert (registry.get("wine", 1).stage, registry.get("wine", 2).stage) == (Stage.RETIRED, Stage.PRODUCTION)
    with pytest.raises(PromotionError, match="is the champion"):
        registry.note(second, Kind.ARCHIVED, "")
    archived = registry.note(first, Kind.ARCHIVED, "too old")
    assert (archived.stage, archived.aliases) == (Stage.ARCHIVED, ())
    with pytest.raises(PromotionError, match=r"is archived.*\n.*models restore wine/v1"):
        registry.rollback("wine", 1)
    registry.note(first, Kind.RESTORED, "")
    assert registry.rollback("wine", 1).stage is Stage.PRODUCTION


def test_what_needs_approval_is_no_champion_until_somebody_approves_it(project: Project) -> None:
    registry = Registry(project)
    champion, waiting = registry.crown(ready(project)), ready(project, approval=True)
    registry.point("wine", "challenger", waiting.version)
    assert waiting.stage is Stage.WAITING
    with pytest.raises(PromotionError, match=r"waits for approval.*\n.*models approve wine/v2"):
        registry.crown(waiting)
    with pytest.raises(PromotionError, match="wine/v1 does not wait for approval: it is production"):
        registry.approve(champion, "")

    assert registry.note(waiting, Kind.REJECTED, "looks odd", who="bob").stage is Stage.REJECTED
    approved = registry.approve(waiting, "checked by hand", who="ann")

    assert (approved.stage, approved.aliases) == (Stage.PRODUCTION, ("champion",))
    said = [(event.kind, event.who, event.why) for event in approved.events if event.kind in ("approved", "rejected")]
    assert said == [("rejected", "bob", "looks odd"), ("approved", "ann", "checked by hand")]


def test_free_aliases_move_and_reserved_ones_do_not(project: Project) -> None:
    registry = Registry(project)
    registry.crown(ready(project))
    ready(project)

    registry.point("wine", "canary", 1)
    registry.point("wine", "canary", "v2")
    assert registry.named("wine@canary").version == registry.named("wine/canary").version == 2
    assert registry.named("wine").version == registry.named("wine/v1").version == 1
    registry.point("wine", "canary", None)
    for alias, message in (("champion", "by promotion"), ("v3", "cannot be an alias"), ("Two words", "cannot be an")):
        with pytest.raises(PromotionError, match=message):
            registry.point("wine", alias, 1)
    with pytest.raises(NotFoundError, match="no alias 'canary'"):
        registry.point("wine", "canary", None)
    with pytest.raises(NotFoundError, match=r"nothing has been promoted to 'wines'.*\n.*Did you mean 'wine'"):
        registry.named("wines")


@pytest.mark.parametrize(
    ("harm", "message"), [("change", "changed: model.txt"), ("add", "not of it: x"), ("remove", "gone")]
)
def test_a_version_whose_files_were_altered_by_hand_never_becomes_champion(
    project: Project, harm: str, message: str
) -> None:
    registry = Registry(project)
    registry.crown(ready(project))
    version = ready(project)
    if harm == "change":
        (version.path / "model.txt").write_text("2")
    elif harm == "add":
        (version.path / "x").write_text("")
    else:
        version.path.rename(version.path.with_name("away"))

    for way in (registry.crown, lambda version: registry.rollback("wine", version.version)):
        with pytest.raises(ServiceError, match=message):
            way(version)
    assert registry.get("wine").version == 1


def test_records_of_an_older_nbprod_get_the_tables_that_they_lack(project: Project) -> None:
    records = database(project)
    with records.write() as connection:
        tables.Schema.update(version=1).execute(connection)
        for table in ("models", "model_events"):
            connection.execute_sql(f"DROP TABLE {table}")

    again = type(records)(records.url)

    with again.read() as connection:
        assert tables.Schema.select().scalar(connection) == tables.VERSION
    again.close()
    assert Registry(project).crown(ready(project)).stage is Stage.PRODUCTION
