"""`nbprod run` and `nbprod sweep` are done by the project's worker where there is one, and nobody can tell but by the time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from nbprod.worker.client import Worker
from tests.worker.conftest import Home

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker stays on Linux only")


@pytest.fixture
def worker(home: Home) -> Iterator[Worker]:
    node = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for source, tag in (
        ("pause = 0", "parameters"),
        ("x = 1", "task:one"),
        ("import time\ntime.sleep(pause)\ny = x + 1", "task:two"),
    ):
        node.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}))
    (home.root / "deep").mkdir()
    nbformat.write(node, home.root / "deep" / "short.ipynb")
    (home.root / "pipelines.yaml").write_text("pipelines:\n  short: {notebook: deep/short.ipynb}\n")
    one = home.worker()
    yield one
    one.close()


def nbprod(folder: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nbprod", *arguments],
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_is_done_by_the_worker_in_the_callers_folder(home: Home, worker: Worker) -> None:
    """The process that was started has no kernel of its own: it imported nothing that could start one."""
    process = nbprod(home.root / "deep", "run", "short.ipynb", "-p", "pause=2", "--json")
    seen: set[int] = set()
    while process.poll() is None:
        seen.update(children(process.pid) if Path(f"/proc/{process.pid}/task").exists() else ())
        time.sleep(0.05)
    out, err = process.communicate()

    assert (process.returncode, err) == (0, "")
    assert events(out)[-1]["status"] == "done"
    assert seen == set()


def test_an_error_has_its_message_and_its_exit_code(home: Home, worker: Worker) -> None:
    process = nbprod(home.root, "run", "absent")
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "absent" in err


@pytest.mark.parametrize(
    ("number", "codes"), [(signal.SIGINT, {130}), (signal.SIGTERM, {128 + signal.SIGTERM, 130, 143})]
)
def test_what_stops_the_command_stops_the_run(
    home: Home, worker: Worker, number: signal.Signals, codes: set[int]
) -> None:
    process = nbprod(home.root, "run", "short", "-p", "pause=600", "--json")
    assert process.stdout is not None
    for line in process.stdout:
        if '"two"' in line and "cell" in line:
            break
    process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode in codes
    assert last_status(home.root) in {"cancelled", "lost"}


def test_a_command_that_is_killed_leaves_no_run_behind(home: Home, worker: Worker) -> None:
    process = nbprod(home.root, "run", "short", "-p", "pause=600", "--json")
    assert process.stdout is not None
    for line in process.stdout:
        if '"two"' in line and "cell" in line:
            break
    process.kill()
    process.communicate(timeout=60)

    deadline = time.monotonic() + 30
    while last_status(home.root) == "running":
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.2)


def last_status(root: Path) -> str:
    process = nbprod(root, "runs", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    listed = json.loads(out)
    newest = listed["runs"][0] if isinstance(listed, dict) else listed[0]
    return str(newest["status"])


def test_without_a_worker_it_goes_alone(home: Home, worker: Worker) -> None:
    process = nbprod(home.root, "run", "short", "--json", NBPROD_WORKER="0")
    out, err = process.communicate(timeout=120)

    assert (process.returncode, err) == (0, "")
    assert events(out)[-1]["status"] == "done"
