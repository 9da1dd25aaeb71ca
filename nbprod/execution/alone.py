"""Notebooks that are run by themselves, outside of any project: `papermill --engine nbprod`, or Papermill's functions in a loop."""

from __future__ import annotations

import itertools
import os

from nbformat import NotebookNode

from nbprod.execution import prepared
from nbprod.execution.preload import desire_of_code
from nbprod.execution.prepared import Desire

_numbers = itertools.count(1)


def desire_of_notebook(nb: NotebookNode) -> Desire | None:
    """Return what the kernel of a notebook may have imported ahead; None if it is to be started as usual.

    The first notebook of a process is started as usual: a process that one kernel is forked from is started no sooner than that
    kernel. From the second one on kernels are forked; what they are forked from stays until this process ends.
    """
    if nb.metadata.get("kernelspec", {}).get("language", "python") != "python":
        return None
    if next(_numbers) == 1 and not prepared.always():
        return None
    return desire_of_code([cell.source for cell in nb.cells if cell.cell_type == "code"])


def _begin_anew() -> None:
    global _numbers  # noqa: PLW0603
    _numbers = itertools.count(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
