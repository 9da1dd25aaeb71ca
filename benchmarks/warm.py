"""nbprod as the panel has it work: a process forked from the project's worker, which was made ready when the notebook was opened."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from nbprod.worker.client import Process, Worker


def by_worker(folder: Path, notebook: str, arguments: list[str], *, whole: bool = False) -> float:
    """Start a worker for `folder`, make it ready for a notebook, and return the seconds that `nbprod ARGUMENTS` takes by it.

    That is from the request to its end; `whole`: of the command in a terminal, which finds the worker.
    """
    (folder / "pipelines.yaml").write_text(f"pipelines:\n  bench: {{notebook: {notebook}}}\n")
    with (
        closing(Worker(folder)) as worker,
        (folder / "command.log").open("w") as log,
        open("/dev/null", "rb") as nothing,
    ):
        streams = nothing.fileno(), log.fileno(), log.fileno()
        worker.start()
        _end(worker.do("nbprod.worker.ahead", [str(folder / notebook)], streams))
        time.sleep(0.5)
        started = time.perf_counter()
        if whole:
            subprocess.run([sys.executable, "-m", "nbprod", *arguments], cwd=folder, stdout=log, stderr=log, check=True)
        else:
            _end(worker.do("nbprod", arguments, streams))
        seconds = time.perf_counter() - started
    said = (folder / "command.log").read_text()
    if "error" in said:
        raise RuntimeError(said[-3000:])
    return seconds


def _end(process: Process) -> None:
    handle = os.pidfd_open(
        process.pid
    )  # asked every few milliseconds, this process would take a tenth of the processors
    try:
        select.select([handle], [], [])
    finally:
        os.close(handle)
