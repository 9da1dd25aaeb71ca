"""`papermill --engine nbprod`, and Papermill's functions in a loop, without any project of nbprod's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernels are forked on Linux only")

LOOP = """
import json, os, sys
import papermill
for number in range(3):
    nb = papermill.execute_notebook("in.ipynb", f"out-{number}.ipynb", {"n": number}, engine_name="nbprod", progress_bar=False)
    print(json.dumps([os.getpid(), *json.loads(nb.cells[-1].outputs[0].text)]))
pid = os.fork()
if pid == 0:
    papermill.execute_notebook("in.ipynb", "out-child.ipynb", engine_name="nbprod", progress_bar=False)
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
nb = papermill.execute_notebook("in.ipynb", "out-3.ipynb", engine_name="nbprod", progress_bar=False)
print(json.dumps([os.getpid(), *json.loads(nb.cells[-1].outputs[0].text)]))
"""


def write(folder: Path, *sources: str, language: str = "python") -> None:
    cells = [new_code_cell("n = 0", metadata={"tags": ["parameters"]}), *map(new_code_cell, sources)]
    spec = {"name": "python3", "display_name": "Python 3", "language": language}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), folder / "in.ipynb")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "NBPROD_KERNELS"}


def test_from_the_second_notebook_of_a_process_on_kernels_are_forked(tmp_path: Path) -> None:
    write(tmp_path, "import json, os, decimal\nprint(json.dumps([os.getppid(), n, os.getpid()]))")

    done = subprocess.run(
        [sys.executable, "-c", LOOP], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    first, second, third, last = map(json.loads, done.stdout.splitlines())
    assert [run[2] for run in (first, second, third)] == [0, 1, 2]
    assert first[1] == first[0]  # its parent is the process that asked for it
    assert second[1] == third[1] == last[1] != first[0]
    assert len({run[3] for run in (first, second, third)}) == 3
    assert not Path(f"/proc/{second[1]}").exists()  # what they were forked from ended with the process
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".ipynb"] * 6


def test_the_papermill_command_runs_a_notebook_without_a_project(tmp_path: Path) -> None:
    write(tmp_path, "m = n * 2\nprint(m)")

    papermill(tmp_path, "-p", "n", "21")

    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert nb.cells[-1].outputs[0].text == "42\n"
    assert nb.metadata.papermill.exception is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.ipynb", "out.ipynb"]


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("1 / 0", [], "ZeroDivisionError"),
        ("import os\nos._exit(3)", [], "the kernel died with exit code 3"),
        ("import time\ntime.sleep(60)", ["--execution-timeout", "1"], "Cell execution timed out"),
    ],
)
def test_the_papermill_command_says_what_failed(tmp_path: Path, source: str, options: list[str], says: str) -> None:
    write(tmp_path, "before = 1", source, "after = 2")

    done = papermill(tmp_path, *options, good=False)

    assert says in done.stderr
    nb = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    states = [cell.metadata.papermill.status for cell in nb.cells if "before" in cell.source or "after" in cell.source]
    assert states == ["completed", "pending"]


def papermill(folder: Path, *options: str, good: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", "--engine", "nbprod", *options, "in.ipynb", "out.ipynb"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == good, done.stderr
    return done
