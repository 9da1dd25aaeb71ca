"""The watcher without a service: state, locks, bad input, and what it does step by step."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from nbprod.cli.app import main
from nbprod.errors import ConflictError, NbprodError
from nbprod.monitoring.notify import notify
from nbprod.monitoring.state import FILE, Phase, State, alone
from nbprod.monitoring.watch import Watch

from .conftest import table


@pytest.fixture
def watch(scene):
    def make(config="", stop=None):
        (scene.root / "pipelines.yaml").write_text(f"pipelines:\n  wine:\n    notebook: wine.ipynb\n{config}")
        events = []
        from nbprod.project import Project

        project = Project(scene.root)
        made = Watch(project, project.pipeline("wine"), "wine", events.append, stop)
        made.events = events
        return made

    return make


def kinds(watch):
    return [event["event"] for event in watch.events]


def test_nothing_to_do_is_nothing_done(scene, watch):
    scene.promote()
    one = watch()

    assert not one.step()
    assert one.events == []
    assert State.read(one.home).phase is Phase.IDLE


def test_drift_is_told_once_and_shown_as_gauges(scene, watch):
    scene.promote()
    scene.ask(table(1000, shift=0.6))
    one = watch("    watch: {drift: false}\n    monitor: {every: 1}\n")

    one.step()
    time.sleep(1.1)
    scene.ask(table(10, shift=0.6))
    one.step()
    time.sleep(1.1)
    scene.ask(table(10, shift=0.6))
    other = watch("    watch: {drift: false}\n    monitor: {every: 1}\n")  # another process
    other.step()

    assert other.events == []
    assert [(event["event"], event["columns"]) for event in one.events] == [("drift", ["size", "predict.kind"])]
    assert json.loads((one.home / "drift.json").read_text())["alarm"]


def test_a_run_that_fails_is_told_and_the_cool_down_begins(scene, watch):
    scene.promote()
    scene.ask(table(1000, shift=0.6))
    (scene.root / "wine.ipynb").write_text("no notebook")
    one = watch("    watch: {parameters: config}\n")

    one.once()

    assert kinds(one) == ["drift", "trigger", "run", "failed"]
    assert one.state.phase is Phase.IDLE
    assert "wine.ipynb" in one.events[-1]["why"]
    assert not one.step()
    assert kinds(one)[-1] == "failed"


def test_what_was_cut_off_is_taken_up_again_but_not_for_ever(scene, watch):
    scene.promote()
    State(phase=Phase.TRAINING, reason={"kind": "drift", "detail": "x", "resumed": 3}).write(scene.log.parent)
    one = watch()

    one.step()

    assert "was cut off 3 times" in one.events[0]["why"]
    assert one.state.phase is Phase.IDLE


def test_a_clock_that_was_set_back_does_not_stop_the_watcher_for_ever(scene, watch):
    scene.promote()
    scene.ask(table(1000, shift=0.6))
    State(looked=9e9, attempted=9e9, started=9e9).write(scene.log.parent)
    one = watch("    watch: {cooldown: 0, parameters: config}\n")

    one.step()

    assert kinds(one)[:2] == ["drift", "trigger"]


def test_a_log_that_cannot_be_read_is_told_once_and_the_watcher_goes_on(scene, watch):
    scene.promote()
    (scene.log / "predictions-1.jsonl").mkdir()
    one = watch("    monitor: {every: 1}\n")

    assert not one.step()
    assert not one.step()

    assert kinds(one) == ["failed"]
    assert "cannot be read" in one.events[0]["why"]


def test_a_state_that_was_damaged_is_told(scene, watch):
    scene.promote()
    (scene.log.parent / FILE).write_text('{"phase": "nonsense"}')

    with pytest.raises(NbprodError, match=r"what the watcher kept cannot be read.*\n.*begin anew"):
        watch()


def test_a_state_comes_back_as_it_was(tmp_path):
    state = State(phase=Phase.GUARD, challenger=3, places={"a": 1}, data={"x": None})
    state.write(tmp_path)

    assert State.read(tmp_path) == state


def test_there_is_one_watcher(tmp_path):
    with (
        alone(tmp_path, "wine"),
        pytest.raises(ConflictError, match=f"watched already, by process {os.getpid()}"),
        alone(tmp_path, "wine"),
    ):
        pass
    with alone(tmp_path, "wine"):
        pass


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("cron: '61 * * * *'", "pipelines.yaml:4: 'watch' in pipelines.wine: cron: '61 * * * *' is no line of cron"),
        ("collect: data.xlsx", "should end in .csv or .parquet"),
        ("labels: 100\n      keep: 10", "keep (10) must not be below labels (100)"),
        ("drfit: true", "Did you mean 'drift'?"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_line(scene, monkeypatch, capsys, config, said):
    monkeypatch.chdir(scene.root)
    (scene.root / "pipelines.yaml").write_text(
        f"pipelines:\n  wine:\n    notebook: wine.ipynb\n    watch:\n      {config}\n"
    )

    assert main(["watch", "wine"]) == 1
    assert said in capsys.readouterr().err


def test_a_model_that_was_never_promoted_is_told(scene, monkeypatch, capsys):
    monkeypatch.chdir(scene.root)

    assert main(["watch", "--once"]) == 1
    assert "nothing has been promoted" in capsys.readouterr().err


def test_sigterm_ends_it_and_says_so(scene):
    scene.promote()
    command = [sys.executable, "-m", "nbprod", "watch", "wine", "--json"]
    process = subprocess.Popen(command, cwd=scene.root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert (first["event"], json.loads(rest)["event"], process.returncode) == ("watching", "stopped", 0)


def test_a_command_is_told_on_its_standard_input(tmp_path):
    script = tmp_path / "told.sh"
    script.write_text('cat > "$1"; echo " $NBPROD_EVENT" >> "$1"')

    assert notify(f"sh {script} {tmp_path}/out", {"event": "swapped", "version": 2}) is None
    assert (tmp_path / "out").read_text() == '{"event": "swapped", "version": 2} swapped\n'


def test_an_address_is_told_and_its_secrets_are_not_repeated():
    told = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204 if len(told) == 1 else 500)
            self.end_headers()

        def log_message(self, *args):
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/hook/SECRET"
        assert notify(address, {"event": "kept"}) is None
        problem = notify(address, {"event": "kept"})
        thread.join()

    assert told[0] == {"event": "kept"}
    assert problem is not None
    assert "500" in problem
    assert "SECRET" not in problem


@pytest.mark.parametrize("target", ["false", "/no/such/program", "sh -c 'echo no >&2; exit 3'", "'unbalanced"])
def test_what_cannot_be_told_is_a_line_and_no_error(target):
    assert notify(target, {"event": "x"})
