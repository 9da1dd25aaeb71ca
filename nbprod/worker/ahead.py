"""`python -m nbprod.worker.ahead NOTEBOOK` makes ready what the kernels of a notebook are forked from, and the first of them.

It does so by starting a kernel as a run would.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nbprod.errors import NbprodError
from nbprod.execution import loop, prepared, spare, starting
from nbprod.execution.run import pool_of
from nbprod.notebook.pipeline import read_pipeline


def main(notebook: Path) -> int:
    """Start a kernel and leave it to the worker."""
    try:
        pool = pool_of(read_pipeline(str(notebook)), 0)
    except NbprodError:
        return 0  # it cannot run as it is; whoever runs it is told why
    kernel = loop.apart(starting.start(pool.wish))
    if prepared.wait_until_tried():
        kernel.discard()
        prepared.close_all()
        kernel = loop.apart(starting.start(pool.wish))
    if spare.hand_over(pool.wish, kernel):
        os._exit(0)  # what is done at the end of a process would end the kernel
    kernel.discard()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
