"""Jobs of a server that keeps workers: what `test_jobs.py` says of jobs holds for them too, and what goes wrong does no harm."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbprod.execution import memory
from nbprod.server.workers import Workers
from tests.server import test_jobs
from tests.server.live import Live, document, wait_for, write_notebook
from tests.server.test_jobs import CHAIN, SLOW, says

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker stays on Linux only")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("workers")
    with tempfile.TemporaryDirectory(prefix="nbw-") as runtime, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        server = Live((home / "root").resolve(), home / "home", worker=True)
        yield server
        server.stop()
        wait_for(lambda: not workers(server, ""))  # they end with the server


def workers(live: Live, project: str) -> list[psutil.Process]:
    """Return the workers of a project that have not ended, or of all."""
    root = str(live.root / project) if project else str(live.root)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "nbprod.worker" in command and command[-1].startswith(root) and process.status() != "zombie":
            parent = process.parent()
            if parent is None or "nbprod.worker" not in said(parent):
                found.append(process)
    return found


def said(process: psutil.Process) -> list[str]:
    """Return the command line of a process; nothing for one that has ended."""
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def templates(worker: psutil.Process) -> list[psutil.Process]:
    return [child for child in worker.children() if any("forkserver" in word for word in said(child))]


def opened(live: Live, project: str, *cells: tuple[str, str]) -> psutil.Process:
    """Open a notebook as the panel does, and return the project's worker once it has prepared for its kernels."""
    path = write_notebook(live.root / project / "a.ipynb", *cells)
    live.good("POST", "analyse", document(path, live.root))
    wait_for(lambda: workers(live, project))
    (worker,) = workers(live, project)
    wait_for(lambda: templates(worker))
    wait_for(lambda: not any("nbprod.worker" in said(child) for child in worker.children()))
    return worker


def run(live: Live, project: str, **parameters: Any) -> dict[str, Any]:
    body = {"path": f"{project}/a.ipynb", "parameters": parameters, "force": True}
    return live.ended(live.good("POST", "runs", body)["id"])


def test_opening_a_tagged_notebook_prepares_for_its_first_run_and_the_run_is_forked(live: Live) -> None:
    worker = opened(live, "first", *CHAIN)
    (template,) = templates(worker)

    with live.listening() as heard:
        job = run(live, "first", n=5)
        again = run(live, "first", n=6)
        wait_for(lambda: heard.of(again["id"])[-1]["data"]["event"] == "job-ended", 5)

    assert [(one["status"], one["result"]["metrics"]) for one in (job, again)] == [
        ("done", {"total": 10.0}),
        ("done", {"total": 15.0}),
    ]
    assert templates(worker) == [template], "kept between jobs"
    names = [event["data"]["event"] for event in heard.of(job["id"])]
    assert (names[0], names[-1]) == ("run-started", "job-ended")
    assert (live.root / "first" / ".nbprod" / "jobs" / job["id"] / "claimed").exists()


def test_opening_a_notebook_without_tasks_prepares_nothing(live: Live) -> None:
    path = write_notebook(live.root / "untagged" / "a.ipynb", ("", "x = 1"))
    live.good("POST", "analyse", document(path, live.root))
    time.sleep(0.5)

    assert workers(live, "untagged") == []


def test_a_forked_job_that_is_stopped_leaves_no_kernel(live: Live) -> None:
    worker = opened(live, "stopped", *SLOW)
    job = live.good("POST", "runs", {"path": "stopped/a.ipynb"})["id"]
    wait_for(lambda: says(live, job, "task-cell"))
    (process, *others) = test_jobs.family(live, job)
    family = [process, *others, *(one for one in worker.children(recursive=True) if one not in templates(worker))]
    assert process.ppid() == worker.pid

    live.good("DELETE", f"jobs/{job}")

    assert live.ended(job)["status"] == "cancelled"
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in family), 15)


def test_a_forked_job_whose_process_is_killed_is_lost_and_its_kernels_end(live: Live) -> None:
    worker = opened(live, "killed", *SLOW)
    job = live.good("POST", "runs", {"path": "killed/a.ipynb"})["id"]
    wait_for(lambda: says(live, job, "task-cell"))
    (process, *_) = test_jobs.family(live, job)
    kernels = [one for one in worker.children(recursive=True) if one not in (process, *templates(worker))]
    assert kernels
    process.kill()

    assert live.ended(job)["status"] == "lost"
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in kernels), 15)
    assert worker.is_running()


def test_kernels_end_with_their_job_also_where_what_forked_them_hangs(live: Live) -> None:
    deaf = "import signal, os, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(600)"
    worker = opened(live, "deaf", ("task:wait", deaf))
    job = live.good("POST", "runs", {"path": "deaf/a.ipynb"})["id"]
    wait_for(lambda: any(one.status() == "stopped" for one in worker.children(recursive=True)))
    kernels = [one for one in worker.children(recursive=True) if one not in templates(worker)]
    (process, *_) = test_jobs.family(live, job)
    process.kill()

    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in kernels), 20)


def test_a_job_whose_worker_hangs_is_done_once(live: Live) -> None:
    count = "with open('count', 'a') as file:\n    file.write('x')\ndone = 1"
    worker = opened(live, "hangs", ("task:a", count))
    worker.suspend()
    job = live.good("POST", "runs", {"path": "hangs/a.ipynb"})["id"]
    worker.resume()

    assert live.ended(job)["status"] == "done"
    time.sleep(0.5)
    assert (live.root / "hangs" / "count").read_text() == "x"
    assert "is started without its worker: the worker did not answer" in live.log.read_text()


def test_a_job_whose_worker_is_killed_is_done_all_the_same_and_another_worker_begins(live: Live) -> None:
    worker = opened(live, "dies", *CHAIN)
    worker.suspend()
    os.kill(worker.pid, signal.SIGKILL)

    assert run(live, "dies", n=4)["status"] == "done"
    wait_for(lambda: [one for one in workers(live, "dies") if one.pid != worker.pid])


def test_a_run_goes_on_when_its_worker_is_killed(live: Live) -> None:
    worker = opened(live, "orphan", ("task:a", "import time\ntime.sleep(1)\nx = 1"), ("task:b", "y = x"))
    job = live.good("POST", "runs", {"path": "orphan/a.ipynb"})["id"]
    wait_for(lambda: says(live, job, "task-cell"))
    worker.kill()

    assert live.ended(job)["status"] == "done"


def test_a_run_goes_on_when_what_its_kernels_came_from_is_killed(live: Live) -> None:
    worker = opened(live, "template", ("task:a", "import time\ntime.sleep(1)\nx = 1"), ("task:b", "y = x"))
    job = live.good("POST", "runs", {"path": "template/a.ipynb"})["id"]
    wait_for(lambda: says(live, job, "task-cell"))
    for one in templates(worker):
        one.kill()

    assert live.ended(job)["status"] == "done"
    assert run(live, "template")["status"] == "done"


def test_a_module_in_the_project_does_not_stand_in_for_one_of_ours(live: Live) -> None:
    (live.root / "shadow").mkdir()
    (live.root / "shadow" / "json.py").write_text("raise RuntimeError('the wrong one')")
    opened(live, "shadow", *CHAIN)

    assert run(live, "shadow")["status"] in ("done", "failed")


def spares(worker: psutil.Process) -> list[psutil.Process]:
    """Return the kernels that wait for a job."""
    try:
        copies = [copy for template in templates(worker) for copy in template.children()]
        return [kernel for copy in copies for kernel in copy.children() if kernel.status() != "zombie"]
    except psutil.NoSuchProcess:
        return []


def test_a_kernel_waits_for_the_next_run(live: Live) -> None:
    worker = opened(live, "waits", ("task:a metrics", "import os\nnumber = float(os.getpid())"))
    wait_for(lambda: spares(worker))
    (kernel,) = spares(worker)

    first = run(live, "waits")

    assert first["result"]["metrics"] == {"number": float(kernel.pid)}
    wait_for(lambda: spares(worker) and kernel not in spares(worker))
    (another,) = spares(worker)
    assert run(live, "waits")["result"]["metrics"] == {"number": float(another.pid)}
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in (kernel, another)), 15)


def test_a_kernel_that_waited_is_not_used_where_a_new_one_would_find_another_module(live: Live) -> None:
    cell = ("task:a metrics", "import click\nmark = getattr(click, 'mark', 0.0)")
    worker = opened(live, "differs", cell)
    wait_for(lambda: spares(worker))
    assert run(live, "differs")["result"]["metrics"] == {"mark": 0.0}
    wait_for(lambda: spares(worker))
    (live.root / "differs" / "click.py").write_text("mark = 1.0")

    assert run(live, "differs")["result"]["metrics"] == {"mark": 1.0}


def test_a_kernel_that_waited_and_died_does_no_harm(live: Live) -> None:
    worker = opened(live, "died", *CHAIN)
    wait_for(lambda: spares(worker))
    for kernel in spares(worker):
        kernel.kill()

    assert run(live, "died", n=4)["result"]["metrics"] == {"total": 6.0}


def test_only_so_many_projects_have_a_worker(live: Live) -> None:
    for number in range(4):
        opened(live, f"many{number}", ("task:a", "x = 1"))

    wait_for(lambda: sum(bool(workers(live, f"many{number}")) for number in range(4)) <= 2)


def test_where_memory_is_low_no_worker_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "is_low", lambda: True)
    monkeypatch.setattr(Workers, "_prepare", lambda *_: None)
    server = Workers()
    server.prepare(tmp_path, tmp_path / "a.ipynb")

    assert not server._starting
    monkeypatch.setattr(memory, "is_low", lambda: False)
    monkeypatch.setenv("NBPROD_WORKER", "1")
    server.prepare(tmp_path, tmp_path / "a.ipynb")
    assert server._starting
