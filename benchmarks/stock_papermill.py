"""A sweep as it is written with stock Papermill: `execute_notebook` of the whole notebook for each value."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

import papermill


def run(notebook: str, depth: int) -> None:
    papermill.execute_notebook(notebook, f"out-{depth}.ipynb", {"max_depth": depth}, progress_bar=False)


def main() -> None:
    notebook, depths, processes = sys.argv[1], [int(depth) for depth in sys.argv[2].split(",")], int(sys.argv[3])
    if processes == 1:
        for depth in depths:
            run(notebook, depth)
        return
    with ProcessPoolExecutor(processes) as pool:
        for future in [pool.submit(run, notebook, depth) for depth in depths]:
            future.result()


if __name__ == "__main__":
    main()
