"""A Grafana dashboard of a service: traffic, errors, latency, what is served, drift."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH = 24
"""Columns of Grafana's grid."""
RATE = "$__rate_interval"


def dashboard(model: str, *, job: str) -> dict[str, Any]:
    """Return the dashboard of a model that Prometheus scrapes as `job`, as Grafana's provisioning reads it."""
    this = f"model={json.dumps(model)}"
    requests, latency = f"rate(nbprod_requests_total{{{this}}}[{RATE}])", f"nbprod_request_seconds_bucket{{{this}}}"
    quantiles = {
        name: f"histogram_quantile({q}, sum by (le) (rate({latency}[{RATE}])))"
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    failed = f'rate(nbprod_requests_total{{{this},code=~"5.."}}[{RATE}])'
    panels = [
        _panel("Requests a second", {"{{route}} {{code}}": f"sum by (route, code) ({requests})"}, unit="reqps"),
        _panel("Requests that fail", {"share": f"sum ({failed}) / sum ({requests})"}, unit="percentunit"),
        _panel("Latency", quantiles, unit="s"),
        _panel(
            "Latency by version",
            {
                "v{{version}} p99": f"histogram_quantile(0.99, sum by (version, le) (rate({latency}[{RATE}])))",
            },
            unit="s",
        ),
        _panel("Rows a second", {"v{{version}}": f"sum by (version) (rate(nbprod_rows_total{{{this}}}[{RATE}]))"}),
        _panel(
            "What is served", {"v{{version}} of run {{run}}": f"count by (version, run) (nbprod_model_info{{{this}}})"}
        ),
        _panel("Drift by feature", {"{{feature}}": f"max by (feature) (nbprod_drift{{{this}}})"}),
        _panel("Drift alarm", {"v{{version}}": f"max by (version) (nbprod_drift_alarm{{{this}}})"}),
        _panel("Live metrics", {"{{metric}}": f"max by (metric) (nbprod_live_metric{{{this}}})"}),
        _panel(
            "Challenger",
            {
                "agrees: {{agrees}}": f"sum by (agrees) (rate(nbprod_shadow_total{{{this}}}[{RATE}]))",
            },
        ),
        _panel(
            "Predictions not logged",
            {"lost": f"sum (increase(nbprod_predictions_dropped_total{{{this}}}[{RATE}]))"},
        ),
        _panel("Reachable", {"{{instance}}": f"up{{job={json.dumps(job)}}}"}),
    ]
    for number, panel in enumerate(panels):
        half = WIDTH // 2
        panel |= {"id": number + 1, "gridPos": {"x": number % 2 * half, "y": number // 2 * 8, "w": half, "h": 8}}
    return {
        "uid": f"nbprod-{model}"[:40],
        "title": f"{model} (nbprod)",
        "tags": ["nbprod"],
        "timezone": "browser",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "annotations": {"list": [_changes(this)]},
        "templating": {"list": []},
        "panels": panels,
    }


def queries(board: Mapping[str, Any], rate: str = "1m") -> Sequence[str]:
    """Return what the panels ask Prometheus, with Grafana's interval replaced."""
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [one["expr"] for one in board["annotations"]["list"]]
    return [expr.replace(RATE, rate) for expr in asked]


def _panel(title: str, targets: Mapping[str, str], unit: str = "short") -> dict[str, Any]:
    return {
        "title": title,
        "type": "timeseries",
        "datasource": SOURCE,
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 8, "showPoints": "never"}},
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
            for number, (legend, expr) in enumerate(targets.items())
        ],
    }


def _changes(this: str) -> dict[str, Any]:
    """Return the marks where another version took over."""
    return {
        "name": "Another version",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": f"count by (version) (nbprod_model_info{{{this}}}) unless count by (version) (nbprod_model_info{{{this}}} offset 1m)",
        "titleFormat": "v{{version}}",
    }
