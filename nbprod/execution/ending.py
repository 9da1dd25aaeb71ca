"""The end of a process of ours."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End this process as the interpreter does, but for taking every object apart: 0.8 s once Ploomber was imported."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # waits for threads that are no daemons
        atexit._run_exitfuncs()  # noqa: SLF001
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BrokenPipeError):  # who read it has gone
                stream.flush()
    finally:
        os._exit(status)
