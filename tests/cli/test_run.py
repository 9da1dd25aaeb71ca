"""`nbprod plan`, `run`, `runs`, `show` and `gc`, with real kernels."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import CHAIN


def states(result) -> dict[str, str]:
    return {event["task"]: event["status"] for event in result.events if event["event"] == "task-finished"}


def test_the_second_run_computes_nothing_and_a_parameter_only_what_it_reaches(nbprod):
    nbprod.notebook(*CHAIN)

    first = nbprod("run", "a.ipynb", "--json")
    second = nbprod("run", "a.ipynb", "--json")
    third = nbprod("run", "a.ipynb", "-p", "scale=2", "--json")

    assert (first.code, second.code, third.code) == (0, 0, 0)
    assert set(states(first).values()) == {"done"}
    assert set(states(second).values()) == {"cached"}
    assert states(third) == {**dict.fromkeys(states(first), "cached"), "train": "done", "evaluate": "done"}
    assert first.events[-1]["metrics"] == second.events[-1]["metrics"] == {"total": 4.5}
    assert third.events[-1]["metrics"] == {"total": 6.0}


def test_plan_says_what_a_run_would_do_and_why(nbprod):
    nbprod.notebook(*CHAIN)
    before = nbprod("plan", "a.ipynb", "--json").json
    first = nbprod("run", "a.ipynb", "--json").events[-1]["run"]

    nothing = nbprod("plan", "a.ipynb")
    changed = {one["name"]: one for one in nbprod("plan", "a.ipynb", "-p", "scale=2", "--json").json}

    assert {one["action"] for one in before} <= {"run", "unknown"}
    assert f"cached from run {first}" in nothing.out
    assert changed["load"]["action"] == "cached"
    assert changed["train"] == {
        "name": "train",
        "action": "run",
        "reason": "parameter scale 1.5 -> 2.0",
        "cached_from": None,
    }
    assert changed["evaluate"]["action"] == "unknown"


def test_a_pipe_gets_plain_lines(nbprod):
    nbprod.notebook(*CHAIN)

    result = nbprod("run", "a.ipynb")

    lines = result.out.splitlines()
    assert lines[0].startswith("run ")
    assert lines[0].endswith(" of a with n=3, scale=1.5")
    assert any(line.startswith("train: done in ") for line in lines)
    assert any(line.startswith("done in ") and line.endswith(": total 4.5") for line in lines)
    assert "\x1b" not in result.out


def test_a_terminal_sees_a_table_that_is_redrawn(nbprod):
    """Each task with its state; the last line is the run's."""
    nbprod.notebook(*CHAIN)
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-m", "nbprod", "run", "a.ipynb"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    screen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # so Linux tells that the other end is closed
            break
        if not chunk:
            break
        screen += chunk
    os.close(ours)

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
    assert process.wait(60) == 0, text
    assert b"\x1b[1A" in screen, "lines are gone over again"
    assert "▸ running" in text
    last = text[text.rindex("task ") :]
    for name in ("load", "train", "evaluate"):
        assert re.search(rf"{name} +✓ done", last)
    assert re.search(r"done in .*: total 4.5", last)


def test_only_from_and_force_choose_what_is_computed(nbprod):
    nbprod.notebook(*CHAIN)
    nbprod("run", "a.ipynb")

    only = states(nbprod("run", "a.ipynb", "--only", "train", "--json"))
    start = states(nbprod("run", "a.ipynb", "--from", "train", "--json"))
    force = states(nbprod("run", "a.ipynb", "--force", "--json"))

    assert "evaluate" not in only
    assert only["train"] == "cached"
    assert (start["load"], start["train"], start["evaluate"]) == ("cached", "done", "done")
    assert set(force.values()) == {"done"}


def test_pipelines_yaml_gives_parameters_retries_and_time_limits(nbprod):
    nbprod.notebook(("parameters", "n = 1"), ("task:slow", "import time\ntime.sleep(60 * n)"))
    nbprod.config("pipelines: {a: {notebook: a.ipynb, parameters: {n: 2}, resources: {slow: {timeout: 1}}}}")

    result = nbprod("run", "a", "--json")

    assert result.code == 1
    assert result.events[0]["parameters"] == {"n": 2}
    assert states(result) == {"slow": "failed"}
    assert "1 s" in result.events[-1]["errors"][0]["message"]


def test_runs_and_show_tell_what_happened(nbprod):
    nbprod.notebook(*CHAIN)
    run = nbprod("run", "a.ipynb", "--json").events[-1]["run"]

    (listed,) = nbprod("runs", "--json").json
    text = nbprod("show", run[-4:]).out
    shown = nbprod("show", "--report", "--json").json
    unknown = nbprod("show", "x")

    assert "there is no run 'x'" in unknown.err
    assert (listed["id"], listed["status"], listed["metrics"]) == (run, "done", {"total": 4.5})
    assert run in nbprod("runs", "a.ipynb").out
    assert f"run {run} of a: done in " in text
    assert "parameters: n=3, scale=1.5" in text
    assert "metrics: total=4.5" in text
    assert [task["status"] for task in shown["tasks"]] == ["done"] * len(shown["tasks"])
    assert "total" in Path(shown["report"]).read_text()


def test_runs_that_are_not_there_are_told(nbprod):
    assert nbprod("runs").out == "no runs yet\n"
    assert "there is no run yet" in nbprod("show").err
    assert "there is no run yet" in nbprod("show", "x").err
    assert nbprod("models").out == "no model versions yet\n"
    assert nbprod("gc").out == "0 runs and 0 artifacts deleted, 0 B\n"
    assert nbprod("runs", "--status", "fine").code == 2
    assert not (nbprod.path / ".nbprod").exists(), "asking keeps nothing"


def test_gc_keeps_what_kept_runs_need(nbprod):
    """Of two runs with different values the older goes, with its artifacts, and the newer is still cached in full."""
    nbprod.notebook(*CHAIN)
    old = nbprod("run", "a.ipynb", "-p", "scale=7", "--json").events[-1]["run"]
    new = nbprod("run", "a.ipynb", "--json").events[-1]["run"]

    dry = nbprod("gc", "--keep", "1", "--dry-run", "--json").json
    kept = len(nbprod("runs", "--json").json)
    freed = nbprod("gc", "--keep", "1", "--json").json

    assert kept == 2
    assert dry["runs"] == freed["runs"] == [old]
    assert freed["artifacts"] > 0
    assert freed["bytes"] == dry["bytes"] > 0
    assert [run["id"] for run in nbprod("runs", "--json").json] == [new]
    assert set(states(nbprod("run", "a.ipynb", "--json")).values()) == {"cached"}
    assert states(nbprod("run", "a.ipynb", "-p", "scale=7", "--json"))["train"] == "done"


def test_ctrl_c_ends_the_kernels_and_leaves_a_cancelled_run(nbprod):
    marker = nbprod.path / "pid"
    nbprod.notebook(
        ("task:long", f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(120)")
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "nbprod", "run", "a.ipynb"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (marker.exists() and marker.read_text()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)

    assert process.returncode == 130
    assert "was cancelled" in err
    assert "Traceback" not in err
    (run,) = nbprod("runs", "--json").json
    assert run["status"] == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)


def test_a_run_whose_process_was_killed_is_lost(nbprod):
    marker = nbprod.path / "pid"
    nbprod.notebook(("task:long", f"import time\nopen({str(marker)!r}, 'w').write('x')\ntime.sleep(120)"))
    process = subprocess.Popen([sys.executable, "-m", "nbprod", "run", "a.ipynb"], stdout=subprocess.DEVNULL)
    while not marker.exists():
        assert process.poll() is None
        time.sleep(0.05)

    process.kill()
    process.wait()

    (run,) = nbprod("runs", "--json").json
    assert run["status"] == "lost"


def test_two_runs_of_the_same_pipeline_at_once_are_both_right(nbprod):
    nbprod.notebook(*CHAIN)
    command = [sys.executable, "-m", "nbprod", "run", "a.ipynb", "--json"]

    both = [subprocess.Popen([*command, "-p", f"n={n}"], stdout=subprocess.PIPE, text=True) for n in (3, 3, 5)]
    ends = [json.loads(process.communicate(timeout=120)[0].splitlines()[-1]) for process in both]

    assert [end["status"] for end in ends] == ["done"] * 3
    assert [end["metrics"]["total"] for end in ends] == [4.5, 4.5, 15.0]


def test_the_authors_notebook_is_never_written(nbprod):
    path = nbprod.notebook(*CHAIN)
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    nbprod("run", "a.ipynb")
    nbprod("show", "--report")

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {file.name for file in nbprod.path.iterdir()} == {"a.ipynb", "pipelines.yaml", ".nbprod"}


def test_values_are_taken_as_json_with_their_types(nbprod) -> None:
    nbprod.notebook(("parameters", "name = 'a'\nsizes = [1]\nflag = True"), ("task:show", "print(name, sizes, flag)"))
    values = '{"name": "\'None\'", "sizes": [1, [2]], "flag": false}'
    result = nbprod("run", "a.ipynb", "--values", values, "--json")

    assert result.code == 0
    started = next(event for event in result.events if event["event"] == "run-started")
    assert started["parameters"] == {"name": "'None'", "sizes": [1, [2]], "flag": False}


@pytest.mark.parametrize(
    ("values", "said"), [("[1]", "no JSON object"), ("{", "no JSON"), ('{"n": 1}', "no parameter")]
)
def test_values_that_are_wrong_are_refused(nbprod, values: str, said: str) -> None:
    nbprod.notebook(("parameters", "name = 'a'"), ("task:show", "print(name)"))
    result = nbprod("run", "a.ipynb", "--values", values)

    assert result.code in (1, 2)
    assert said in result.err
