"""What a worker keeps for kernels: copies of it belong to their jobs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.execution.forked import runs
from nbprod.runtime import forksafe
from nbprod.worker.templates import Template

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernels are forked on Linux only")
CHANGED = 78


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Template]:
    (tmp_path / "dependency.py").write_text("version = 1")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    found = Template([sys.executable], env, ["dependency"], {"dependency": ""}, may_draw=False)
    deadline = time.monotonic() + 30
    found.socket.setblocking(True)
    found.socket.settimeout(30)
    while not found.ready:
        assert found.hear() is not None
        assert time.monotonic() < deadline
    yield found
    found.close()


def ready(line: socket.socket) -> dict[str, object]:
    line.settimeout(10)
    answer: dict[str, object] = json.loads(line.recv(1 << 18))
    return answer


def test_a_copy_has_what_was_imported_and_an_owner_of_its_own(template: Template) -> None:
    with template.copy(1) as one, template.copy(2) as other:
        first, second = ready(one), ready(other)

        assert first["loaded"] == second["loaded"] == ["dependency"]
        assert "dependency" in str(first["top"])
        assert first["ready"] != second["ready"]


def test_a_copy_outlives_its_template_and_ends_with_its_owner(template: Template) -> None:
    with template.copy(1) as line:
        pid = int(str(ready(line)["ready"]))
        template.close()
        time.sleep(0.2)
        assert runs(pid)
    deadline = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_when_a_package_is_upgraded_under_it_no_copy_comes_of_it_any_more(template: Template, tmp_path: Path) -> None:
    with template.copy(1) as line:
        ready(line)
    (tmp_path / "dependency.py").write_text("version = 22")

    with template.copy(2) as line:
        line.settimeout(10)
        assert line.recv(100) == b""
    assert template.process.wait(10) == CHANGED


def test_when_a_package_is_installed_the_stamp_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = forksafe.stamp()
    assert forksafe.changed(before) == ""
    time.sleep(0.02)
    (tmp_path / "new-1.0.dist-info").mkdir()

    assert forksafe.changed(before) == str(tmp_path)
    assert forksafe.changed({str(tmp_path / "gone.py"): (1, 1)}) == str(tmp_path / "gone.py")


def test_it_is_not_in_the_way_of_a_terminal(template: Template) -> None:
    """It has a session of its own, so that Ctrl-C for somebody else does not reach it."""
    with pytest.raises(subprocess.TimeoutExpired):
        template.process.wait(0.01)
    assert os.getsid(template.process.pid) == template.process.pid
