"""The HTML report: one file, no scripts, plots as SVG."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nbprod.monitoring.drift import ColumnDrift
from nbprod.monitoring.monitor import Report
from nbprod.promotion.profile import edges, split

BARS = 24
WIDTH, HEIGHT = 300, 90
MOST_CATEGORIES = 12
VERDICTS = {"drift": "bad", "fine": "good"}
"""The look of verdicts; that of others is plain, since they say neither."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --old: #8888; --new: #2a78d6; --bad: #c62828; --good: #00702f }
@media (prefers-color-scheme: dark) { :root { --new: #62a8f7; --bad: #ff7b72; --good: #4cc38a } }
body { font: 14px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line) }
table.short { width: auto } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } td.n { white-space: nowrap } h1 small { font-weight: normal; opacity: .7 }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) } .plots { display: flex; flex-wrap: wrap; gap: 1.2rem }
figure { margin: 0 } figcaption { font-size: 12px } .old { fill: var(--old) } .new { fill: none; stroke: var(--new); stroke-width: 1.5 }
.bar { fill: var(--new) } .wide { overflow-x: auto } text { font: 10px system-ui; fill: currentColor }
"""


def page(report: Report) -> str:
    """Return the report as a page."""
    when = datetime.fromtimestamp(report.time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    names = [column.name for column in report.drifted] + [score.metric for score in report.worse]
    verdict = '<p class="good">No alarm.</p>'
    if report.alarm:
        verdict = f'<p class="bad">Alarm: {_text(", ".join(names))}</p>'
    elif not report.columns and not report.scores:
        verdict = "<p>Nothing could be compared.</p>"
    notes = "".join(f"<li>{_text(note)}</li>" for note in report.notes)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{_text(report.model)} v{report.version}: monitoring</title><style>{STYLE}</style>",
        f"<h1>{_text(report.model)} v{report.version} <small>{when}</small></h1>{verdict}<ul>{notes}</ul>",
        _summary(report),
        _scores(report),
        _columns(report),
        _plots(report),
        "</html>",
    ]
    return "\n".join(parts)


def _plots(report: Report) -> str:
    if not report.columns:
        return ""
    drawn = sorted(report.columns, key=lambda item: (not item.alarm, -(item.psi or 0)))
    head = "<h2>Distributions</h2><p>Grey: when the model was made. Blue: the newest rows.</p><div class=plots>"
    return "\n".join([head, *[_plot(column, report) for column in drawn], "</div>"])


def _summary(report: Report) -> str:
    traffic = report.traffic
    facts: Sequence[tuple[str, str]] = [
        ("rows compared", f"{report.rows:,}"),
        ("requests", f"{traffic.requests:,}"),
        ("errors", f"{traffic.errors:,} ({traffic.error_rate:.2%})"),
        ("refused", f"{traffic.refused:,}"),
        ("median latency", _ms(traffic.p50)),
        ("99th percentile", _ms(traffic.p99)),
        ("rows with feedback", f"{report.labelled:,}"),
    ]
    rows = "".join(f"<tr><th>{name}<td class=n>{value}" for name, value in facts)
    return f"<h2>Requests</h2><table class=short>{rows}</table>"


def _scores(report: Report) -> str:
    if not report.scores:
        return ""
    rows = "".join(
        f"<tr><td>{_text(score.metric)}<td class=n>{score.value:.4g}<td class=n>{_number(score.run)}<td class=n>{score.rows}"
        f"<td>{_text(score.why)}<td class={'bad' if score.alarm else 'good'}>{'worse' if score.alarm else 'fine'}"
        for score in report.scores
    )
    head = "<tr><th>metric<th class=n>now<th class=n>run<th class=n>rows<th>against<th>verdict"
    return f"<h2>Live metrics</h2><table>{head}{rows}</table>"


def _columns(report: Report) -> str:
    if not report.columns:
        return ""
    rows = "".join(
        f"<tr><td>{_text(column.name)}<td>{column.part}<td class=n>{_number(column.psi)}<td class=n>{_number(column.threshold)}"
        f"<td class=n>{_number(column.p)}<td class=n>{_number(column.before)}<td class=n>{_number(column.after)}"
        f"<td class=n>{column.missing:.1%}<td class=n>{column.out_of_range:.1%}<td>{_text(_unseen(column))}"
        f"<td class={VERDICTS.get(column.verdict, 'open')}>{column.verdict}"
        for column in report.columns
    )
    head = (
        "<tr><th>column<th>part<th class=n>PSI<th class=n>bound<th class=n>p<th class=n>mean before<th class=n>mean now"
        "<th class=n>missing<th class=n>out of range<th>unseen<th>verdict"
    )
    return f"<h2>Columns</h2><div class=wide><table>{head}{rows}</table></div>"


def _plot(column: ColumnDrift, report: Report) -> str:
    profile = report.profile["features" if column.part == "feature" else "prediction"][column.name]
    values = split(report.sample[column.part, column.name])
    if profile["kind"] == "category":
        drawn = _categories(profile["counts"], values[1])
    elif 0 < len(edges(profile)) <= BARS and profile["kind"] == "number":
        drawn = _discrete(profile, values[0])
    else:
        drawn = _histogram(profile, values)
    state = f' <span class="bad">{column.verdict}</span>' if column.alarm else ""
    return f"<figure><figcaption>{_text(column.name)}{' (length)' if column.kind == 'text' else ''}{state}</figcaption>{drawn}</figure>"


def _histogram(profile: Mapping[str, Any], values: tuple[Any, list[str], int]) -> str:
    quantiles = np.asarray(profile.get("quantiles", [0.0, 1.0]), float)
    numbers = np.asarray([len(text) for text in values[1]], float) if profile["kind"] == "text" else values[0]
    low, high = float(quantiles[0]), float(quantiles[-1])
    if len(numbers):
        low, high = min(low, float(np.quantile(numbers, 0.01))), max(high, float(np.quantile(numbers, 0.99)))
    if high <= low:
        high = low + 1.0
    ends = np.linspace(low, high, BARS + 1)
    below = np.interp(ends, quantiles, np.linspace(0, 1, len(quantiles)), left=0, right=1)
    old = np.diff(below)
    old[0] += below[0]
    new = np.histogram(np.clip(numbers, low, high), ends)[0] / max(len(numbers), 1)
    top = max(float(old.max()), float(new.max()), 1e-9)
    step = WIDTH / BARS
    bars = "".join(
        f'<rect class=old x="{i * step:.1f}" y="{HEIGHT * (1 - v / top):.1f}" width="{step:.1f}" height="{HEIGHT * v / top:.1f}"/>'
        for i, v in enumerate(old)
    )
    points = " ".join(
        f"{x:.1f},{HEIGHT * (1 - v / top):.1f}" for i, v in enumerate(new) for x in (i * step, (i + 1) * step)
    )
    return _svg(
        f'{bars}<polyline class=new points="0,{HEIGHT} {points} {WIDTH},{HEIGHT}"/>', f"{low:.4g}", f"{high:.4g}"
    )


def _discrete(profile: Mapping[str, Any], numbers: Any) -> str:
    """A number of few values, as bars for each."""
    names = [f"{end:g}" for end in edges(profile)]
    known = dict(zip(names, profile["counts"], strict=False))
    above = f"> {names[-1]}"
    return _categories(
        known, [[*names, above][place] for place in np.searchsorted(edges(profile), numbers)], len(names) + 1
    )


def _categories(known: Mapping[str, int], texts: Sequence[str], most: int = MOST_CATEGORIES) -> str:
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    names = list(known)[:most]
    names += [name for name in sorted(counts, key=lambda name: -counts[name]) if name not in known][: most - len(names)]
    total, live = max(sum(known.values()), 1), max(sum(counts.values()), 1)
    top = max([known.get(name, 0) / total for name in names] + [counts.get(name, 0) / live for name in names] + [1e-9])
    step = WIDTH / max(len(names), 1)
    drawn = []
    for i, name in enumerate(names):
        old, new = known.get(name, 0) / total / top * HEIGHT, counts.get(name, 0) / live / top * HEIGHT
        drawn.append(
            f'<rect class=old x="{i * step + 1:.1f}" y="{HEIGHT - old:.1f}" width="{step * 0.42:.1f}" height="{old:.1f}"/>'
            f'<rect class=bar x="{i * step + step * 0.46:.1f}" y="{HEIGHT - new:.1f}" width="{step * 0.42:.1f}" height="{new:.1f}"/>'
            f'<text x="{i * step + 2:.1f}" y="{HEIGHT + 12}">{_text(name[: max(2, int(step / 6))])}<title>{_text(name)}</title></text>'
        )
    return _svg("".join(drawn), "", "")


def _svg(inside: str, low: str, high: str) -> str:
    scale = (
        f'<text x="0" y="{HEIGHT + 12}">{low}</text><text x="{WIDTH}" y="{HEIGHT + 12}" text-anchor="end">{high}</text>'
    )
    return f'<svg width="{WIDTH}" height="{HEIGHT + 16}" viewBox="0 0 {WIDTH} {HEIGHT + 16}" role="img">{inside}{scale}</svg>'


def _unseen(column: ColumnDrift) -> str:
    return ", ".join(f"{name} ({count})" for name, count in list(column.unseen.items())[:3])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3g} ms"


def _text(value: str) -> str:
    return html.escape(value)
