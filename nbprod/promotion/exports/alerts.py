"""Alert rules for Prometheus: what of a service somebody should be told."""

from __future__ import annotations

import json
from typing import Any

ERRORS = 0.02
"""The share of requests that may fail by the service's fault."""
REFUSED = 0.2
"""The share of requests that may be refused: a caller has changed what it sends."""
SECONDS = 0.5
"""What 99 of 100 answers may take."""
DISAGREES = 0.1
"""The share of answers in which a challenger in shadow may differ."""


FAILED, DENIED, DIFFERS = ',code=~"5.."', ',code=~"4.."', ',agrees="false"'


def rules(model: str, *, job: str) -> dict[str, Any]:
    """Return the groups of rules for a model that Prometheus scrapes as `job`."""
    this = f"model={json.dumps(model)}"

    def share(name: str, part: str, window: str) -> str:
        count = f"sum by (model) (rate({name}{{{this}{part}}}[{window}]))"
        return f"{count} / sum by (model) (rate({name}{{{this}}}[{window}]))"

    def alert(name: str, expr: str, held: str, severity: str, summary: str, what: str) -> dict[str, Any]:
        return {
            "alert": name,
            "expr": expr,
            "for": held,
            "labels": {"severity": severity, "model": model},
            "annotations": {"summary": summary, "description": what},
        }

    return {
        "groups": [
            {
                "name": f"nbprod-{model}",
                "rules": [
                    alert(
                        "NbprodDown",
                        f"up{{job={json.dumps(job)}}} == 0",
                        "1m",
                        "critical",
                        f"{model} does not answer",
                        "{{ $labels.instance }} cannot be reached. Its log says why it ended.",
                    ),
                    alert(
                        "NbprodErrors",
                        f"{share('nbprod_requests_total', FAILED, '5m')} > {ERRORS}",
                        "2m",
                        "critical",
                        f"{model} fails",
                        "{{ $value | humanizePercentage }} of its requests end with a server error.",
                    ),
                    alert(
                        "NbprodRefused",
                        f"{share('nbprod_requests_total', DENIED, '5m')} > {REFUSED}",
                        "5m",
                        "warning",
                        f"{model} refuses what it is sent",
                        "{{ $value | humanizePercentage }} of its requests do not fit the signature: has a caller changed?",
                    ),
                    alert(
                        "NbprodSlow",
                        "histogram_quantile(0.99, sum by (model, le) "
                        f"(rate(nbprod_request_seconds_bucket{{{this}}}[5m]))) > {SECONDS}",
                        "5m",
                        "warning",
                        f"{model} is slow",
                        "1 of 100 answers takes {{ $value | humanizeDuration }} or more.",
                    ),
                    alert(
                        "NbprodDrift",
                        f"max by (model, version) (nbprod_drift_alarm{{{this}}}) > 0",
                        "0m",
                        "warning",
                        f"{model} is asked for other data than it was made from",
                        "`nbprod monitor` says which features of v{{ $labels.version }} have drifted.",
                    ),
                    alert(
                        "NbprodPredictionsLost",
                        f"sum by (model) (increase(nbprod_predictions_dropped_total{{{this}}}[10m])) > 0",
                        "0m",
                        "warning",
                        f"predictions of {model} are not logged",
                        "{{ $value | humanize }} in ten minutes: is the disk full?",
                    ),
                    alert(
                        "NbprodChallengerDisagrees",
                        f"{share('nbprod_shadow_total', DIFFERS, '15m')} > {DISAGREES}",
                        "15m",
                        "info",
                        f"the challenger of {model} answers otherwise",
                        "{{ $value | humanizePercentage }} of the answers differ.",
                    ),
                ],
            }
        ]
    }
