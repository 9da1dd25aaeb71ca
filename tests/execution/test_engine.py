"""The engine says what happened, saves whole files and leaves no kernel behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbprod.errors import Cancelled
from nbprod.execution import kernels
from nbprod.execution.cancel import Cancel
from nbprod.execution.engine import execute
from nbprod.execution.failure import Failure


class Recorder:
    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.text = ""
        self.started: list[int] = []

    def opened(self, nb: Any) -> None:
        pass

    def cell_started(self, index: int, cell: Any) -> None:
        self.started.append(index)

    def cell_finished(self, index: int, cell: Any) -> None:
        pass

    def printed(self, index: int, stream: str, text: str) -> None:
        self.text += text

    def failed(self, failure: Failure) -> None:
        self.failure = failure


def notebook(*cells: Any) -> Any:
    made = [cell if not isinstance(cell, str) else new_code_cell(cell) for cell in cells]
    return new_notebook(cells=made, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def run(
    folder: Path, *cells: Any, parameters: Any = None, nb: Any = None, **options: Any
) -> tuple[bool, Recorder, Any]:
    seen = Recorder()
    out = folder / "out.ipynb"
    good = execute(
        nb or notebook(*cells),
        out,
        kernel="python3",
        folder=folder,
        parameters=parameters or {},
        watcher=seen,
        **options,
    )
    return good, seen, nbformat.read(out, as_version=4)


def states(nb: Any) -> list[str]:
    return [cell.metadata.papermill.status for cell in nb.cells]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os._exit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "most likely for memory"),
        ("import ctypes; ctypes.string_at(0)", "crashed in native code (SIGSEGV)"),
    ],
)
def test_a_dead_kernel_is_told_with_its_end_and_cells_that_never_ran_stay_pending(
    tmp_path: Path, code: str, says: str
) -> None:
    good, seen, nb = run(tmp_path, "1", code, "2")

    assert not good
    assert seen.failure is not None
    assert (seen.failure.kind, seen.failure.index) == ("dead", 1)
    assert says in seen.failure.message
    assert states(nb) == ["completed", "failed", "pending"]
    assert nb.metadata.papermill.exception is True


def test_a_cell_over_its_limit_is_interrupted_and_its_line_is_known(tmp_path: Path) -> None:
    begun = time.monotonic()
    good, seen, _ = run(tmp_path, "import time\nprint('begun', flush=True)\ntime.sleep(60)", cell_timeout=1)

    assert not good
    assert seen.failure is not None
    assert (seen.failure.kind, seen.failure.line) == ("timeout", 3)
    assert seen.failure.message == "the cell took longer than its limit of 1 s"
    assert seen.text == "begun\n"
    assert time.monotonic() - begun < 15


def test_the_limit_of_a_task_counts_all_its_cells(tmp_path: Path) -> None:
    good, seen, _ = run(tmp_path, "import time; time.sleep(0.6)", "time.sleep(60)", task_timeout=8)

    assert not good
    assert seen.failure is not None
    assert (seen.failure.index, seen.failure.message) == (1, "the task took longer than its limit of 8 s")


def test_sys_exit_is_a_failure_of_its_own_kind(tmp_path: Path) -> None:
    good, seen, nb = run(tmp_path, "import sys; sys.exit(0)", "1")

    assert not good
    assert seen.failure is not None
    assert seen.failure.kind == "exit"
    assert states(nb) == ["failed", "pending"]


def test_a_cell_that_may_raise_does_not_end_the_notebook(tmp_path: Path) -> None:
    good, seen, nb = run(tmp_path, new_code_cell("1/0", metadata={"tags": ["raises-exception"]}), "print('on')")

    assert good
    assert seen.text == "on\n"
    assert states(nb) == ["completed", "completed"]


def test_our_cells_leave_no_trace_in_history_and_counts(tmp_path: Path) -> None:
    ours = {"nbprod": {"role": "load"}}
    code = "list(Out), [line for line in In if line], sorted(n for n in dir() if not n.startswith('_'))"
    good, _, nb = run(
        tmp_path, new_code_cell("x = 1\n2", metadata=ours), "3", new_code_cell("4", metadata=ours), f"(_, ({code}))"
    )

    assert good
    assert [cell.execution_count for cell in nb.cells] == [None, 1, None, 2]
    assert nb.cells[0].outputs == []
    kept, (outs, ins, names) = eval(nb.cells[3].outputs[0].data["text/plain"])
    assert kept == 3
    assert outs == [1]
    assert ins[0] == "3"
    assert names == ["In", "Out", "exit", "get_ipython", "open", "quit", "x"]


def test_parameters_are_injected_as_they_are_and_do_not_count(tmp_path: Path) -> None:
    nb = notebook(new_code_cell("a = b = None", metadata={"tags": ["parameters"]}), "print(repr((a, b)))")
    nb.metadata["nbprod"] = {"task": "t"}

    good, seen, done = run(tmp_path, nb=nb, parameters={"a": (1, {2}), "b": {3: "é"}})

    assert good
    assert seen.text == "((1, {2}), {3: 'é'})\n"
    assert [cell.execution_count for cell in done.cells] == [1, None, 2]


def test_the_kernel_works_in_the_folder_and_ours_does_not_change(tmp_path: Path) -> None:
    before = os.getcwd()
    _, seen, _ = run(tmp_path, "import os; print(os.getcwd())")

    assert seen.text.strip() == str(tmp_path)
    assert os.getcwd() == before


def test_a_cancel_ends_the_kernel_and_what_it_started(tmp_path: Path) -> None:
    cancel = Cancel()
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, pathlib, time\nchild = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}')\ntime.sleep(60)"
    )

    def stop() -> None:
        while not pids.exists() or not pids.read_text():
            time.sleep(0.02)
        cancel.set()

    threading.Thread(target=stop).start()
    with pytest.raises(Cancelled):
        run(tmp_path, code, cancel=cancel)

    assert [alive(int(pid)) for pid in pids.read_text().split()] == [False, False]
    assert (tmp_path / "out.ipynb").exists()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_kernel_that_has_ended_its_work_is_gone_soon(tmp_path: Path) -> None:
    _, seen, _ = run(tmp_path, "import os; print(os.getpid())")
    kernels.settle()

    assert not alive(int(seen.text))


def test_it_works_inside_a_running_loop(tmp_path: Path) -> None:
    import asyncio

    async def main() -> bool:
        return run(tmp_path, "1")[0]

    assert asyncio.run(main())


def test_papermill_runs_it_by_name(tmp_path: Path) -> None:
    (tmp_path / "in.ipynb").write_text(nbformat.writes(notebook("print('from papermill')", "1/0")))

    done = subprocess.run(
        [sys.executable, "-m", "papermill", "--engine", "nbprod", "in.ipynb", "out.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "over TCP without encryption" not in done.stderr
    nb = json.loads((tmp_path / "out.ipynb").read_text())
    assert any("from papermill" in str(cell.get("outputs")) for cell in nb["cells"])
