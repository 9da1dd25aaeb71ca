"""The extension in the server: what it costs at its start, whom it lets in, what it does with a fault."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from jupyter_server.auth.authorizer import Authorizer
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPClientError

from nbprod.server.routes import ROUTES, by_path
from tests.server.live import write_notebook

LATER = ("pydantic", "peewee", "psutil", "yaml", "nbprod.server.models", "nbprod.config", "nbprod.execution.tables")


class ReadOnly(Authorizer):
    """Lets everybody read and nobody write."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return action == "read" or resource != "nbprod"


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"nbprod": True}, "authorizer_class": ReadOnly}}


def test_the_start_imports_nothing_that_only_requests_need() -> None:
    code = (
        "import sys, jupyter_server.serverapp\n"
        "before = set(sys.modules)\n"
        "import nbprod\n"
        "nbprod._jupyter_server_extension_points()\n"
        "print(*(set(sys.modules) - before))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "nbprod.server.app" in said
    assert not set(said) & set(LATER)


def test_every_path_has_a_handler_with_the_verbs_of_the_table() -> None:
    assert sum(len(routes) for routes in by_path().values()) == len(ROUTES)
    paths = list(by_path())
    assert paths.index("runs/compare") < paths.index("runs/{run}"), "a fixed path is not taken for an id"


async def test_who_may_only_read_cannot_start_anything(jp_fetch: Callable[..., Any], jp_root_dir: Path) -> None:
    write_notebook(jp_root_dir / "a.ipynb", ("task:a", "x = 1"))
    answer = await jp_fetch("nbprod", "api", "runs", params={"path": "a.ipynb"})
    assert json.loads(answer.body) == {"total": 0, "runs": []}

    for route in ROUTES:
        if route.verb != "GET":
            path, body = route.path.replace("{", "").replace("}", ""), "{}" if route.verb == "POST" else None
            with pytest.raises(HTTPClientError) as caught:
                await jp_fetch("nbprod/api", path, method=route.verb, body=body)
            assert caught.value.code == 403, route
            assert "not authorized" in json.loads(caught.value.response.body)["message"]


async def test_a_fault_of_ours_says_so_and_is_in_the_log(
    jp_fetch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from nbprod.server.endpoints import runs

    monkeypatch.setattr(runs.runs, "page_of", lambda *_: 1 / 0)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("nbprod", "api", "runs", params={"path": "a.ipynb"})

    assert caught.value.code == 500
    assert json.loads(caught.value.response.body) == {
        "message": "nbprod itself failed: ZeroDivisionError: division by zero",
        "what": "nbprod itself failed: ZeroDivisionError: division by zero",
        "fix": "The server's log has the traceback.",
        "file": None,
        "task": None,
        "cell": None,
        "line": None,
    }
    assert "ZeroDivisionError" in caplog.text


async def test_a_disk_that_is_full_or_locked_is_no_fault_of_ours(
    jp_fetch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbprod.server.endpoints import runs

    for error, said in (
        (PermissionError(errno.EACCES, "Permission denied", "/p/.nbprod"), "cannot be written"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space is left"),
    ):
        monkeypatch.setattr(runs.runs, "page_of", Mock(side_effect=error))
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch("nbprod", "api", "runs", params={"path": "a.ipynb"})
        assert caught.value.code == 400
        assert said in json.loads(caught.value.response.body)["message"]
