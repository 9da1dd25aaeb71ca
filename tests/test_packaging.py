"""What is installed, and what installing it does to a user's Jupyter."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import nbprod

ROOT = Path(__file__).parents[1]
# conda-forge splits these: the package without the parts that need a display or pandoc
CONDA_NAMES = {"matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core"}


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(text: str) -> tuple[str, frozenset[str]]:
    requirement = Requirement(text)
    return requirement.name.lower().replace("_", "-"), frozenset(map(str, requirement.specifier))


def test_environment_yml_asks_for_what_pyproject_asks_for():
    """The same packages with the same bounds, and Python too."""
    project = pyproject()["project"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(item["pip"] for item in conda if isinstance(item, dict))

    wanted = {normal(text) for text in project["dependencies"]}
    wanted = {(CONDA_NAMES.get(name, name), bounds) for name, bounds in wanted} | {
        ("python", normal(f"python{project['requires-python']}")[1])
    }
    found = {normal(item.replace(" ", "")) for item in conda if isinstance(item, str) and item != "pip"}
    found |= {normal(item) for item in pip if item != "-e ."}

    assert found == wanted
    assert "-e ." in pip


def test_the_version_is_the_packages():
    assert importlib.metadata.version("nbprod") == nbprod.__version__


def test_papermill_finds_the_engine_and_the_shell_the_command():
    points = importlib.metadata.distribution("nbprod").entry_points

    assert {(point.group, point.name, point.value) for point in points} == {
        ("console_scripts", "nbprod", "nbprod.cli:main"),
        ("papermill.engine", "nbprod", "nbprod.execution.engine:NbprodEngine"),
        ("jupyter_client.kernel_provisioners", "nbprod-fork", "nbprod.execution.provisioner:ForkProvisioner"),
    }


def test_every_make_target_of_the_pages_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = set()
    for page in ("README.md", "CONTRIBUTING.md", ".ci/run"):
        said |= set(re.findall(r"\bmake ([a-z]+)\b(?=[`\n ;,])", (ROOT / page).read_text()))

    assert {"demo", "test", "check", "bench", "lab", "soak"} <= targets
    assert said & {"demo", "test", "check"}
    assert {word for word in said if word in {"demo", "test", "check", "bench", "lab", "soak", "format"}} <= targets


def test_what_runs_in_a_users_kernel_imports_the_standard_library_only():
    """Whatever the kernel's environment has; its own modules it imports relatively.

    What runs before there is a kernel, to fork some, needs what makes one, too.
    """
    foreign = set()
    forking = {"ipykernel", "IPython", "becoming", "begun", "forksafe", "trial"}
    for path in (ROOT / "nbprod" / "runtime").glob("*.py"):
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.split(".")[0])
        foreign |= found - (forking if path.stem in {*forking, "forkserver"} else set())

    assert foreign <= sys.stdlib_module_names


def test_types_are_shipped():
    assert (ROOT / "nbprod" / "py.typed").exists()


@pytest.fixture
def jupyterlab(tmp_path: Path):
    """A JupyterLab of this environment, with no configuration of the user's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "work").mkdir()
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    log = (tmp_path / "log").open("wb")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--port-retries=0"]
    server = subprocess.Popen(
        [*command, "--IdentityProvider.token=t"], cwd=tmp_path / "work", env=environment, stdout=log, stderr=log
    )

    def get(path: str) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": "token t"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    try:
        deadline = time.monotonic() + 60
        while True:
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            try:
                get("/api")
                break
            except OSError:
                time.sleep(0.2)
        yield get
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def test_jupyterlab_works_although_ploomber_is_installed(jupyterlab):
    """Ploomber's server extension answers 500 to every request for a file; ours switches it off."""
    assert importlib.metadata.version("ploomber")

    status, body = jupyterlab("/api/contents")

    assert status == 200, body
    assert json.loads(body)["type"] == "directory"


def test_no_button_uploads_notebooks_to_ploombers_cloud(jupyterlab):
    _, page = jupyterlab("/lab")

    config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])

    assert "ploomber-extension" in config["disabledExtensions"]


def test_the_servers_side_of_the_panel_is_on_where_nbprod_is_installed(jupyterlab):
    assert jupyterlab("/nbprod/api/jobs") == (200, "[]")
