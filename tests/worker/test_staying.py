"""A watcher, or a command beside a terminal, keeps a worker, which runs find, and which goes when it does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from nbprod.worker.staying import worker_stays
from tests.worker.conftest import Home

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker stays on Linux only")


def _until(holds: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def notebook(home: Home) -> Path:
    path = home.root / "nb.ipynb"
    cells = [nbformat.v4.new_code_cell(f"x{i} = 1", metadata={"tags": [f"task:t{i}"]}) for i in range(3)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    (home.root / "pipelines.yaml").write_text("pipelines:\n  nb: {notebook: nb.ipynb}\n")
    return path


def test_a_worker_is_there_while_it_lasts_and_then_goes(home: Home, notebook: Path) -> None:
    with worker_stays(home.root, notebook):
        _until(home.address.socket.exists)
    _until(lambda: not home.address.socket.exists())


def test_it_stays_though_it_is_asked_for_nothing_and_is_there_again_when_it_was_killed(
    home: Home, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBPROD_WORKER_IDLE", "0.3")
    told: list[str] = []
    with worker_stays(home.root, notebook, told.append) as ready:
        assert ready.wait(60)
        first = home.pid()
        time.sleep(2)
        assert home.pid() == first

        os.kill(first, signal.SIGKILL)
        _until(lambda: told == ["", ""])
        assert home.pid() != first


def test_a_command_keeps_one_for_other_terminals_until_it_is_stopped(home: Home, notebook: Path) -> None:
    nbprod = [sys.executable, "-m", "nbprod"]
    keeper = subprocess.Popen([*nbprod, "worker"], cwd=home.root, stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    assert keeper.stdout.readline().startswith("ready")

    run = subprocess.Popen([*nbprod, "run"], cwd=home.root, stdout=subprocess.PIPE, text=True)
    children: set[str] = set()
    while run.poll() is None:
        with contextlib.suppress(OSError):
            children.update(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split())
        time.sleep(0.02)
    assert run.returncode == 0
    assert children == set(), "the run went alone"

    keeper.send_signal(signal.SIGINT)
    assert keeper.wait(20) == 0
    keeper.stdout.close()
    _until(lambda: not home.address.socket.exists())


def test_the_command_says_where_there_can_be_none(home: Home, notebook: Path) -> None:
    env = {**os.environ, "NBPROD_WORKER": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "nbprod", "worker"], cwd=home.root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "NBPROD_WORKER=0" in done.stderr


def test_where_there_can_be_no_worker_nothing_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROD_WORKER", "0")
    with worker_stays(home.root, Path("absent.ipynb")):
        pass
    assert not list(Path(os.environ["XDG_RUNTIME_DIR"]).rglob("*.sock"))
