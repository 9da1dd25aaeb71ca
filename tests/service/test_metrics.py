"""Counters that workers share outlive them, in one file however many there were."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.promotion.inside import metrics

WORKER = """
import sys
from nbprod.promotion.inside.metrics import Metrics
metrics = Metrics("double", int(sys.argv[1]), "run-1", "abc")
for _ in range(int(sys.argv[2])):
    metrics.answered("predict", 200, 0.002)
if sys.argv[3:] != ["quietly"]:
    print(metrics.text().decode())
"""


def work(folder: Path, version: int, requests: int, *more: str) -> str:
    """Answer requests in a process of its own, and give what its /metrics tells."""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", WORKER, str(version), str(requests), *more]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def requests(text: str, version: int) -> tuple[float, float]:
    """The counter of requests, and the count of their seconds."""
    counter = re.search(rf'nbprod_requests_total{{.*version="{version}"}} (\S+)', text)
    histogram = re.search(rf'nbprod_request_seconds_count{{.*version="{version}"}} (\S+)', text)
    assert counter is not None
    assert histogram is not None
    return float(counter[1]), float(histogram[1])


def test_counters_of_ended_workers_stay_in_the_sum_and_their_files_and_gauges_go(tmp_path: Path) -> None:
    for version in (1, 1, 2, 2):
        work(tmp_path, version, 5, "quietly")
    assert len(list(tmp_path.glob("counter_*.db"))) == 4

    text = work(tmp_path, 2, 3)

    assert (requests(text, 1), requests(text, 2)) == ((10, 10), (13, 13))
    assert 'nbprod_request_seconds_bucket{le="0.0025",model="double",route="predict",version="2"} 13.0' in text
    assert re.findall(r"nbprod_model_info{.*version=\"(\d)\"}", text) == ["2"]
    assert len(list(tmp_path.glob("counter_*.db"))) == 2
    assert len(list(tmp_path.glob("gauge_*.db"))) == 1

    for _ in range(3):
        text = work(tmp_path, 2, 1)
    assert (requests(text, 1), requests(text, 2)) == ((10, 10), (16, 16))


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_process_killed_while_it_adds_up_makes_nothing_count_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The sum takes its place in one step: killed before it or after it, nothing is lost and nothing doubled."""
    for _ in range(2):
        work(tmp_path, 1, 5, "quietly")
    real = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.name == "histogram_0.db":
            if stage == "after":
                real(self, target)
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        metrics._add_up(tmp_path)
    assert json.loads((tmp_path / "adding.json").read_text())["files"]
    monkeypatch.undo()

    assert requests(work(tmp_path, 1, 1), 1) == (11, 11)
    assert not (tmp_path / "adding.json").exists()
