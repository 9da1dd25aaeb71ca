"""Jobs as a page sees them: a real server, real processes."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.server.live import Heard, Live, wait_for, write_notebook

CHAIN = (
    ("parameters", "n = 3"),
    ("task:load", "rows = list(range(n))"),
    ("task:total metrics", "print('adding')\ntotal = float(sum(rows))"),
)
SLOW = (("task:wait", "import time\nprint('waiting')\nfor _ in range(600):\n    time.sleep(0.1)"),)


def family(live: Live, job: str) -> list[psutil.Process]:
    """Return the process of a job and all that it has started."""
    folder = next(live.root.rglob(f".nbprod/jobs/{job}"))
    wait_for(lambda: (folder / "process.json").exists())
    process = psutil.Process(json.loads((folder / "process.json").read_text())["pid"])
    return [process, *process.children(recursive=True)]


def says(live: Live, job: str, event: str) -> bool:
    return any(one["data"].get("event") == event for one in live.good("GET", f"jobs/{job}")["events"])


@dataclass
class Done:
    """A run that a page has followed from its first to its last event."""

    job: dict[str, Any]
    heard: Heard
    asked: float
    path: Path


@pytest.fixture(scope="module")
def done(live: Live) -> Done:
    path = write_notebook(live.root / "done" / "a.ipynb", *CHAIN)
    path.chmod(0o444)
    live.good("GET", "jobs")  # a page has asked before: the server has imported what requests need
    with live.listening() as heard:
        answer = live.call("POST", "runs", {"path": "done/a.ipynb", "parameters": {"n": 5}})
        job = live.ended(answer.body["id"])
        wait_for(lambda: heard.of(job["id"])[-1]["data"]["event"] == "job-ended", 5)
    return Done(job, heard, answer.seconds, path)


def test_a_run_is_followed_by_its_events(live: Live, done: Done) -> None:
    job, events = done.job, done.heard.of(done.job["id"])

    assert (job["status"], job["error"], job["result"]["metrics"]) == ("done", None, {"total": 10.0})
    assert [event["number"] for event in events] == list(range(len(events))), "each once, in order"
    assert {event["path"] for event in events} == {"done/a.ipynb"}
    assert [event["data"] for event in events] == [
        one["data"] for one in live.good("GET", f"jobs/{job['id']}")["events"]
    ]
    assert (job["run"], job["events"]) == (events[0]["data"]["run"], len(events))


def test_the_request_does_not_wait_and_events_arrive_at_once(done: Done) -> None:
    late = sorted(done.heard.late(done.job["id"]))

    assert done.asked < 10
    assert late[len(late) // 2] < 1  # it is about 0.02 s


def test_a_notebook_that_may_not_be_written_runs_and_is_not_written(done: Done, tmp_path: Path) -> None:
    assert done.path.read_bytes() == write_notebook(tmp_path / "a.ipynb", *CHAIN).read_bytes()


def test_what_a_page_has_seen_is_not_sent_again(live: Live, done: Done) -> None:
    job = done.job["id"]
    every = live.good("GET", f"jobs/{job}")["events"]

    assert live.good("GET", f"jobs/{job}", after=4)["events"] == every[4:]
    assert live.good("GET", f"jobs/{job}", after=999)["events"] == []


def test_a_job_that_is_stopped_leaves_no_kernel(live: Live) -> None:
    write_notebook(live.root / "stopped" / "a.ipynb", *SLOW)
    job = live.good("POST", "runs", {"path": "stopped/a.ipynb"})["id"]
    wait_for(lambda: says(live, job, "task-cell"))
    processes = family(live, job)
    assert len(processes) > 1, "there is a kernel"

    live.good("DELETE", f"jobs/{job}")
    ended = live.ended(job)

    assert ended["status"] == "cancelled"
    wait_for(lambda: not any(process.is_running() for process in processes), 15)
    run = live.good("GET", f"runs/{ended['run']}", path="stopped/a.ipynb")["run"]
    assert (run["status"], run["job"]) == ("cancelled", job)
    assert live.good("DELETE", f"jobs/{job}")["status"] == "cancelled", "stopping it again changes nothing"


def test_a_job_that_does_not_end_when_asked_is_killed_with_its_kernels(live: Live) -> None:
    deaf = "import signal, os, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(600)"
    write_notebook(live.root / "deaf" / "a.ipynb", ("task:wait", deaf))
    job = live.good("POST", "runs", {"path": "deaf/a.ipynb"})["id"]
    wait_for(lambda: len(family(live, job)) > 1)
    process = family(live, job)[0]
    process.suspend()
    processes = family(live, job)

    live.good("DELETE", f"jobs/{job}")
    ended = live.ended(job, 30)

    assert ended["status"] == "cancelled"
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in processes), 10)


def test_a_job_whose_process_is_killed_is_lost(live: Live) -> None:
    write_notebook(live.root / "killed" / "a.ipynb", *SLOW)
    with live.listening() as heard:
        job = live.good("POST", "runs", {"path": "killed/a.ipynb"})["id"]
        wait_for(lambda: says(live, job, "task-cell"))
        first, *kernels = family(live, job)
        first.kill()
        ended = live.ended(job)
        wait_for(lambda: heard.of(job)[-1]["data"]["event"] == "job-ended", 5)
        wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in kernels), 15)

    assert ended["status"] == "lost"
    assert "killed" in ended["error"]["what"]
    assert live.good("GET", f"runs/{ended['run']}", path="killed/a.ipynb")["run"]["status"] == "lost"


def test_a_job_that_fails_says_where(live: Live) -> None:
    write_notebook(live.root / "fails" / "a.ipynb", ("task:load", "rows = [1]\n\nrows['a']"))
    job = live.ended(live.good("POST", "runs", {"path": "fails/a.ipynb"})["id"])

    assert job["status"] == "failed"
    assert {name: job["error"][name] for name in ("task", "cell", "line")} == {"task": "load", "cell": 1, "line": 3}
    assert "TypeError" in job["error"]["what"]
    (task,) = live.good("GET", f"runs/{job['run']}", path="fails/a.ipynb")["tasks"]
    assert task["error"] == job["error"]
    assert task["has_notebook"]


def test_two_runs_of_one_pipeline_go_on_beside_each_other(live: Live) -> None:
    write_notebook(live.root / "twice" / "a.ipynb", *CHAIN)
    jobs = [live.good("POST", "runs", {"path": "twice/a.ipynb", "parameters": {"n": n}})["id"] for n in (4, 6)]
    ended = [live.ended(job) for job in jobs]

    assert [job["result"]["metrics"]["total"] for job in ended] == [6.0, 15.0]
    assert ended[0]["run"] != ended[1]["run"]
    assert [job["id"] for job in live.good("GET", "jobs", path="twice/a.ipynb")] == jobs[::-1]


def test_a_notebook_that_is_deleted_while_it_runs_does_not_stop_the_run(live: Live) -> None:
    write_notebook(
        live.root / "gone" / "a.ipynb", ("task:load", "import time\ntime.sleep(1)\nrows = 1"), ("task:b", "c = rows")
    )
    job = live.good("POST", "runs", {"path": "gone/a.ipynb"})["id"]
    wait_for(lambda: says(live, job, "task-cell"))
    (live.root / "gone" / "a.ipynb").unlink()
    ended = live.ended(job)

    assert ended["status"] == "done"
    assert live.good("GET", "runs", path="gone/a.ipynb")["total"] == 1
    refused = live.call("POST", "runs", {"path": "gone/a.ipynb"})
    assert (refused.status, "no such notebook" in refused.body["message"]) == (404, True)


def test_a_run_outlives_the_server_and_its_successor_goes_on_telling(tmp_path: Path) -> None:
    first = Live((tmp_path / "root").resolve(), tmp_path / "home")
    waiting = "import os, time\nwhile not os.path.exists('go'):\n    print('step', flush=True)\n    time.sleep(0.1)"
    write_notebook(first.root / "p" / "a.ipynb", ("task:slow", waiting))
    job = first.good("POST", "runs", {"path": "p/a.ipynb"})["id"]
    wait_for(lambda: says(first, job, "task-log"))
    before = len(first.good("GET", f"jobs/{job}")["events"])
    first.stop(signal.SIGKILL)

    second = Live(first.root, first.home)
    try:
        with second.listening() as heard:
            (found,) = second.good("GET", "jobs")
            assert (found["id"], found["status"]) == (job, "running")
            (first.root / "p" / "go").touch()
            ended = second.ended(job)
            wait_for(lambda: heard.of(job)[-1]["data"]["event"] == "job-ended", 5)
        assert ended["status"] == "done"
        every = second.good("GET", f"jobs/{job}")["events"]
        assert [event["number"] for event in every] == list(range(len(every)))
        told = [event["number"] for event in heard.of(job)]
        assert told == list(range(told[0], len(every))), "no gap, nothing twice"
        assert told[0] >= before
    finally:
        second.stop()


def test_a_job_is_forgotten_a_day_after_it_ended(live: Live, done: Done) -> None:
    folder = done.path.parent / ".nbprod" / "jobs" / done.job["id"]
    other = folder.with_name("2026-01-01T00-00-00-abcdef")
    shutil.copytree(folder, other)
    order = json.loads((other / "job.json").read_text()) | {"id": other.name}
    (other / "job.json").write_text(json.dumps(order))
    ended = json.loads((other / "ended.json").read_text()) | {"finished": time.time() - 25 * 3600}
    (other / "ended.json").write_text(json.dumps(ended))

    assert [one["id"] for one in live.good("GET", "jobs", path="done/a.ipynb")] == [done.job["id"]]
    assert not other.exists()


def test_a_process_that_was_killed_in_the_middle_of_a_line_leaves_what_can_be_read(live: Live, done: Done) -> None:
    folder = done.path.parent / ".nbprod" / "jobs" / done.job["id"]
    other = folder.with_name("2026-01-02T00-00-00-abcdef")
    shutil.copytree(folder, other)
    order = json.loads((other / "job.json").read_text()) | {"id": other.name}
    (other / "job.json").write_text(json.dumps(order))
    (other / "ended.json").unlink()
    (other / "events.jsonl").write_text('{"event": "task-log"}\n{"event": "task-fin')

    wait_for(lambda: other.name in [one["id"] for one in live.good("GET", "jobs", path="done/a.ipynb")])
    job = live.ended(other.name)
    events = [event["data"] for event in live.good("GET", f"jobs/{other.name}")["events"]]
    assert (job["status"], [event["event"] for event in events]) == ("lost", ["task-log", "output", "job-ended"])
    shutil.rmtree(other)


def test_a_job_that_is_not_there_is_not_found(live: Live) -> None:
    for name in ("2026-01-01T00-00-00-abcdef", "..", "%2e%2e%2fx", "a b"):
        assert live.call("GET", f"jobs/{name.replace(' ', '%20')}").status == 404
