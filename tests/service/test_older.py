"""Versions that an older nbprod promoted go on with what they were checked with: their own copy of `inside/`.

`older.zip` is `nbprod/promotion/inside` as it was before requests had a time limit.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.errors import ServiceError
from nbprod.project import Project
from nbprod.promotion import launch
from nbprod.promotion.registry import ModelVersion, Registry
from nbprod.promotion.stored import hashes
from nbprod.service import deployments, records

from .folders import DOUBLE, write_bento
from .test_deployments import BODY, Load, wait
from .test_front import ask

OLDER = Path(__file__).with_name("older.zip")
TRIPLE = DOUBLE.replace("2.0", "3.0")


def without_copy(source: Path) -> None:
    """Before that, a Bento had nothing but its service."""
    shutil.rmtree(source / "nbprod_serving")
    text = (source / "service.py").read_text()
    text = re.sub(r"^(from nbprod_serving|stand_before|# Request ids).*\n", "", text, flags=re.MULTILINE)
    assert "nbprod_serving" not in text
    (source / "service.py").write_text(text)


def with_older_copy(source: Path) -> None:
    shutil.rmtree(source / "nbprod_serving")
    with zipfile.ZipFile(OLDER) as archive:
        archive.extractall(source)


def register(project: Project, how: str, model: str = DOUBLE) -> ModelVersion:
    registry = Registry(project)
    version = registry.reserve("double", "double", "run-1", {"accuracy": 1.0})
    folder = write_bento(project.state / "made" / str(version.version), version.version, model=model)
    if how != "now":
        {"older": with_older_copy, "none": without_copy}[how](folder / "src")
    return registry.ready(version, folder, {}, hashes(folder))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    made.make_state()
    yield made
    for one in records.services(made):
        deployments.stop(made, one.name)


@pytest.mark.parametrize("how", ["older", "none"])
def test_an_older_version_is_served_swapped_under_load_and_shadowed(project: Project, how: str) -> None:
    Registry(project).crown(register(project, how))
    register(project, "now", TRIPLE)
    service = deployments.serve(project, "double", env={"NBPROD_TIMEOUT": "5"})

    with Load(service.url, 4) as load:
        wait(lambda: load.answers[200, "1", 3.0] > 50)
        deployments.swap(project, "double", 2)
        wait(lambda: load.answers[200, "2", 4.5] > 50)
        deployments.swap(project, "double", 1)
        before = load.answers[200, "1", 3.0]
        wait(lambda: load.answers[200, "1", 3.0] > before + 50)

    assert load.errors == []
    assert set(load.answers) == {(200, "1", 3.0), (200, "2", 4.5)}
    deployments.swap(project, "double", 2)
    deployments.shadow(project, "double", 1)

    def shadowed() -> bool:
        ask(service.url, "/predict", BODY)
        return 'nbprod_shadow_total{agrees="false"' in ask(service.url, "/metrics")[1]

    wait(shadowed)


def test_a_supervisor_of_an_older_nbprod_swaps_to_a_version_of_now(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbprod was upgraded while a service ran."""
    with zipfile.ZipFile(OLDER) as archive:
        archive.extractall(tmp_path / "upgraded")
    monkeypatch.setattr(launch, "SUPERVISOR", tmp_path / "upgraded" / "nbprod_serving" / "supervisor.py")
    Registry(project).crown(register(project, "older"))
    register(project, "now", TRIPLE)
    service = deployments.serve(project, "double")

    with Load(service.url, 4) as load:
        wait(lambda: load.answers[200, "1", 3.0] > 50)
        deployments.swap(project, "double", 2)
        wait(lambda: load.answers[200, "2", 4.5] > 50)

    assert load.errors == []
    assert deployments.status(project, "double").version == 2


def test_a_copy_that_no_worker_is_in_is_refused_and_what_runs_goes_on(project: Project) -> None:
    Registry(project).crown(register(project, "now"))
    broken = register(project, "now")
    (broken.path / "src" / "nbprod_serving" / "worker.py").unlink()
    registry = Registry(project)
    odd = registry.reserve("double", "double", "run-1", {"accuracy": 1.0})
    shutil.copytree(broken.path, project.state / "odd")
    registry.ready(odd, project.state / "odd", {}, hashes(project.state / "odd"))
    service = deployments.serve(project, "double")

    with pytest.raises(ServiceError, match=r"served in another way: nbprod_serving has no worker.py(.|\n)*Promote"):
        deployments.swap(project, "double", 3)

    assert ask(service.url, "/predict", BODY)[1] == [3.0]
