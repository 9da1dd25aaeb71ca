"""What was exported, at work: the image's command serves, a real Prometheus scrapes it and its alerts go off."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbprod.promotion.bento import OPENER
from nbprod.promotion.exports import alerts, compose
from nbprod.promotion.exports.dashboard import dashboard, queries
from nbprod.promotion.exports.export import PORT, Export
from nbprod.promotion.exports.text import as_yaml
from nbprod.promotion.version import ModelVersion

MISSING = (
    "no Prometheus was found, so the alert rules were not tested in one: install it (Debian: apt-get install prometheus), "
    "or say where it is (NBPROD_PROMETHEUS=/path/to/folder with prometheus and promtool)"
)


@pytest.fixture(scope="module")
def programs() -> dict[str, str]:
    """Return where `prometheus` and `promtool` are."""
    places = [os.environ.get("NBPROD_PROMETHEUS"), os.environ.get("PATH"), f"{sys.prefix}/prometheus/usr/bin"]
    path = os.pathsep.join(place for place in places if place)
    found = {name: shutil.which(name, path=path) for name in ("prometheus", "promtool")}
    if None in found.values():
        if os.environ.get("NBPROD_MONITORING") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return {name: str(file) for name, file in found.items()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except OSError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, f"it did not happen in {seconds:.0f} s"
        time.sleep(0.1)


def ask(url: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with OPENER.open(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text.strip().startswith((b"{", b"[")) else text.decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def process(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        yield popen
    finally:
        popen.terminate()
        try:
            popen.wait(30)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


@pytest.fixture(scope="module")
def stack(promoted: ModelVersion, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return compose.export_compose(promoted, tmp_path_factory.mktemp("stack") / "out")


def image_command(context: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """Return what the Containerfile would start, with its paths and its port replaced by those of this machine."""
    lines = (context / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    words = {word: rest for word, _, rest in (line.partition(" ") for line in lines)}
    command = json.loads(words["ENTRYPOINT"]) + json.loads(words["CMD"])
    env = dict(pair.split("=", 1) for line in lines if line.startswith("ENV") for pair in line.split()[1:])
    here = {
        "/srv/bento": str(context / "bento"),
        "0.0.0.0": "127.0.0.1",
        str(PORT): str(port),
        "python": sys.executable,
    }
    command = [here.get(word, word) for word in command]
    source = str(context / "bento" / "src")
    assert env["PYTHONPATH"] == "/srv/bento/src"
    return command, {**env, "PYTHONPATH": source, "PATH": os.environ["PATH"]}


@dataclass
class Watched:
    """A service and the Prometheus that scrapes it."""

    service: str
    prometheus: str
    process: subprocess.Popen[bytes]

    def get(self, path: str, **query: str) -> Any:
        _, found = ask(f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert found["status"] == "success", found
        return found["data"]

    def alerts(self) -> dict[str, str]:
        return {one["labels"]["alertname"]: one["state"] for one in self.get("alerts")["alerts"]}


@pytest.fixture(scope="module")
def watched(stack: Export, programs: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    port, own = free_port(), free_port()
    command, env = image_command(stack.folder / "image", port)
    shutil.copytree(stack.folder / "prometheus", folder / "prometheus")
    config = compose.prometheus("wine", [f"127.0.0.1:{port}"], seconds=1)
    (folder / "prometheus" / "prometheus.yml").write_text(as_yaml(config))
    options = {
        "config.file": folder / "prometheus" / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": f"127.0.0.1:{own}",
    }
    with (
        process(command, folder / "service.log", env=env, cwd=stack.folder / "image" / "bento" / "src") as service,
        process(
            [programs["prometheus"], *(f"--{name}={value}" for name, value in options.items())],
            folder / "prometheus.log",
        ),
    ):
        found = Watched(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own}", service)
        wait_for(lambda: ask(f"{found.service}/readyz")[0] == 200, 120)
        wait_for(lambda: ask(f"{found.prometheus}/-/ready")[0] == 200)
        yield found


def test_the_images_command_serves_without_nbprod_and_gives_the_notebooks_answer(
    watched: Watched, promoted: ModelVersion
) -> None:
    sample = json.loads((promoted.path / "src" / "samples.json").read_text())[-1]
    status, answer = ask(f"{watched.service}/{sample['route']}", sample["arguments"])
    assert status == 200
    assert json.dumps(answer)[:20] == json.dumps(sample["answer"])[:20]


def test_prometheus_reaches_the_service_and_has_loaded_every_rule(watched: Watched) -> None:
    [target] = wait_for(lambda: [one for one in watched.get("targets")["activeTargets"] if one["health"] == "up"])
    assert target["labels"]["job"] == "wine"
    wanted = [rule["alert"] for rule in alerts.rules("wine", job="wine")["groups"][0]["rules"]]

    def loaded() -> dict[str, str]:
        return {rule["name"]: rule["health"] for group in watched.get("rules")["groups"] for rule in group["rules"]}

    assert wait_for(lambda: loaded() == dict.fromkeys(wanted, "ok"))


def test_every_panel_asks_what_prometheus_understands_and_the_service_tells(
    watched: Watched, promoted: ModelVersion
) -> None:
    sample = json.loads((promoted.path / "src" / "samples.json").read_text())[-1]
    url = f"{watched.service}/{sample['route']}"

    def answered() -> set[str]:
        ask(url, sample["arguments"])
        board = dashboard("wine", job="wine")
        return {expr for expr in queries(board, rate="10s") if watched.get("query", query=expr)["result"]}

    wanted = ("nbprod_requests_total", "nbprod_request_seconds_bucket", "nbprod_rows_total", "nbprod_model_info", "up{")
    wait_for(lambda: all(any(name in expr for expr in answered()) for name in wanted))


def test_refused_requests_and_a_dead_service_raise_alerts(watched: Watched, promoted: ModelVersion) -> None:
    sample = json.loads((promoted.path / "src" / "samples.json").read_text())[-1]

    def refused() -> bool:
        status, _ = ask(f"{watched.service}/{sample['route']}", {"rows": "no rows"})
        assert 400 <= status < 500
        return watched.alerts().get("NbprodRefused") == "pending"

    assert wait_for(refused)
    watched.process.terminate()
    assert wait_for(lambda: watched.alerts().get("NbprodDown") == "pending")


CASES: dict[str, tuple[dict[str, str], str, str]] = {
    # the alert: series and their values, when it is looked at, the value that its text tells
    "NbprodDown": ({'up{job="wine",instance="a"}': "0x10"}, "2m", "a cannot be reached"),
    "NbprodErrors": (
        {
            'nbprod_requests_total{model="wine",version="1",route="predict",code="200"}': "0+90x20",
            'nbprod_requests_total{model="wine",version="1",route="predict",code="500"}': "0+10x20",
        },
        "10m",
        "10% of its requests",
    ),
    "NbprodRefused": (
        {
            'nbprod_requests_total{model="wine",version="1",route="predict",code="200"}': "0+50x20",
            'nbprod_requests_total{model="wine",version="1",route="predict",code="422"}': "0+50x20",
        },
        "15m",
        "50% of its requests",
    ),
    "NbprodSlow": (
        {
            'nbprod_request_seconds_bucket{model="wine",version="1",route="predict",le="0.5"}': "0+90x20",
            'nbprod_request_seconds_bucket{model="wine",version="1",route="predict",le="1.0"}': "0+100x20",
            'nbprod_request_seconds_bucket{model="wine",version="1",route="predict",le="+Inf"}': "0+100x20",
        },
        "15m",
        "takes 950ms or more",
    ),
    "NbprodDrift": ({'nbprod_drift_alarm{model="wine",version="3"}': "1x5"}, "1m", "features of v3"),
    "NbprodPredictionsLost": (
        {'nbprod_predictions_dropped_total{model="wine",version="1"}': "0+5x20"},
        "10m",
        "in ten minutes",
    ),
    "NbprodChallengerDisagrees": (
        {
            'nbprod_shadow_total{model="wine",version="1",agrees="true"}': "0+50x60",
            'nbprod_shadow_total{model="wine",version="1",agrees="false"}': "0+50x60",
        },
        "40m",
        "50% of the answers differ",
    ),
}


def test_each_alert_goes_off_for_what_it_is_meant_for_and_for_nothing_else(
    stack: Export, programs: dict[str, str], tmp_path: Path
) -> None:
    rules = yaml.safe_load((stack.folder / "prometheus" / "rules.yml").read_text())["groups"][0]["rules"]
    assert {rule["alert"] for rule in rules} == set(CASES)
    words = {}
    for name, (series, at, text) in CASES.items():
        case = {
            "rule_files": [str(stack.folder / "prometheus" / "rules.yml")],
            "tests": [
                {
                    "interval": "1m",
                    "input_series": [{"series": one, "values": values} for one, values in series.items()],
                    # nothing else goes off: promtool wants each alert's list to be whole
                    "alert_rule_test": [
                        {"eval_time": at, "alertname": rule["alert"], "exp_alerts": []}
                        for rule in rules
                        if rule["alert"] != name
                    ]
                    + [{"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": {"none": "such"}}]}],
                }
            ],
        }
        file = tmp_path / f"{name}.yml"
        file.write_text(yaml.safe_dump(case))
        done = subprocess.run([programs["promtool"], "test", "rules", str(file)], capture_output=True, text=True)
        told = done.stdout + done.stderr
        assert told.count("alertname:") == 1, told  # this one, and not as it was said to be
        words[name] = text in told or told
    assert words == dict.fromkeys(CASES, True)
