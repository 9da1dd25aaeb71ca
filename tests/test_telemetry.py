"""Ploomber and BentoML report nothing to anybody.

Every Python process of a test loads a hook that writes down, and refuses, each attempt to reach another machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nbprod import telemetry

HOOK = """
import os, sys

LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None, b"localhost", b"127.0.0.1"}

def hook(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if not isinstance(address, tuple):
            return  # a Unix socket
        host = address[0]
    else:
        return
    if host not in LOCAL and not str(host).startswith("127."):
        with open(os.environ["HOOK_LOG"], "a") as log:
            log.write(f"{sys.argv} {event} {arguments[0] if event == 'socket.getaddrinfo' else address}\\n")
        raise OSError("this test reaches no other machine")

sys.addaudithook(hook)
"""


class Watched:
    """Runs Python with the hook in it and in all that it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "connections"
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(HOOK)
        self.env = {key: value for key, value in os.environ.items() if key not in telemetry.environment()}
        self.env |= {"PYTHONPATH": str(folder / "hook"), "HOOK_LOG": str(self.log), "HOME": str(folder)}

    def python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def connections(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


BENTO = textwrap.dedent(
    """
    import pathlib, sys, os
    {prepare}
    folder = pathlib.Path("bento"); folder.mkdir()
    (folder / "service.py").write_text('''
    import bentoml

    @bentoml.service
    class Echo:
        @bentoml.api
        def say(self, text: str) -> str:
            return text
    ''')
    import bentoml
    with bentoml.models.create("echo") as model:
        pathlib.Path(model.path, "weights").write_text("1")
    bentoml.build("service:Echo", build_ctx=str(folder), python={{"lock_packages": False}})
    """
)


def test_the_hook_sees_what_bentoml_reports_when_it_is_left_alone(watched):
    """Else the tests below would show nothing."""
    watched.env["BENTOML_HOME"] = str(watched.folder / "home")

    watched.python("-c", BENTO.format(prepare=""))

    assert "bentoml" in watched.connections


def test_bentoml_reports_nothing_once_it_is_turned_off(watched):
    watched.env["BENTOML_HOME"] = str(watched.folder / "home")

    watched.python("-c", BENTO.format(prepare="from nbprod import telemetry; telemetry.turn_off()"))

    assert watched.connections == ""


def test_ploomber_reports_nothing_and_leaves_no_user_id(watched):
    code = """
        from nbprod import telemetry
        telemetry.turn_off()
        from pathlib import Path
        from ploomber import DAG
        from ploomber.products import File
        from ploomber.tasks import PythonCallable
        from ploomber.executors import Serial
        def touch(product): Path(product).touch()
        dag = DAG(executor=Serial(build_in_subprocess=False))
        PythonCallable(touch, File("out"), dag)
        dag.build()
        assert Path("out").exists()
    """
    Path(watched.folder / "build.py").write_text(textwrap.dedent(code))

    watched.python("build.py")

    assert watched.connections == ""
    assert not (watched.folder / ".ploomber").exists()


def test_the_exact_values_that_count_are_set(monkeypatch):
    """BentoML takes `True` for an answer and nothing else."""
    monkeypatch.delenv("BENTOML_DO_NOT_TRACK", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))

    telemetry.turn_off()

    assert os.environ["BENTOML_DO_NOT_TRACK"] == "True"
    assert os.environ["PLOOMBER_STATS_ENABLED"] == "false"
    assert os.environ["PLOOMBER_VERSION_CHECK_DISABLED"] == "1"
    assert not os.environ["PLOOMBER_HOME_DIR"].startswith(str(Path.home() / ".ploomber"))
