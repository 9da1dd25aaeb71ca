"""What is remembered of services, on SQLite and on PostgreSQL."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from nbprod.errors import NotFoundError
from nbprod.project import Project
from nbprod.service import records
from nbprod.service.records import DEAD, RUNNING, STOPPED, Service


@pytest.fixture
def project(tmp_path: Path, records_url: str) -> Project:
    (tmp_path / "pipelines.yaml").write_text(f"records: {records_url}\n")
    return Project(tmp_path)


def service(project: Project, status: str, pid: int = os.getpid()) -> Service:
    return Service("wine", 1, status, "http://127.0.0.1:1", pid, project.root / "log", 1.5, 2, {"version": 2})


def test_a_service_is_found_as_it_was_last(project: Project) -> None:
    with pytest.raises(NotFoundError, match="no service 'wine'"):
        records.status(project, "wine")
    running = records.record(project, service(project, RUNNING))
    assert records.services(project) == [records.status(project, "wine")] == [running]

    stopped = records.record(project, dataclasses.replace(running, status=STOPPED, challenger=None))
    assert records.services(project) == [stopped]


def test_a_service_whose_process_is_gone_is_dead(project: Project) -> None:
    records.record(project, service(project, RUNNING, pid=2**22 - 7))
    assert records.status(project, "wine").status == DEAD
