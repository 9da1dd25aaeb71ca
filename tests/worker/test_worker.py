"""A job that is forked from a worker is like any other, and whatever happens to the worker, a job is done once."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from nbprod.worker import client
from nbprod.worker.address import Unavailable, address
from nbprod.worker.client import Unanswered, Worker
from tests.worker.conftest import Home

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker stays on Linux only")


def wait_until(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_a_forked_job_finds_what_one_finds_that_was_started(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = home.worker()
    monkeypatch.setenv("TERM", "another")  # of a terminal: no reason for another worker
    monkeypatch.delenv("SHLVL", raising=False)
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (old[0] - 10, old[1]))
    mask = os.umask(0o027)
    try:
        expected, found = json.loads(home.alone("look", "a", "b")), json.loads(home.ask(worker, "look", "a", "b"))
    finally:
        os.umask(mask)
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
        worker.close()
    # turned off when libraries are imported, here by other tests; readline sets the last two behind Python's back
    made = {"BENTOML_DO_NOT_TRACK", "DO_NOT_TRACK", "COLUMNS", "LINES"}
    for one in (found, expected):
        one["env"] = {k: v for k, v in one["env"].items() if k not in made and not k.startswith("PLOOMBER_")}
    assert set(found["env"].items()) ^ set(expected["env"].items()) == set()
    assert {k: v for k, v in found.items() if v != expected[k]} == {}
    assert (found["env"]["TERM"], found["mask"], found["open"]) == ("another", 0o027, [0, 1, 2])


def test_how_many_jobs_it_has_done_makes_no_difference(home: Home) -> None:
    worker = home.worker()
    first, *others = (json.loads(home.ask(worker, "look")) for _ in range(5))
    worker.close()

    assert all(other == first for other in others)


def test_it_is_private_to_its_user(home: Home) -> None:
    worker = home.worker()
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (home.address.socket, home.address.socket.parent)]
    worker.close()

    assert modes == [0o600, 0o700]


def test_a_folder_that_others_may_look_into_is_refused(home: Home) -> None:
    home.address.socket.parent.chmod(0o755)

    with pytest.raises(Unavailable, match="is not private to its user"):
        address(home.root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_turned_away(home: Home) -> None:
    worker = home.worker()
    where = home.address
    where.socket.chmod(0o666)
    for folder in (where.socket.parent, where.socket.parent.parent):
        folder.chmod(0o755)
    code = f"""
import os, socket
os.setuid(65534)
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({str(where.socket)!r})
print(line.recv(10))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    worker.close()
    where.socket.parent.chmod(0o700)

    assert done.stdout.strip() == "b''"
    assert "of another user (65534) was turned away" in home.said()


def test_it_ends_when_nobody_uses_it(home: Home) -> None:
    worker = home.worker()
    worker.close()

    wait_until(lambda: not home.address.socket.exists())
    wait_until(lambda: "nobody uses it any more" in home.said())


def test_it_ends_when_it_is_asked_for_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROD_WORKER_IDLE", "1")
    worker = home.worker()
    home.ask(worker, "look")

    wait_until(lambda: "it was not asked for anything for 1 s" in home.said())
    wait_until(lambda: not worker.is_there())


def test_it_stays_while_a_job_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBPROD_WORKER_IDLE", "0.3")
    home.module("naps", "import time; time.sleep(2)")
    worker = home.worker()
    home.ask(worker, "naps")

    assert worker.is_there()
    worker.close()


def test_it_goes_with_its_project(home: Home) -> None:
    worker = home.worker()
    home.root.rename(home.root.with_name("elsewhere"))

    with (
        open(os.devnull, "r+b") as nothing,
        pytest.raises(Unavailable, match=r"moved or removed|ended when it was asked|No such file"),
    ):
        worker.do("look", [], (nothing.fileno(),) * 3)


def test_it_goes_with_its_project_when_nobody_asks(home: Home) -> None:
    log = home.address.log
    worker = home.worker()
    home.root.rename(home.root.with_name("elsewhere"))

    wait_until(lambda: "the project's folder was moved or removed" in log.read_text())
    worker.close()


def test_a_socket_left_by_a_dead_owner_is_replaced(home: Home) -> None:
    first = home.worker()
    os.kill(home.pid(), signal.SIGKILL)
    wait_until(lambda: not first.is_there())
    assert home.address.socket.exists()

    with pytest.raises(Unavailable, match="there is no worker"):
        Worker(home.root).connect()
    second = home.worker()

    assert json.loads(home.ask(second, "look"))["argv"]
    second.close()
    first.close()


def test_of_several_that_are_started_at_once_one_stays(home: Home) -> None:
    home.module("parent", "import os; print(os.getppid())")
    workers = [Worker(home.root) for _ in range(4)]
    threads = [threading.Thread(target=worker.start) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({home.ask(worker, "parent") for worker in workers}) == 1
    for worker in workers:
        worker.close()


def test_a_package_that_is_upgraded_under_it_ends_it(home: Home) -> None:
    home.module("sitecustomize", "import dependency")
    home.module("dependency", "version = 1")
    worker = home.worker()
    home.module("dependency", "version = 22")

    with open(os.devnull, "r+b") as nothing, pytest.raises(Unavailable, match=r"dependency\.py has changed since"):
        worker.do("look", [], (nothing.fileno(),) * 3)

    home.module("version", "import dependency; print(dependency.version)")
    fresh = home.worker()
    assert home.ask(fresh, "version") == "22\n"
    fresh.close()


def test_a_package_that_is_installed_under_it_ends_it(home: Home) -> None:
    worker = home.worker()
    (home.modules / "new-1.0.dist-info").mkdir()

    with open(os.devnull, "r+b") as nothing, pytest.raises(Unavailable, match="has changed since"):
        worker.do("look", [], (nothing.fileno(),) * 3)


def test_where_an_import_starts_a_thread_there_is_none(home: Home) -> None:
    home.module(
        "sitecustomize", "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )

    with pytest.raises(Unavailable, match="there can be no worker: it starts 1 threads"):
        Worker(home.root).start()


def test_where_memory_is_low_none_stays(home: Home) -> None:
    home.module("sitecustomize", "import nbprod.execution.memory as memory\nmemory.LOW = 1 << 62")
    worker = home.worker()

    wait_until(lambda: "little memory is left" in home.said())
    worker.close()


def test_one_that_hangs_is_not_waited_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    worker = home.worker()
    pid = home.pid()
    os.kill(pid, signal.SIGSTOP)

    with open(os.devnull, "r+b") as nothing, pytest.raises(Unanswered, match=r"did not answer within 0\.5 s"):
        worker.do("look", [], (nothing.fileno(),) * 3)
    os.kill(pid, signal.SIGCONT)
    worker.close()


def test_one_that_is_killed_as_it_is_asked(home: Home) -> None:
    worker = home.worker()
    pid = home.pid()
    os.kill(pid, signal.SIGSTOP)
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()

    with open(os.devnull, "r+b") as nothing, pytest.raises(Unanswered, match="ended when it was asked"):
        worker.do("look", [], (nothing.fileno(),) * 3)


def test_what_is_no_request_is_told_in_its_log_and_does_no_harm(home: Home) -> None:
    worker = home.worker()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(str(home.address.socket))
        line.send(b"what?")
        assert line.recv(10) == b""

    assert "a request was not understood" in home.said()
    assert json.loads(home.ask(worker, "look"))["argv"]
    worker.close()


def test_who_differs_in_what_packages_read_finds_another_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = home.address.socket
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert home.address.socket != before
    monkeypatch.setenv("NBPROD_WORKER", "0")
    with pytest.raises(Unavailable, match="NBPROD_WORKER=0"):
        address(home.root)


def test_without_fork_there_is_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")

    with pytest.raises(Unavailable, match="Linux only"):
        address(home.root)
