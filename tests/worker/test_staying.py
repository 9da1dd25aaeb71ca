"""A watcher keeps a worker, which its runs find, and which goes when it does."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import nbformat
import pytest

from nbprod.worker.address import address
from nbprod.worker.staying import worker_stays
from tests.worker.conftest import Home

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker stays on Linux only")


def _until(holds: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_a_worker_is_there_while_it_lasts_and_then_goes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBPROD_WORKER_IDLE", raising=False)
    notebook = home.root / "nb.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), notebook)
    (home.root / "pipelines.yaml").write_text("pipelines:\n  nb: {notebook: nb.ipynb}\n")

    with worker_stays(home.root, notebook):
        socket = address(home.root).socket  # as a run that this process starts will look for it
        _until(socket.exists)
    _until(lambda: not socket.exists())
    assert "NBPROD_WORKER_IDLE" not in os.environ


def test_where_there_can_be_no_worker_nothing_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROD_WORKER", "0")
    with worker_stays(home.root, Path("absent.ipynb")):
        pass
    assert not list(Path(os.environ["XDG_RUNTIME_DIR"]).rglob("*.sock"))
