"""Which kernels there are, what is known of them, and how they are said to have ended."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from nbprod.errors import NotebookError
from nbprod.execution import kernels


def install(folder: Path, name: str, *argv: str) -> None:
    spec = folder / "kernels" / name
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": [*argv, "-f", "{connection_file}"], "display_name": name}))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return tmp_path


def test_a_kernel_of_another_interpreter_is_asked_for_its_version_and_path(installed: Path) -> None:
    other = installed / "other-python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    other.chmod(0o755)
    install(installed, "other", str(other), "-m", "ipykernel_launcher")

    found = kernels.find_kernel("other")

    assert found.version == sys.version
    assert not any(path.endswith("site-packages") for path in found.path)


def test_a_bare_python_is_ours(installed: Path) -> None:
    install(installed, "bare", "python", "-m", "ipykernel_launcher")

    assert kernels.find_kernel("bare").executable == sys.executable


def test_an_unknown_kernel_is_told_with_those_there_are(installed: Path) -> None:
    install(installed, "mine", "python", "-m", "ipykernel_launcher")

    with pytest.raises(NotebookError, match=r"nb\.ipynb: the kernel 'gone' is not installed\n.*mine.*python3"):
        kernels.find_kernel("gone", "nb.ipynb")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (None, "the kernel died"),
        (3, "the kernel died with exit code 3"),
        (-9, "the kernel was killed (SIGKILL), most likely for memory"),
        (-11, "the kernel crashed in native code (SIGSEGV)"),
        (-15, "the kernel was killed (SIGTERM)"),
    ],
)
def test_an_end_is_said_in_words(code: int | None, says: str) -> None:
    assert kernels.end_of(code) == says


def test_what_is_set_for_ploomber_does_not_reach_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbprod import telemetry

    for name, value in telemetry.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MINE", "1")

    env = kernels.environment()

    assert env["MINE"] == "1"
    assert not [name for name in env if name.startswith("PLOOMBER_")]
    assert env["PATH"] == os.environ["PATH"]
