"""A run and the champion, measured on the same held-out rows where there are such."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbprod.promotion.capture import Capture
from nbprod.promotion.gate import Rival
from nbprod.promotion.scoring import Scores, evaluate, problem
from nbprod.promotion.version import ModelVersion


def rows_to_ask(champion: ModelVersion | None) -> list[Path]:
    """The folders of held-out rows that a capture must ask its model: the champion's, if they can be used."""
    return [champion.holdout] if champion is not None and problem(champion) is None else []


def rivals(
    champion: ModelVersion | None, metrics: Mapping[str, float], captured: Capture | None, holdout: Path | None
) -> list[Rival]:
    """Return the champion on every ground that there is: the rows kept with it, this run's held-out rows, both as recorded.

    `captured` and `holdout` (the folder of the run's own rows, if it has such) are what capturing the run gave; without them there
    are the recorded metrics only.
    """
    if champion is None:
        return []
    found: list[Rival] = []
    why = "nothing was measured yet"
    if captured is not None:
        told = captured.scores.get(str(champion.holdout))
        if told is not None:
            kept = champion.lineage["holdout"]
            basis = f"both on the {kept['rows']} held-out rows kept with {champion.name}"
            mine = Scores(told["metrics"], told["problems"])
            found.append(Rival(champion.name, kept["metrics"], mine.metrics, basis))
            why = "; ".join([*mine.problems.values(), *kept.get("without", {}).values()])
        else:
            why = f"held-out rows of the champion: {problem(champion)}"
        if holdout is not None and (told is None or not told["metrics"]):
            scores = evaluate(champion, holdout)
            basis = f"both on the {captured.holdout['rows']} held-out rows of this run"
            found.append(Rival(champion.name, scores.metrics, captured.holdout["metrics"], basis))
            why = "; ".join([why, *scores.problems.values()])
        elif told is None:
            why = f"{why}; of this run: {captured.holdout.get('why', 'none')}"
    recorded = "each as recorded for its own rows" + (f": {why}" if why else "")
    return [*found, Rival(champion.name, champion.metrics, metrics, recorded)]
