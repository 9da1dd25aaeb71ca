"""Deployments under load: swaps, challengers, killed processes, edits."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from nbprod.errors import ConflictError, NotFoundError, ServiceError
from nbprod.project import Project
from nbprod.promotion import bento
from nbprod.promotion.registry import Registry
from nbprod.service import deployments, records
from nbprod.service.follow import follow
from nbprod.service.records import Service

from .folders import DOUBLE, register
from .test_front import ask

TRIPLE = DOUBLE.replace("2.0", "3.0")
BODY = {"rows": [{"x": 1.5, "n": 1}]}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with two versions of a model; the second answers something else."""
    made = Project(tmp_path)
    made.make_state()
    Registry(made).crown(register(made))
    register(made, model=TRIPLE)
    yield made
    for one in records.services(made):
        deployments.stop(made, one.name)


def workers(service: Service) -> list[psutil.Process]:
    return psutil.Process(service.pid).children(True)


def wait(until: Callable[[], Any], seconds: float = 30) -> Any:
    """Return what `until` gives once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


class Load:
    """Clients that ask over connections that they keep, until they are told to stop."""

    def __init__(self, url: str, clients: int = 8) -> None:
        self.answers: Counter[tuple[int, str, float | None]] = Counter()
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, url: str) -> None:
        import http.client

        host, port = url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        body = json.dumps(BODY)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict", body)
                answer = connection.getresponse()
                value = json.loads(answer.read())
                given = value[0] if answer.status == 200 else None
                self.answers[answer.status, answer.headers["X-Model-Version"], given] += 1
            except Exception as error:
                self.errors.append(error)
                connection.close()
        connection.close()


def test_a_swap_under_load_loses_no_request_and_each_answer_is_of_one_version(project: Project) -> None:
    service = deployments.serve(project, "double", workers=2)
    old = workers(service)

    with Load(service.url) as load:
        wait(lambda: sum(load.answers.values()) > 200)
        second = deployments.swap(project, "double", 2)
        wait(lambda: load.answers[200, "2", 4.5] > 200)
        third = deployments.swap(project, "double", 1)
        before = load.answers[200, "1", 3.0]
        wait(lambda: load.answers[200, "1", 3.0] > before + 200)

    assert load.errors == []
    assert set(load.answers) == {(200, "1", 3.0), (200, "2", 4.5)}
    assert (second.version, third.version, third.url, third.pid) == (2, 1, service.url, service.pid)
    assert not psutil.wait_procs(old, timeout=30)[1]
    wait(lambda: len(workers(service)) == 2)


def test_a_rollback_under_load_loses_no_request_and_the_old_version_answers_again(project: Project) -> None:
    registry = Registry(project)
    service = deployments.serve(project, "double", workers=2)
    registry.crown(registry.get("double", 2))
    assert follow(project, "double") is not None

    with Load(service.url) as load:
        wait(lambda: load.answers[200, "2", 4.5] > 200)
        back = registry.rollback("double", why="worse")
        now = follow(project, "double")
        wait(lambda: load.answers[200, "1", 3.0] > 200)

    assert load.errors == []
    assert set(load.answers) == {(200, "2", 4.5), (200, "1", 3.0)}
    assert now is not None
    assert (back.version, now.version, now.url, now.pid) == (1, 1, service.url, service.pid)
    wait(lambda: len(workers(service)) == 2)
    assert {ask(service.url, "/predict", BODY)[1][0] for _ in range(20)} == {3.0}


def test_a_version_that_does_not_start_changes_nothing(project: Project) -> None:
    register(project, model="raise RuntimeError('no such model')")
    service = deployments.serve(project, "double")

    with pytest.raises(ServiceError, match=r"v3 was not put in place: v3 ended while it started(.|\n)*no such model"):
        deployments.swap(project, "double", 3)

    assert ask(service.url, "/predict", BODY)[1] == [3.0]
    assert records.status(project, "double").version == 1
    assert deployments.swap(project, "double", 2).version == 2
    assert ask(service.url, "/predict", BODY)[1] == [4.5]


def test_a_service_that_cannot_start_says_why_and_leaves_nothing(project: Project) -> None:
    register(project, model="raise RuntimeError('no such model')")

    with pytest.raises(ServiceError, match=r"ended while it started(.|\n)*no such model"):
        deployments.serve(project, "double", 3)

    service = records.status(project, "double")
    assert service.status == records.DEAD
    assert not psutil.pid_exists(service.pid)


def test_a_worker_that_is_killed_is_replaced_while_others_answer(project: Project) -> None:
    service = deployments.serve(project, "double", workers=2)
    victim = workers(service)[0]

    with Load(service.url, 2) as load:
        wait(lambda: sum(load.answers.values()) > 50)
        victim.kill()
        wait(lambda: len([one for one in workers(service) if one.pid != victim.pid]) == 2)
        before = sum(load.answers.values())
        wait(lambda: sum(load.answers.values()) > before + 100)

    assert len(load.errors) <= 2  # what that worker was answering just then
    assert {status for status, _, _ in load.answers} == {200}


def test_killed_supervisors_leave_no_process_and_no_port(project: Project) -> None:
    service = deployments.serve(project, "double", workers=2)
    family = workers(service)

    os.kill(service.pid, signal.SIGKILL)

    assert not psutil.wait_procs(family, timeout=20)[1]
    assert records.status(project, "double").status == records.DEAD
    again = deployments.serve(project, "double", port=service.port)
    assert ask(again.url, "/predict", BODY)[1] == [3.0]


def test_a_request_in_flight_is_answered_before_a_service_ends(project: Project) -> None:
    register(project, model="import time\ndef predict(rows):\n    time.sleep(1.0)\n    return [0.0 for row in rows]\n")
    service = deployments.serve(project, "double", 3)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask(service.url, "/predict", BODY)[:2]))
    thread.start()
    time.sleep(0.4)

    deployments.stop(project, "double")

    thread.join()
    assert answers == [(200, [0.0])]
    assert not bento.answers(service.url)


def test_a_shadow_is_asked_and_compared_and_nobody_sees_it(project: Project) -> None:
    service = deployments.serve(project, "double")

    beside = deployments.shadow(project, "double", 2)

    assert beside.challenger == {"version": 2, "mode": "shadow", "percent": 0.0}
    folder = records.home(project, "double") / "predictions"

    def shadowed() -> list[dict[str, Any]]:
        assert ask(service.url, "/predict", BODY, X_Request_ID="s")[1:2] == ([3.0],)
        return [json.loads(line) for path in folder.glob("shadow-*") for line in path.read_text().splitlines()]

    line = wait(shadowed)[0]
    assert {key: line[key] for key in ("id", "version", "route", "answer", "status", "agrees")} == {
        "id": "s",
        "version": 2,
        "route": "predict",
        "answer": [4.5],
        "status": 200,
        "agrees": False,
    }
    assert 'nbprod_shadow_total{agrees="false"' in ask(service.url, "/metrics")[1]
    logged = [json.loads(line) for path in folder.glob("predictions-*") for line in path.read_text().splitlines()]
    assert {one["version"] for one in logged} == {1}
    assert deployments.alone(project, "double").challenger is None


def test_a_split_gives_its_share_and_the_same_id_always_the_same_version(project: Project) -> None:
    service = deployments.serve(project, "double")
    deployments.split(project, "double", 2, 30)

    def versions() -> list[str]:
        return [ask(service.url, "/predict", BODY, X_Request_ID=f"id-{n}")[2]["x-model-version"] for n in range(100)]

    wait(lambda: ask(service.url, "/predict", BODY, X_Request_ID="id-4")[0] == 200 and "2" in versions())
    first = versions()
    assert versions() == first
    assert 15 <= first.count("2") <= 45
    answers = {ask(service.url, "/predict", BODY, X_Request_ID=f"id-{n}")[1][0] for n in range(30)}
    assert answers == {3.0, 4.5}

    after = deployments.swap(project, "double", 2)
    assert (after.version, after.challenger) == (2, None)
    wait(lambda: set(versions()) == {"2"})


def test_a_challenger_that_is_killed_loses_no_request(project: Project) -> None:
    service = deployments.serve(project, "double")
    deployments.split(project, "double", 2, 50)
    wait(lambda: ask(service.url, "/predict", BODY)[2]["x-model-version"] == "2")
    challenger = next(one for one in workers(service) if "v2" in " ".join(one.cmdline()) or "/v2" in one.cwd())

    with Load(service.url, 2) as load:
        wait(lambda: load.answers[200, "2", 4.5] > 10)
        challenger.kill()
        before = load.answers[200, "1", 3.0]
        wait(lambda: load.answers[200, "1", 3.0] > before + 30)

    assert load.errors == []
    assert set(load.answers) == {(200, "1", 3.0), (200, "2", 4.5)}


def test_edited_code_is_served_once_it_was_accepted_and_changed_files_never(project: Project) -> None:
    version = Registry(project).get("double", 1)
    model = version.path / "src" / "model.py"
    model.write_text(DOUBLE.replace("2.0", "5.0"))

    with pytest.raises(
        ServiceError, match=r"double/v1 is not what was promoted: src/model.py was edited(.|\n)*--accept-edits"
    ):
        deployments.serve(project, "double")
    service = deployments.serve(project, "double", accept_edits=True)
    assert ask(service.url, "/predict", BODY)[1] == [7.5]
    assert deployments.serve(project, "double").pid == service.pid

    model.write_text(DOUBLE.replace("2.0", "6.0"))
    with pytest.raises(ServiceError, match="was edited"):
        deployments.serve(project, "double")
    (version.path / "src" / "signature.json").write_text("{}")
    with pytest.raises(ServiceError, match=r"is not what was promoted.*signature.json"):
        deployments.serve(project, "double", accept_edits=True)


def test_a_version_whose_files_are_gone_is_not_served_and_what_runs_goes_on(project: Project) -> None:
    service = deployments.serve(project, "double")
    gone = Registry(project).get("double", 2)
    gone.path.rename(gone.path.with_name("elsewhere"))

    with pytest.raises(ServiceError, match="the files of double/v2 are gone"):
        deployments.swap(project, "double", 2)

    assert ask(service.url, "/predict", BODY)[1] == [3.0]


def test_what_does_not_run_cannot_be_swapped(project: Project) -> None:
    with pytest.raises(NotFoundError, match="no service 'double' was started"):
        deployments.swap(project, "double", 2)
    deployments.serve(project, "double")
    with pytest.raises(ConflictError, match="double/v1 is what answers already"):
        deployments.shadow(project, "double", 1)
    with pytest.raises(ServiceError, match="120 percent"):
        deployments.split(project, "double", 2, 120)
    deployments.stop(project, "double")
    with pytest.raises(ConflictError, match=r"is stopped.*\n.*nbprod serve double"):
        deployments.swap(project, "double", 2)
