"""`make soak`: random notebooks, run as pipelines in real kernels and in one fresh kernel, until the time is over.

`python -m tests.soak SECONDS [SEED]`; a seed that differs is printed with its notebook, and the exit code is 1.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from nbprod.execution.run import run_pipeline
from nbprod.notebook.pipeline import read_pipeline
from nbprod.project import Project
from tests.equivalence.oracle import as_notebook, run_in_one_kernel, visible
from tests.notebook.random_notebooks import make_notebook


def differs(seed: int, folder: Path) -> str | None:
    """Return what a pipeline of the notebook of `seed` shows and one kernel does not, None if they agree."""
    import nbformat

    made = make_notebook(seed)
    if not made.cells:
        return None
    source = folder / "source.py"
    source.write_text(made.text)
    path = as_notebook(source, folder / "a.ipynb")
    expected = visible(run_in_one_kernel(path))
    for attempt in ("first", "second"):
        result = run_pipeline(read_pipeline(str(path)), Project(folder), name="a")
        if result.error is not None:
            return f"the {attempt} run failed: {result.error}\n{made.text}"
        actual = visible(nbformat.read(result.notebook, as_version=4))
        if actual != expected:
            return f"the {attempt} run shows {actual}\nthe kernel shows {expected}\n{made.text}"
    again = [task.name for task in result.tasks if task.status != "cached"]
    return f"computed twice: {', '.join(again)}\n{made.text}" if again else None


def main(seconds: float, seed: int) -> int:
    """Try seeds from `seed` on for so many seconds."""
    end = time.monotonic() + seconds
    tried, wrong = 0, []
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            found = differs(seed, Path(folder))
        if found:
            wrong.append(seed)
            print(f"seed {seed}: {found}\n", flush=True)
        tried += 1
        seed += 1
    print(f"{tried} notebooks, {len(wrong)} wrong" + (f": seeds {wrong}" if wrong else ""))
    return int(bool(wrong))


if __name__ == "__main__":
    given = sys.argv[1:]
    raise SystemExit(main(float(given[0]), int(given[1]) if len(given) > 1 else random.SystemRandom().randrange(10**6)))
