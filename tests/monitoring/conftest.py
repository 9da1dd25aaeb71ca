from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.project import Project
from nbprod.promotion.profile import profile
from nbprod.promotion.registry import Registry
from nbprod.promotion.stored import hashes

NAMES = ["cool", "warm"]


def table(rows: int, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.normal(10 + 2 * shift, 2, rows),
            "count": rng.poisson(3, rows),
            "color": rng.choice(["red", "green", "blue"], rows, p=[0.6, 0.3, 0.1]),
        }
    )


def answer(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{"kind": NAMES[int(size > 10)], "chance": round(abs(size) % 1, 3)} for size in rows["size"]]


class Scene:
    """A project with a model version that has a profile, and a prediction log to write into; nothing is served."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.root = root
        self.log = root / ".nbprod" / "deployments" / "wine" / "predictions"
        self.log.mkdir(parents=True)
        self.count = 0

    def promote(self, *, with_profile: bool = True, metrics: dict[str, float] | None = None, rows: int = 5000) -> None:
        registry = Registry(self.project)
        version = registry.reserve("wine", "wine", "run-1", metrics or {})
        built = self.root / f"built-{version.version}"
        (built / "src").mkdir(parents=True)
        if with_profile:
            seen = table(rows, seed=99)
            made = profile(
                {"rows": seen.head(3)}, seen, {"predict": lambda given: answer(given["rows"])}, held_out=seen
            )
            (built / "src" / "profile.json").write_text(json.dumps(made))
        registry.crown(registry.ready(version, built, {}, hashes(built)))

    def ask(
        self,
        rows: pd.DataFrame,
        *,
        version: int = 1,
        start: float = 1e9,
        file: str = "predictions-1.jsonl",
        batch: int = 1,
    ) -> list[str]:
        """Log requests for these rows as the service does; returns their ids."""
        ids = []
        with (self.log / file).open("a") as out:
            for at in range(0, len(rows), batch):
                part = rows.iloc[at : at + batch]
                self.count += 1
                line = {
                    "ts": start + self.count,
                    "id": f"r{self.count}",
                    "version": version,
                    "route": "predict",
                    "arguments": {"rows": part.to_dict("records")},
                    "answer": answer(part),
                    "ms": 2.0,
                    "status": 200,
                }
                out.write(json.dumps(line) + "\n")
                ids.append(f"r{self.count}")
        return ids

    def tell(self, ids: list[str], labels: list[Any]) -> None:
        with (self.log / "feedback-1.jsonl").open("a") as out:
            for name, label in zip(ids, labels, strict=True):
                out.write(json.dumps({"ts": 1e9, "id": name, "label": label}) + "\n")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    (tmp_path / "pipelines.yaml").write_text("pipelines:\n  wine: wine.ipynb\n")
    return Scene(tmp_path)
