"""The process that measures a version: `python -P -m nbprod.promotion.score job.json` loads its model and asks it held-out rows.

It is a process of its own since the model's code is the author's, and each version's code has the same module names.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from nbprod.promotion.asking import TABLES, Asker
from nbprod.promotion.holdout import Holdout, Unknown
from nbprod.promotion.served import Served
from nbprod.promotion.signature import is_array, is_frame

MODULES = ("nbprod_model", "notebook_model", "model")
"""What the module of a version may be called; where the author has a `model.py`, it is one of the first two."""


def main(path: str) -> None:
    """Do the job and write its result: the version's `metrics` on the rows, and the `problems` of others."""
    job = json.loads(Path(path).read_text("utf-8"))
    source = Path(job["source"])
    sys.path.insert(0, str(source))
    os.chdir(source)
    try:
        holdout = Holdout.read(Path(job["holdout"]))
        if job["rows"] is not None:
            holdout = holdout.with_rows(as_rows(job["rows"], holdout.rows), job["truth"])
        metrics, problems = holdout.score(asker_of(source))
        result: dict[str, Any] = {"metrics": metrics, "problems": problems}
    except Unknown as error:
        result = {"metrics": {}, "problems": {"": str(error)}}
    Path(job["result"]).write_text(json.dumps(result), "utf-8")


def asker_of(source: Path) -> Asker:
    """Return how the model in a version's source folder is asked. Raises `Unknown` if it takes no rows."""
    lineage = json.loads((source / "lineage.json").read_text("utf-8"))
    signature = json.loads((source / "signature.json").read_text("utf-8"))
    table = next((item for item in signature["inputs"] if item["kind"] in TABLES), None)
    if table is None:
        raise Unknown("the service takes no rows")
    module = importlib.import_module(next(name for name in MODULES if (source / f"{name}.py").is_file()))
    sent = json.loads((source / "samples.json").read_text("utf-8"))[0]["arguments"]
    others = {
        item["name"]: sent[item["name"]]
        for item in signature["inputs"]
        if item["kind"] == "value" and item["name"] in sent
    }
    name, kind = lineage["serve"]["name"], lineage["serve"]["kind"]
    served = Served(name, kind, getattr(module, name))
    return Asker(served, table["name"], table["kind"], others)


def as_rows(rows: list[Any], like: Any) -> Any:
    """Rows as they were sent to a service, as the held-out rows are: a table of the same types, an array, a list."""
    if is_frame(like):
        import pandas as pd

        table = pd.DataFrame(rows)
        columns = [name for name in like.columns if str(name) in table.columns]
        types = {name: like[name].dtype for name in columns}
        return table[[str(name) for name in columns]].set_axis(columns, axis=1).astype(types)
    if is_array(like):
        import numpy as np

        return np.array(rows, dtype=like.dtype)
    return rows


if __name__ == "__main__":
    main(sys.argv[1])
