"""A world that changes: a notebook that learns from a CSV file, a service, and clients that ask it and tell it the truth."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from nbprod.execution.run import run_pipeline
from nbprod.notebook.pipeline import read_pipeline
from nbprod.project import Project
from nbprod.promotion.promote import promote

CELLS = [
    (
        ["imports"],
        "import pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier\nfrom sklearn.model_selection import train_test_split",
    ),
    (["parameters"], "depth = 4"),
    (["task:load"], 'orders = pd.read_csv("data/orders.csv")\nX, y = orders[["price", "weight"]], orders["speed"]'),
    (
        ["task:train"],
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\nmodel = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X_train, y_train)",
    ),
    (["task:score"], "predicted = model.predict(X_test)"),
    (["metrics"], "accuracy = float((predicted == y_test).mean())"),
    (
        ["serve"],
        'def predict(rows: pd.DataFrame):\n    """Say how fast an order is."""\n    return [str(one) for one in model.predict(rows[["price", "weight"]])]\npredict(X.head(3))',
    ),
]


def orders(rows: int, seed: int, *, late: bool = False) -> pd.DataFrame:
    """Orders with the right answer. Later ones are dearer, and which of those are fast cannot be known from earlier ones."""
    rng = np.random.default_rng(seed)
    middle = 50.0 if late else 10.0
    price, weight = rng.normal(middle, 3, rows), rng.normal(5, 1, rows)
    return pd.DataFrame({"price": price, "weight": weight, "speed": np.where(price > middle, "fast", "slow")})


def build(
    root: Path,
    watch: str = "",
    rows: int = 600,
    cells: Sequence[tuple[list[str], str]] = CELLS,
    before: Callable[[], None] = lambda: None,
    require: str = ">= 0.8",
) -> Project:
    """Write the project, do what is to be done `before`, run it and promote it. The table is written as CSV, and as Parquet if a cell reads that."""
    written = [
        {
            "cell_type": "code",
            "id": f"c{at}",
            "metadata": {"tags": tags},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for at, (tags, source) in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (root / "orders.ipynb").write_text(
        json.dumps({"cells": written, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    )
    (root / "data").mkdir()
    if any("read_parquet" in source for _, source in cells):
        orders(rows, 1).to_parquet(root / "data" / "orders.parquet", index=False)
    else:
        orders(rows, 1).to_csv(root / "data" / "orders.csv", index=False)
    (root / "pipelines.yaml").write_text(
        "pipelines:\n  orders:\n    notebook: orders.ipynb\n    promote: {require: {accuracy: '"
        + require
        + "'}}\n"
        + watch
    )
    before()
    project = Project(root)
    run(project)
    promote(project, project.pipeline("orders"))
    return project


def run(project: Project) -> None:
    entry = project.pipeline("orders")
    assert run_pipeline(read_pipeline(str(entry.notebook)), project, name="orders").status.is_good()


@dataclass
class Clients:
    """Threads that ask a service row by row, and tell it the truth; `late` switches the world."""

    url: str
    count: int = 2
    late: bool = False
    pause: float = 0.01
    tell: bool = True
    """Whether the right answers are told."""
    failures: list[str] = field(default_factory=list)
    right: list[tuple[float, bool]] = field(default_factory=list)
    """Time of each answer, and whether it was right."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def error(self, since: float, until: float | None = None) -> float:
        """The share of wrong answers in some time."""
        found = [ok for at, ok in self.right if at >= since and (until is None or at < until)]
        return 1 - sum(found) / max(len(found), 1)

    def _ask(self, number: int) -> None:
        host, port = self.url.removeprefix("http://").split(":")
        turn = 0
        while not self._stop.is_set():
            turn += 1
            table = orders(50, 1000 * number + turn, late=self.late)
            for row in table.to_dict("records"):
                truth = row.pop("speed")
                if self._stop.wait(self.pause):
                    return
                try:
                    connection = http.client.HTTPConnection(host, int(port), timeout=30)
                    connection.request(
                        "POST", "/predict", json.dumps({"rows": [row]}), {"Content-Type": "application/json"}
                    )
                    reply = connection.getresponse()
                    text = reply.read()
                    if reply.status != 200:
                        self.failures.append(f"{reply.status} {text[:200]!r}")
                        continue
                    self.right.append((time.time(), json.loads(text) == [truth]))
                    if not self.tell:
                        connection.close()
                        continue
                    told = json.dumps({"id": reply.headers["X-Request-ID"], "label": truth})
                    connection.request("POST", "/feedback", told, {"Content-Type": "application/json"})
                    answered = connection.getresponse()
                    if answered.status >= 300:
                        self.failures.append(f"feedback {answered.status} {answered.read()[:200]!r}")
                    connection.close()
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
