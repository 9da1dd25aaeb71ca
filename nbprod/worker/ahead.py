"""`python -m nbprod.worker.ahead NOTEBOOK` makes ready what the kernels of a notebook are forked from, by forking one as a run would."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nbprod.errors import NbprodError
from nbprod.execution import prepared, starting
from nbprod.execution.run import pool_of
from nbprod.notebook.pipeline import read_pipeline


def main(notebook: Path) -> int:
    """Start a kernel and end it."""
    try:
        pool = pool_of(read_pipeline(str(notebook)), 0)
    except NbprodError:
        return 0  # it cannot run as it is; whoever runs it is told why
    asyncio.run(starting.start(pool.wish)).discard()
    if prepared.wait_until_tried():
        prepared.close_all()
        asyncio.run(starting.start(pool.wish)).discard()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
