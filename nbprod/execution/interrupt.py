"""Signals that ask a process to end, while it runs a pipeline."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminated() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, where this thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    kinds = [getattr(signal, kind) for kind in ("SIGTERM", "SIGHUP") if hasattr(signal, kind)]
    # one that is ignored (nohup) stays ignored
    before = {kind: signal.signal(kind, interrupt) for kind in kinds if signal.getsignal(kind) == signal.SIG_DFL}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
