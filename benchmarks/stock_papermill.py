"""A sweep as it is written with stock Papermill: a loop over `execute_notebook` of the whole notebook."""

from __future__ import annotations

import sys

import papermill


def main() -> None:
    notebook, depths = sys.argv[1], [int(depth) for depth in sys.argv[2].split(",")]
    for depth in depths:
        papermill.execute_notebook(notebook, f"out-{depth}.ipynb", {"max_depth": depth}, progress_bar=False)


if __name__ == "__main__":
    main()
