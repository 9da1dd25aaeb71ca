"""Python's audit events, handed to whoever of us listens; the hook cannot be removed, so it costs next to nothing when nobody does."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Tuple

_listeners: Dict[str, Tuple[Callable[..., None], ...]] = {}
_state = {"installed": False, "inside": False}


def _hook(event: str, arguments: Tuple[Any, ...]) -> None:
    handlers = _listeners.get(event)
    if handlers is None or _state["inside"]:
        return
    _state["inside"] = True
    try:
        for handler in handlers:
            handler(*arguments)
    except OSError:
        pass  # e.g. the current folder is gone; the user's own call will say so
    finally:
        _state["inside"] = False


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


def importing(depth: int = 1) -> bool:
    """Return whether an import is under way in the calling thread."""
    frame: Any = sys._getframe(depth)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
