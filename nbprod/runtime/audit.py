"""Python's audit events, handed to whoever of us listens; the hook cannot be removed, so it costs next to nothing when nobody does."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable, Dict, Set, Tuple

_listeners: Dict[str, Tuple[Callable[..., None], ...]] = {}
_inside: Set[int] = set()
"""The threads that are in a handler: what a handler does itself is nobody's business."""
_state = {"installed": False}


def _hook(event: str, arguments: Tuple[Any, ...]) -> None:
    handlers = _listeners.get(event) if _listeners else None  # at the end of an interpreter even that is gone
    if handlers is None:
        return
    thread = threading.get_ident()
    if thread in _inside:
        return
    _inside.add(thread)
    try:
        for handler in handlers:
            handler(*arguments)
    except OSError:
        pass  # e.g. the current folder is gone; the user's own call will say so
    finally:
        _inside.discard(thread)


def listen(handlers: Dict[str, Callable[..., None]]) -> None:
    """Call `handlers[event](*arguments)` before each such event, until `stop`."""
    for event, handler in handlers.items():
        _listeners[event] = (*_listeners.get(event, ()), handler)
    if not _state["installed"]:
        sys.addaudithook(_hook)
        _state["installed"] = True


def stop() -> None:
    """Listen to nothing any more."""
    _listeners.clear()


_IMPORTERS = ("<frozen importlib", os.path.dirname(os.__file__) + os.sep + "importlib" + os.sep)


def importing(depth: int = 1) -> bool:
    """Return whether an import is under way in the calling thread, or a search of `sys.path` for what is installed."""
    frame: Any = sys._getframe(depth)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTERS):
            return True
        frame = frame.f_back
    return False
