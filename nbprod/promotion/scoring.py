"""Measure a model version on held-out rows: those that were kept with a version, or newer ones with their right answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod.promotion.stored import hashes
from nbprod.promotion.version import ModelVersion

TIMEOUT = 600.0


@dataclass(frozen=True)
class Scores:
    """A model's metrics on some rows, and why others could not be computed (under an empty name: why none could)."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    version: ModelVersion | Path,
    holdout: ModelVersion | Path,
    *,
    rows: Sequence[Any] | None = None,
    truth: Sequence[Any] | None = None,
    timeout: float = TIMEOUT,
) -> Scores:
    """Compute the notebook's metrics for a version, in a process of its own, by the code that the notebook computes them with.

    Args:
        version: The version, or its folder with `model.py`.
        holdout: The version whose held-out rows and metrics are taken, or their folder.
        rows: Other rows, as a service is sent them (dicts, or lists of numbers), in the place of the held-out ones.
        truth: The right answers to `rows`, in the notebook's labels or in the service's.
        timeout: Seconds that it may take.

    What cannot be measured is no error but a problem of the result: rows that are gone, other columns, a label never seen.
    """
    source = version.path / "src" if isinstance(version, ModelVersion) else version
    folder = holdout.holdout if isinstance(holdout, ModelVersion) else holdout
    if isinstance(holdout, ModelVersion) and (why := problem(holdout)) is not None:
        return Scores(problems={"": why})
    if not source.is_dir():
        return Scores(problems={"": f"the files of the version are gone ({source})"})
    with tempfile.TemporaryDirectory(prefix="nbprod-score-") as scratch:
        path, result = Path(scratch, "job.json"), Path(scratch, "result.json")
        job = {"source": str(source.resolve()), "holdout": str(folder.resolve()), "result": str(result)}
        path.write_text(json.dumps({**job, "rows": rows and list(rows), "truth": truth and list(truth)}), "utf-8")
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "nbprod.promotion.score", str(path)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env={
                    **os.environ,
                    "MPLBACKEND": "Agg",
                    "PYTHONDONTWRITEBYTECODE": "1",
                },  # the version's files stay as they are
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Scores(problems={"": f"it did not answer the rows within {timeout:g} s"})
        if done.returncode or not result.exists():
            lines = done.stderr.strip().splitlines()
            return Scores(problems={"": f"its code fails: {lines[-1] if lines else f'exit code {done.returncode}'}"})
        told: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return Scores(told["metrics"], told["problems"])


def problem(version: ModelVersion) -> str | None:
    """Say why the held-out rows of a version cannot be used; None if they can."""
    told = version.lineage.get("holdout") or {}
    if "files" not in told:
        return str(told.get("why", f"{version.name} has none"))
    if not version.holdout.is_dir():
        return f"those of {version.name} are gone ({version.holdout})"
    if hashes(version.holdout) != dict(told["files"]):
        return f"those of {version.name} were changed by hand ({version.holdout})"
    return None
