from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from nbprod.errors import NotFoundError, PromotionError
from nbprod.execution import tables
from nbprod.execution.database import database
from nbprod.project import Project
from nbprod.promotion.registry import ModelVersion, Registry, Status


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def ready(project: Project, name: str = "wine") -> ModelVersion:
    registry = Registry(project)
    version = registry.reserve(name, name, "run", {"accuracy": 0.9})
    built = project.state / "scratch" / "bento"
    built.mkdir(parents=True)
    return registry.ready(version, built, {"run": "run"}, {})


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
        connection.execute(tables.model_versions.update().values(pid=2**22 - 7, process_started=1.0))

    (version,) = registry.versions("wine")

    assert (version.status, version.error) == (Status.FAILED, "the promotion was interrupted")
