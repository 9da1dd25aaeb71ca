"""Ploomber and BentoML report nothing to anybody.

Every Python process of a test loads a hook that writes down, and refuses, each attempt to reach another machine. Some
processes of ours drop PYTHONPATH, and with it the hook; for those, whatever speaks HTTP is sent through a proxy that
writes down what it is asked for and answers nothing.
"""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
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


class Proxy(socketserver.ThreadingTCPServer):
    """Remembers the first line of every request."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), self.Handler)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.server.asked.append(self.rfile.readline().decode(errors="replace").strip())


class Watched:
    """Runs Python with the hook in it and in all that it starts."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        self.folder = folder
        self.proxy = proxy
        self.log = folder / "connections"
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(HOOK)
        self.env = {key: value for key, value in os.environ.items() if key not in telemetry.environment()}
        self.env |= {"PYTHONPATH": str(folder / "hook"), "HOOK_LOG": str(self.log), "HOME": str(folder)}
        address = f"http://127.0.0.1:{proxy.server_address[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            self.env |= {name: address, name.lower(): address}
        self.env |= {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}

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
        return "\n".join([self.log.read_text() if self.log.exists() else "", *self.proxy.asked]).strip()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with Proxy() as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield Watched(tmp_path, proxy)
        proxy.shutdown()
        thread.join()


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


@pytest.mark.parametrize("without", ["HOOK_LOG PYTHONPATH", "HTTP_PROXY HTTPS_PROXY ALL_PROXY"])
def test_both_traps_see_what_bentoml_reports_when_it_is_left_alone(watched, without):
    """Else the tests below would show nothing."""
    watched.env["BENTOML_HOME"] = str(watched.folder / "home")
    for name in without.split():
        watched.env.pop(name)
        watched.env.pop(name.lower(), None)

    watched.python("-c", BENTO.format(prepare=""))

    assert "t.bentoml.com" in watched.connections


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


CELLS = [
    ("task:train", "weight = 2.0"),
    ("task:evaluate metrics", "score = weight / 4"),
    ("serve", "def double(x: float) -> float:\n    return weight * x\n\n\ndouble(3.0)"),
]


def test_from_run_to_service_no_process_of_nbprods_reaches_another_machine(watched):
    """Kernels, Ploomber, the building of the Bento, its parity check and the service itself included."""
    cells = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {"tags": tags.split()},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for n, (tags, source) in enumerate(CELLS)
    ]
    node = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (watched.folder / "a.ipynb").write_text(json.dumps(node))
    try:
        watched.python("-m", "nbprod", "run", "a.ipynb")
        watched.python("-m", "nbprod", "promote", "a.ipynb")
        watched.python("-m", "nbprod", "serve", "a.ipynb")
        answer = watched.python("-m", "nbprod", "predict", "a.ipynb", "--sample")
    finally:
        watched.python("-m", "nbprod", "serve", "a.ipynb", "--stop")

    assert answer.strip() == "6.0"
    assert watched.connections == ""


def test_the_exact_values_that_count_are_set(monkeypatch):
    """BentoML takes `True` for an answer and nothing else."""
    monkeypatch.delenv("BENTOML_DO_NOT_TRACK", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))

    telemetry.turn_off()

    assert os.environ["BENTOML_DO_NOT_TRACK"] == "True"
    assert os.environ["PLOOMBER_STATS_ENABLED"] == "false"
    assert os.environ["PLOOMBER_VERSION_CHECK_DISABLED"] == "1"
    assert not os.environ["PLOOMBER_HOME_DIR"].startswith(str(Path.home() / ".ploomber"))
