"""What goes wrong in the process that captures, and is for the author to put right."""

from __future__ import annotations


class Problem(Exception):
    """What is wrong, and what to do."""

    def __init__(self, what: str, fix: str | None = None) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix
