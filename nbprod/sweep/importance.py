"""How much each parameter of a sweep matters, written down by the sweep itself: who only reads it need not import Optuna."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nbprod.execution.atomic import write_text
from nbprod.execution.database import Place


def keep_importance(project: Place, sweep: str, shares: Mapping[str, float]) -> None:
    """Write the shares of a sweep down, in place of earlier ones."""
    write_text(_path(project, sweep), json.dumps(dict(shares)))


def kept_importance(project: Place, sweep: str) -> dict[str, float]:
    """Return each parameter's share of the metric's variation, adding up to 1; empty while too few trials have ended."""
    try:
        shares: dict[str, float] = json.loads(_path(project, sweep).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return shares


def _path(project: Place, sweep: str) -> Path:
    return project.state / "sweeps" / f"{sweep}.importance.json"
