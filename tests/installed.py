"""What `make soak` tries beside random notebooks: the wheel in an empty environment, with the newest JupyterLab and the oldest one.

`pytest tests/installed.py`; it is no part of `make test`, since it fills two environments from the package index (about a minute each).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import browser  # noqa: F401  (a fixture)
from tests.browser.lab import Lab, Person, write
from tests.browser.test_panel import TAGGED
from tests.browser.test_panel import test_from_an_untagged_notebook_to_a_running_service as go_the_whole_way

ROOT = Path(__file__).parents[1]
OLDEST = "4.2"
VERSIONS = [("newest", ()), (OLDEST, (f"jupyterlab=={OLDEST}.*",))]


def call(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command with none of this environment's variables, and return all that it says."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "UV_INDEX_URL") if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call(Path(sys.executable).with_name("uv"), "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    return next(folder.glob("nbprod-*.whl"))


@pytest.fixture(scope="module", params=VERSIONS, ids=[name for name, _ in VERSIONS])
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The commands of an environment in which nothing but the wheel was asked for, and perhaps an old JupyterLab."""
    uv, venv = Path(sys.executable).with_name("uv"), tmp_path_factory.mktemp("venv") / "v"
    call(uv, "venv", "--quiet", "--python", sys.executable, venv)
    call(
        uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", venv / "bin/python", wheel, *request.param[1]
    )
    return venv / "bin"


def test_jupyter_finds_the_panel_and_the_servers_side(bin_folder: Path, request: pytest.FixtureRequest) -> None:
    panel = call(bin_folder / "jupyter", "labextension", "list")
    assert re.search(r"nbprod v\S+ enabled +OK", panel), panel
    server = call(bin_folder / "jupyter", "server", "extension", "list")
    assert re.search(r"nbprod enabled\s+- Validating nbprod...\s+nbprod \S+ +OK", server), server


def test_the_command_line_runs_a_pipeline(bin_folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", *TAGGED)

    assert "promote" in call(bin_folder / "nbprod", "--help")
    assert "done in" in call(bin_folder / "nbprod", "run", path, cwd=tmp_path)
    assert "cached" in call(bin_folder / "nbprod", "run", path, cwd=tmp_path)


@pytest.fixture(scope="module")
def installed_lab(bin_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    lab = Lab(home / "work", home, python=str(bin_folder / "python"))
    yield lab
    lab.stop()


def test_the_panel_goes_the_whole_way(installed_lab: Lab, browser: Browser, request: pytest.FixtureRequest) -> None:  # noqa: F811
    """From an untagged notebook to a running service, in that JupyterLab."""
    people: list[Person] = []

    def person(path: Path) -> Person:
        people.append(Person(browser, installed_lab, str(path.relative_to(installed_lab.root))))
        return people[-1]

    go_the_whole_way(installed_lab, person)

    version = people[0].page.evaluate("window.jupyterapp.version")
    if OLDEST in request.node.name:
        assert version.startswith(f"{OLDEST}."), version
    people[0].close()
