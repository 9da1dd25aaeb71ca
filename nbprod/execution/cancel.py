"""Stopping what runs, from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nbprod.errors import Cancelled


class Cancel:
    """A request to stop, made once by `set`; whoever can be stopped registers how."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._stops: list[Callable[[], None]] = []

    def set(self) -> None:
        """Ask everything that is registered to stop, and what registers later at once."""
        with self._lock:
            self._event.set()
            stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    def is_set(self) -> bool:
        """Return whether a stop was asked for."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for a request to stop and return whether there was one."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise `Cancelled` when a stop was asked for."""
        if self._event.is_set():
            raise Cancelled("the run was cancelled")

    @contextmanager
    def calling(self, stop: Callable[[], None]) -> Iterator[None]:
        """Have `stop` called, from another thread, when a stop is asked for while this block runs."""
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._stops.append(stop)
        if late:
            stop()
        try:
            yield
        finally:
            with self._lock:
                if stop in self._stops:
                    self._stops.remove(stop)
