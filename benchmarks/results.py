"""What was measured last, kept bench by bench, so that one can be measured anew without the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.notebooks import HERE, Row
from benchmarks.timing import machine

KEPT = HERE / "measured.json"
SHOWN = HERE / "results.md"
ENOUGH = 5
"""Rounds below which figures are shown, but not kept."""


def keep(bench: str, repeats: int, rows: Sequence[Row]) -> None:
    """Keep a bench's rows in place of earlier ones, and write the page anew."""
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    kept[bench] = {"when": when, "repeats": repeats, "machine": machine(), "rows": [list(row) for row in rows]}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    SHOWN.write_text(page(kept), "utf-8")


def page(kept: dict[str, dict[str, object]]) -> str:
    """Return what was kept as Markdown."""
    machines = sorted({str(entry["machine"]) for entry in kept.values()})
    text = [
        "# What was measured",
        "",
        "By `make bench` (`python -m benchmarks --only NAME` measures one of them anew). The sides of a row were run in turn, in one run; nothing was",
        "left out. Each figure is minimum / median / maximum. A shared machine: read the ratios, not the seconds. Bytecode was compiled.",
        "",
        *("\n\n".join(machines).splitlines()),
        "",
    ]
    for bench, entry in kept.items():
        rows = entry["rows"]
        assert isinstance(rows, list)
        text += [
            f"## {bench}",
            "",
            f"{entry['when']}; {entry['repeats']} round{'' if entry['repeats'] == 1 else 's'}.",
            "",
            table(rows),
            "",
        ]
    return "\n".join(text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table."""
    lines = [f"| {work} | {side} | {value} |" for work, side, value in rows]
    return "\n".join(["| work | side | min / median / max |", "|---|---|---|", *lines])
