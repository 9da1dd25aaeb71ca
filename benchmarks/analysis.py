"""Reading a notebook, analysing it and resolving the graph."""

from __future__ import annotations

from pathlib import Path

from benchmarks.notebooks import PYTHON, Row, notebook
from benchmarks.timing import Spread, command


def cells(count: int) -> list[tuple[str, str]]:
    """Make a notebook like those people write: imports, functions, frames, a model; a task every ten cells."""
    made = [("imports", "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import LinearRegression")]
    for i in range(1, count):
        kinds = (
            f"frame_{i} = pd.DataFrame({{'a': np.arange({i}), 'b': np.ones({i})}})\nframe_{i}['c'] = frame_{i}['a'] * 2",
            f"def clean_{i}(frame, limit={i}):\n    frame = frame[frame['a'] < limit]\n    return [v for v in frame['a'] if v]",
            f"if {i} % 2:\n    total_{i} = sum(range({i}))\nelse:\n    total_{i} = None",
            f"for j in range(3):\n    np.sqrt(j)\nprint({i})",
            f"model_{i} = LinearRegression()\nresult_{i} = {{'score': {i}, 'name': f'run {{j}}'}}"
            if i > 4
            else "j = 0",
        )
        made.append((f"task:t{i // 10}" if i % 10 == 0 else "", kinds[i % len(kinds)]))
    return made


def bench_analysis(root: Path, repeats: int) -> list[Row]:
    """Reading a notebook, analysing it and resolving the graph, each time in a new process."""
    from nbprod.notebook.pipeline import read_pipeline

    rows: list[Row] = []
    for count in (50, 500, 5000):
        path = notebook(cells(count), root / f"analysis-{count}.ipynb")
        code = (
            "import sys, time\nfrom nbprod.notebook.pipeline import read_pipeline\n"
            "started = time.perf_counter()\nread_pipeline(sys.argv[1]).resolve()\nprint(time.perf_counter() - started)"
        )
        values = []
        for _ in range(repeats):
            command([PYTHON, "-c", code, path], root)
            values.append(float((root / "command.log").read_text().split()[-1]))
        assert len(read_pipeline(path).tasks) >= count // 10 - 1
        work = "read, analyse and resolve a notebook, seconds, cold caches" if count == 50 else ""
        rows.append((work, f"{count} code cells", str(Spread(tuple(values)))))
    return rows
