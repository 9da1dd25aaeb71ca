"""`python -P -m nbprod.worker ROOT` is the worker of the project at ROOT; it ends by itself."""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import signal
import sys
from pathlib import Path

from nbprod.execution import libraries
from nbprod.runtime import forksafe
from nbprod.worker.address import address
from nbprod.worker.job import Job, Surroundings
from nbprod.worker.loop import Loop, say

_AHEAD = (
    *("asyncio", "encodings.unicode_escape", "encodings.utf_8_sig", "json", "runpy", "sqlite3", "uuid"),
    *("nbprod.cli.app", "nbprod.cli.run", "nbprod.cli.progress", "nbprod.cli.sweep"),
    *("nbprod.execution.run", "nbprod.execution.starting", "nbprod.execution.manager", "nbprod.execution.report"),
    *("nbprod.project", "nbprod.server.folder", "nbprod.sweep.runner", "nbprod.sweep.search", "optuna"),
)


def main(root: Path) -> int:
    """Serve. The exit code is 0 also where another worker serves already, 1 where none can."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    job = _serve(root)
    if job is not None:
        job.run()
    return 0


def _serve(root: Path) -> Job | None:
    surroundings = Surroundings(dict(os.environ))
    where = address(root)
    lock = os.open(where.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    import_ahead()
    reason = forksafe.forked() or forksafe.threads()
    if reason:
        say(f"there can be no worker: {reason}")
        sys.exit(1)
    gc.collect()
    gc.freeze()
    return Loop(where, lock, surroundings).serve()


def import_ahead() -> None:
    """Import what a run imports, without a thread that stays."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as the command line has it
    libraries.alone = True
    for name in _AHEAD:
        importlib.import_module(name)
    libraries.engine()
    libraries.dag()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
