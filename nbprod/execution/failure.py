"""How a cell failed, and who is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"(?:Cell In\[\d+\], line|<timed (?:exec|eval)>, line|<timed (?:exec|eval)>:) ?(\d+)")


@dataclass(frozen=True)
class Failure:
    """How a cell failed. `kind` is `error`, `exit` (sys.exit), `dead`, `orphaned`, `timeout` or `start`; `line` is one of the cell.

    `orphaned`: the prepared process that the kernel came from has ended, and the kernel with it.
    """

    kind: str
    index: int
    name: str
    message: str
    traceback: tuple[str, ...] = ()
    line: int | None = None


class Watcher(Protocol):
    """Is told what happens, from the thread that runs the notebook."""

    def opened(self, nb: Any) -> None: ...
    def cell_started(self, index: int, cell: Any) -> None: ...
    def cell_finished(self, index: int, cell: Any) -> None: ...
    def printed(self, index: int, stream: str, text: str) -> None: ...
    def failed(self, failure: Failure) -> None: ...


def plain(text: str) -> str:
    """Return terminal output without its colours."""
    return _ANSI.sub("", text)


def line_of(traceback: tuple[str, ...]) -> int | None:
    """Return the line of the cell that a traceback starts from, if it says so."""
    text = "\n".join(traceback)
    found = _FRAME.search(text)
    if found is None:
        return None
    # %%time and the like compile the cell without its first line
    return int(found[1]) + ("timed" in found[0])
