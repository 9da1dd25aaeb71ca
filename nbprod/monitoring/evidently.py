"""Evidently's report (extra `report`), made in a process of its own.

The profile holds no rows, so the reference that Evidently gets is drawn from the profile's quantiles and counts, column by column: its
drift tests look at one column at a time too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nbprod.errors import NbprodError
from nbprod.monitoring.monitor import Report
from nbprod.promotion.profile import edges

ROWS = 2000
SECONDS = 600
_SCRIPT = """
import json, sys
import pandas
try:
    from evidently import Report
    from evidently.presets import DataDriftPreset
except ImportError as error:
    print(f"NO-EVIDENTLY {error} (pandas {pandas.__version__})", file=sys.stderr)
    sys.exit(3)
folder, target = sys.argv[1:]
tables = json.load(open(f"{folder}/tables.json"))
reference, current = (pandas.DataFrame(tables[name]) for name in ("reference", "current"))
Report([DataDriftPreset()]).run(current, reference).save_html(target)
"""


class EvidentlyError(NbprodError, RuntimeError):
    """Evidently's report cannot be made."""


def write_evidently(report: Report, target: Path, python: str | None = None) -> None:
    """Write Evidently's data drift report. Raises `EvidentlyError` if it is not installed, does not import, or fails."""
    if not report.columns:
        raise EvidentlyError("there is nothing to compare for Evidently's report", fix="; ".join(report.notes) or None)
    features = [column.name for column in report.columns if column.part == "feature" and column.kind != "text"]
    tables = {
        "reference": {name: _drawn(report.profile["features"][name]) for name in features},
        "current": {name: report.sample["feature", name] for name in features},
    }
    with tempfile.TemporaryDirectory(prefix="nbprod-evidently-") as folder:
        (Path(folder) / "tables.json").write_text(json.dumps(tables), "utf-8")
        try:
            done = subprocess.run(
                [python or sys.executable, "-c", _SCRIPT, folder, str(target.absolute())],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env={**os.environ, "DO_NOT_TRACK": "1"},  # else it reports to its makers
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EvidentlyError(f"Evidently's report cannot be made: {error}") from error
    if done.returncode == 3 and "NO-EVIDENTLY" in done.stderr:
        said = done.stderr.partition("NO-EVIDENTLY ")[2].strip().splitlines()[0]
        raise EvidentlyError(
            f"Evidently cannot be imported: {said}",
            fix="It does not work with pandas 3. Make an environment with `evidently` and `pandas<3` (the extra `report` asks for both), "
            "and name its interpreter: --evidently-python PYTHON.",
        )
    if done.returncode:
        tail = "\n  ".join(done.stderr.strip().splitlines()[-4:])
        raise EvidentlyError(f"Evidently failed:\n  {tail}")


def _drawn(profile: Mapping[str, Any]) -> list[Any]:
    """Values spread as the profile says."""
    rows = min(ROWS, int(profile["rows"]))
    missing = round(rows * float(profile["missing"]))
    present = rows - missing
    if profile["kind"] == "category":
        counts = profile["counts"]
        names = np.repeat(
            list(counts),
            np.diff(np.round(np.cumsum([0, *counts.values()]) / max(sum(counts.values()), 1) * present).astype(int)),
        )
        return [*names.tolist(), *[None] * missing]
    quantiles = profile.get("quantiles")
    if not quantiles:
        return [None] * rows
    ends = edges(profile)
    places = np.linspace(0, 1, max(present, 1))
    if len(ends) < len(quantiles) / 2:  # a number of few values: between them nothing ever is
        below = np.cumsum(profile["counts"][: len(ends)]) / max(sum(profile["counts"]), 1)
        at = np.minimum(np.searchsorted(below, places), len(ends) - 1)
        return [*np.asarray(ends)[at].tolist()[:present], *[None] * missing]
    return [*np.interp(places, np.linspace(0, 1, len(quantiles)), quantiles).tolist()[:present], *[None] * missing]
