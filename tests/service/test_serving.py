from __future__ import annotations

import http.server
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbprod.errors import NotFoundError, ServiceError
from nbprod.project import Project
from nbprod.promotion import bento
from nbprod.promotion.registry import ModelVersion, Registry
from nbprod.promotion.signature import Column, Input, Signature
from nbprod.service import deployments, records
from nbprod.service.predict import InputError, as_arguments, predict, read_csv
from tests.promotion.handmade import Notebook


def rows(wine: Notebook, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wine.namespace["X"].head(count).to_dict(orient="records")
    return found


def test_the_service_answers_what_the_notebook_answers(wine: Notebook, running: records.Service) -> None:
    project = Project(wine.folder)
    table = wine.namespace["X"].tail(7)

    answer = predict(project, "wine", table.to_dict(orient="records")).answer

    assert answer == wine.namespace["predict"](table)
    sample = predict(project, "wine")
    assert sample.answer == sample.expected


def test_a_service_is_asked_directly_whatever_proxy_is_set(
    wine: Notebook, running: records.Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    sample = predict(Project(wine.folder), "wine")

    assert sample.answer == sample.expected
    assert bento.answers(running.url)


def test_other_arguments_go_by_name(wine: Notebook, running: records.Service) -> None:
    answer = predict(Project(wine.folder), "wine", {"rows": rows(wine, 1), "digits": 1}).answer

    assert answer == wine.namespace["predict"](wine.namespace["X"].head(1), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alcohol": "strong"}, "rows.0.alcohol: Input should be a valid number"),
        ({"alcohol": "13.5"}, "rows.0.alcohol: Input should be a valid number"),
        ({"alcohol": None}, "rows.0.alcohol: Input should be a valid number"),
        ({"colour": "red"}, "rows.0.colour: Extra inputs are not permitted"),
    ],
)
def test_a_bad_row_is_refused_and_the_field_named(
    wine: Notebook, running: records.Service, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        predict(Project(wine.folder), "wine", [{**rows(wine, 1)[0], **change}])


def test_missing_fields_no_rows_and_broken_json_are_refused(wine: Notebook, running: records.Service) -> None:
    project = Project(wine.folder)
    with pytest.raises(InputError, match=r"rows.0.alcohol: Field required.*and 8 more"):
        predict(project, "wine", [{}])
    with pytest.raises(InputError, match="at least 1 item"):
        predict(project, "wine", [])
    for body in (b'{"rows": [', b'{"rows": [{"alcohol": NaN}]}'):
        request = urllib.request.Request(f"{running.url}/predict", body, {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert caught.value.code == 400


def test_the_pages_are_ours_and_say_where_the_model_comes_from(wine: Notebook, running: records.Service) -> None:
    page = urllib.request.urlopen(running.url).read().decode()
    lineage = json.load(urllib.request.urlopen(f"{running.url}/info"))

    assert "wine v1" in page
    assert "googletagmanager" not in page
    assert lineage["parameters"] == {"max_depth": 3}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{running.url}/nowhere")


def test_telemetry_is_off_and_the_service_listens_on_this_machine_only(running: records.Service) -> None:
    process = psutil.Process(running.pid)

    environment = process.environ()
    assert environment["BENTOML_DO_NOT_TRACK"] == "True"
    assert Path(environment["BENTOML_HOME"]).name == "wine"
    listening = [
        c.laddr[0] for p in (process, *process.children(True)) for c in p.net_connections() if c.status == "LISTEN"
    ]
    assert set(listening) == {"127.0.0.1"}


def test_serving_what_runs_already_starts_nothing(wine: Notebook, running: records.Service) -> None:
    assert deployments.serve(Project(wine.folder), "wine").pid == running.pid


@pytest.fixture
def busy_port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        yield server.server_port


def test_a_port_in_use_names_its_owner_and_leaves_the_running_service_alone(
    wine: Notebook, running: records.Service, busy_port: int
) -> None:
    with pytest.raises(ServiceError, match=rf"port {busy_port} cannot be used: process \d+ .*\n.*--port"):
        deployments.serve(Project(wine.folder), "wine", port=busy_port)

    assert bento.answers(running.url)


def test_a_service_that_was_killed_is_found_dead_and_stop_leaves_no_process(
    wine: Notebook, promoted: ModelVersion
) -> None:
    project = Project(wine.folder)
    service = deployments.serve(project, "wine")
    family = [psutil.Process(service.pid), *psutil.Process(service.pid).children(True)]

    deployments.stop(project, "wine")

    assert not any(process.is_running() for process in family)
    assert deployments.status(project, "wine").status == records.STOPPED
    with pytest.raises(NotFoundError, match=r"is stopped.*\n.*nbprod serve wine"):
        predict(project, "wine")

    again = deployments.serve(project, "wine", wait=False)
    family = [psutil.Process(again.pid), *psutil.Process(again.pid).children(True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family)
    assert deployments.status(project, "wine").status == records.DEAD


def test_another_version_takes_over_the_address(wine: Notebook, promoted: ModelVersion) -> None:
    project = Project(wine.folder)
    registry = Registry(project)
    second = registry.reserve("wine", "wine", promoted.run, promoted.metrics)
    shutil.copytree(promoted.path, project.state / "second")
    registry.ready(second, project.state / "second", promoted.lineage, promoted.files)
    before = deployments.serve(project, "wine")
    workers = psutil.Process(before.pid).children(True)

    after = deployments.serve(project, "wine", "v2")
    try:
        assert (after.url, after.version, after.pid) == (before.url, 2, before.pid)
        assert psutil.wait_procs(workers, timeout=10)[1] == []
        sample = predict(project, "wine")
        assert sample.answer == sample.expected
    finally:
        deployments.stop(project, "wine")


def test_changed_files_are_not_served(wine: Notebook, promoted: ModelVersion) -> None:
    file = promoted.path / "src" / "model.py"
    text = file.read_text()
    file.write_text(text + "\n# changed")
    try:
        with pytest.raises(ServiceError, match=r"wine/v1 is not what was promoted: src/model.py"):
            deployments.serve(Project(wine.folder), "wine")
    finally:
        file.write_text(text)


TABLE = Input(
    "rows",
    "frame",
    columns=(
        Column("a", "a", "float", "float64", nullable=True),
        Column("n", "n", "int", "int64"),
        Column("c", "c", "category", "category", categories=["x", "y"]),
        Column("b", "b", "bool", "bool"),
    ),
)


def test_csv_is_typed_by_the_signature(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("extra,a,n,c,b\n1,,3,x,true\n2,1.5,4.0,y,0\n")

    assert read_csv(file, TABLE) == [
        {"a": None, "n": 3, "c": "x", "b": True},
        {"a": 1.5, "n": 4, "c": "y", "b": False},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,n\n1,2\n", r"rows.csv:1: the header lacks c, b"),
        ("a,n,c,b\n1,2.5,x,true\n", r"rows.csv:2: n: '2.5' is no whole number"),
        ("a,n,c,b\nlots,2,x,true\n", r"a: 'lots' is no number"),
        ("a,n,c,b\n1,2,z,true\n", r"c: 'z' is none of x, y"),
        ("a,n,c,b\n1,,x,true\n", r"n: a value is missing"),
        ("a,n,c,b\n", r"no rows"),
    ],
)
def test_a_bad_csv_names_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text)

    with pytest.raises(InputError, match=message):
        read_csv(file, TABLE)


def test_one_row_or_a_list_of_rows_or_the_arguments_by_name() -> None:
    signature = Signature((TABLE,), {"predict": "Any"})
    row = {"a": 1.0}

    assert as_arguments(signature, row) == {"rows": [row]}
    assert as_arguments(signature, [row]) == {"rows": [row]}
    assert as_arguments(signature, {"rows": [row]}) == {"rows": [row]}
