"""The same sweep as it is written for Ploomber: four notebooks, a grid over the last, its own Parallel executor."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext

os.environ["PLOOMBER_STATS_ENABLED"] = "false"
os.environ["PLOOMBER_VERSION_CHECK_DISABLED"] = "1"

LOAD = "import pickle\nfrom pathlib import Path\n"
STAGES = {
    "load": ("", "frame"),
    "features": ("frame", "features"),
    "split": ("frame features", "X_train X_test y_train y_test"),
}


def write_stages(notebook: Path, folder: Path) -> None:
    """Cut the notebook at its tags into Ploomber's notebooks; each hands its variables on in one pickle."""
    cells = [cell for cell in jupytext.read(notebook).cells if cell.cell_type == "code"]
    source = {tag: cell.source for cell in cells for tag in cell.metadata.get("tags", ())}
    sources = {
        "load": source["task:load"],
        "features": source["task:features"],
        "split": source["task:split"],
        "train": source["task:train"] + "\n" + source["metrics"],
    }
    upstream = {"load": [], "features": ["load"], "split": ["load", "features"], "train": ["split"]}
    imports = "import numpy as np\nimport pandas as pd\n"
    for name, body in sources.items():
        takes = "".join(
            f"globals().update(pickle.loads(Path(upstream[{up!r}]['data']).read_bytes()))\n" for up in upstream[name]
        )
        outputs = {**{stage: names for stage, (_, names) in STAGES.items()}, "train": "model accuracy"}[name].split()
        gives = f"Path(product['data']).write_bytes(pickle.dumps({{name: globals()[name] for name in {outputs!r}}}))\n"
        parameters = (
            f"upstream = {upstream[name]!r}\nproduct = None\n"
            + ("n_rows = None\n" if name == "load" else "")
            + ("max_depth = None\n" if name == "train" else "")
        )
        text = f'# %% tags=["parameters"]\n{parameters}\n# %%\n{imports}{LOAD}{takes}\n# %%\n{body}\n\n# %%\n{gives}'
        (folder / f"{name}.py").write_text(text)


def main() -> None:
    notebook, depths, workers = Path(sys.argv[1]), [int(depth) for depth in sys.argv[2].split(",")], int(sys.argv[3])
    folder = Path.cwd()
    write_stages(notebook, folder)
    from ploomber.executors import Parallel
    from ploomber.spec import DAGSpec

    def task(name: str, **extra: object) -> dict[str, object]:
        return {
            "source": f"{name}.py",
            "name": name,
            "product": {"nb": f"out/{name}.ipynb", "data": f"out/{name}.pkl"},
            "static_analysis": "disable",
            **extra,
        }

    spec = DAGSpec(
        {
            "meta": {"extract_upstream": True},
            "tasks": [
                task("load", params={"n_rows": 20000}),
                task("features"),
                task("split"),
                {**task("train"), "name": "train-", "grid": {"max_depth": depths}},
            ],
        }
    )
    dag = spec.to_dag()
    dag.executor = Parallel(processes=workers)
    dag.build()


if __name__ == "__main__":
    main()
