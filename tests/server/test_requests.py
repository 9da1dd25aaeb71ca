"""Requests that are wrong, and those of strangers: what a page is told, and what it never gets."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from nbprod.server.routes import ROUTES
from tests.server.live import Live, document, write_notebook

A = (("task:a", "x = 1"),)


@pytest.fixture
def here(live: Live) -> Live:
    if not (live.root / "requests" / "a.ipynb").exists():
        write_notebook(live.root / "requests" / "a.ipynb", *A)
    return live


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.verb} {route.path}")
def test_nobody_gets_anything_without_the_token(here: Live, route) -> None:
    answer = here.call(
        route.verb, route.path.replace("{", "").replace("}", ""), b"{}", token=None, path="requests/a.ipynb"
    )

    assert answer.status == 403
    assert "Log in" in answer.body["fix"]


@pytest.mark.parametrize(
    "path",
    [
        "../outside.ipynb",
        "requests/../../outside.ipynb",
        "/etc/passwd",
        "requests/..\\..\\outside.ipynb",
        "a\0b.ipynb",
        "",
        ".",
        "x" * 3000,
        "link/outside.ipynb",
        "linked.ipynb",
        "loop/a.ipynb",
        "requests/.nbprod/runs/a.ipynb",
    ],
)
def test_no_path_leads_out_of_the_root(here: Live, path: str) -> None:
    outside = here.home / "outside"
    if not outside.exists():
        write_notebook(outside / "outside.ipynb", *A)
        (here.root / "link").symlink_to(outside)
        (here.root / "linked.ipynb").symlink_to(outside / "outside.ipynb")
        (here.root / "loop").symlink_to(here.root / "loop")
        (here.root / "requests" / ".nbprod" / "runs").mkdir(parents=True, exist_ok=True)
        write_notebook(here.root / "requests" / ".nbprod" / "runs" / "a.ipynb", *A)

    assert here.call("GET", "runs", path=path).status in (403, 404)
    for route in ("analyse", "suggest"):
        assert here.call("POST", route, {"path": path, "cells": []}).status in (403, 404)
    for route in ("runs", "plan", "sweeps", "promote", "services"):
        assert here.call("POST", route, {"path": path}).status in (403, 404)


def test_a_path_that_is_encoded_twice_is_a_name(here: Live) -> None:
    assert here.call("GET", "runs?path=%2e%2e%2foutside.ipynb").status == 403
    assert here.call("GET", "runs?path=%252e%252e%252foutside.ipynb").status == 200, "a file of that strange name"
    assert here.call("GET", "runs/%2e%2e%2f%2e%2e", path="requests/a.ipynb").status == 404


def test_a_link_within_the_root_is_followed(here: Live) -> None:
    if not (here.root / "alias").exists():
        (here.root / "alias").symlink_to(here.root / "requests")
    answer = here.good(
        "POST", "analyse", {**document(here.root / "requests" / "a.ipynb", here.root), "path": "alias/a.ipynb"}
    )

    assert answer["pipeline"] == "a"
    assert here.call("GET", "jobs", path="alias/a.ipynb").status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "object"),
        (b"{}", "path: Field required"),
        (b'{"path": "requests/a.ipynb", "parametres": {}}', "parametres"),
        (b'{"path": "requests/a.ipynb", "workers": 0}', "workers"),
        (b'{"path": 3}', "path"),
        (b"\xff\xfe", "JSON"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_what_is_wrong(here: Live, body: bytes, said: str) -> None:
    answer = here.call("POST", "runs", body)

    assert answer.status == 422
    assert said in answer.body["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "path"),
        ({"path": "requests/a.ipynb", "limit": 0}, "limit"),
        ({"path": "requests/a.ipynb", "limit": "many"}, "limit"),
        ({"path": "requests/a.ipynb", "sort": "color"}, "sort"),
        ({"path": "requests/a.ipynb", "sort": 'metric:a"b'}, "sort"),
        ({"path": "requests/a.ipynb", "sort": "metric:"}, "sort"),
        ({"path": "requests/a.ipynb", "status": "happy"}, "status"),
    ],
)
def test_a_query_that_is_wrong_is_refused_with_what_is_wrong(here: Live, query: dict[str, object], said: str) -> None:
    answer = here.call("GET", "runs", **query)

    assert answer.status == 422
    assert said in answer.body["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"parameters": {"depth": 1}}, "there is no parameter 'depth'"),
        ({"parameters": {"n": "three"}}, "'n' is int"),
        ({"parameters": {"n": None}}, "'n' is int"),
        ({"only": ["tran"]}, "tran"),
    ],
)
def test_a_run_that_cannot_be_is_refused_at_once(here: Live, body: dict[str, object], said: str) -> None:
    write_notebook(here.root / "refused" / "a.ipynb", ("parameters", "n = 1"), ("task:train", "x = n"))
    answer = here.call("POST", "runs", {"path": "refused/a.ipynb", **body})

    assert 400 <= answer.status < 500
    assert said in answer.body["message"]
    assert not (here.root / "refused" / ".nbprod" / "jobs").exists(), "no process was started"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"space": {"n": []}}, "n"),
        ({"space": {"n": {"low": 3}}}, "high"),
        ({"space": {"n": {"low": 3, "high": 1}}}, "low"),
        ({"space": {"m": [1, 2]}}, "there is no parameter 'm'"),
        ({"space": {"n": [1, 2]}, "metric": "acuracy"}, "acuracy"),
        ({}, "nothing to search"),
        ({"resume": "nope"}, "no sweep"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_at_once(here: Live, body: dict[str, object], said: str) -> None:
    write_notebook(
        here.root / "unswept" / "a.ipynb", ("parameters", "n = 1"), ("task:train metrics", "accuracy = float(n)")
    )
    answer = here.call("POST", "sweeps", {"path": "unswept/a.ipynb", **body})

    assert 400 <= answer.status < 500
    assert said in answer.body["message"]


def test_what_is_not_there_is_not_found(here: Live) -> None:
    for verb, route in (
        ("GET", "runs/nope"),
        ("DELETE", "runs/nope"),
        ("GET", "runs/nope/notebook"),
        ("GET", "runs/nope/report"),
        ("GET", "sweeps/nope"),
        ("POST", "models/a/7/champion"),
        ("DELETE", "services/a"),
        ("GET", "services/a/log"),
        ("GET", "promote"),
        ("GET", "nothing/here"),
    ):
        answer = here.call(verb, route, path="requests/a.ipynb")
        assert answer.status == 404, route
        assert answer.body["fix"], route
    assert not (here.root / "requests" / ".nbprod" / "nbprod.db").exists(), "asking makes no records"


def test_a_verb_that_a_path_does_not_have_is_refused(here: Live) -> None:
    assert here.call("POST", "models", b"{}").status == 405
    assert here.call("DELETE", "jobs").status == 405


def test_a_fault_of_ours_is_a_500_that_tells_no_traceback(here: Live) -> None:
    folder = here.root / "broken"
    write_notebook(folder / "a.ipynb", *A)
    (folder / ".nbprod").mkdir(exist_ok=True)
    (folder / ".nbprod" / "nbprod.db").write_bytes(b"no database" * 1000)
    answer = here.call("GET", "runs", path="broken/a.ipynb")

    assert answer.status in (400, 500)
    assert "Traceback" not in answer.body["message"]


def test_names_in_urls_are_decoded(here: Live) -> None:
    folder = here.root / "with space & ümlaut"
    write_notebook(folder / "a b.ipynb", *A)
    assert here.good("GET", "runs", path="with space & ümlaut/a b.ipynb")["total"] == 0
    assert here.call("GET", "runs/" + quote("../../x", safe=""), path="with space & ümlaut/a b.ipynb").status == 404
