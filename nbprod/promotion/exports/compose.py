"""`nbprod export compose`: the service with Prometheus, alert rules and a Grafana dashboard, on one machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbprod.errors import ExportError
from nbprod.promotion.exports import alerts
from nbprod.promotion.exports.container import write_context
from nbprod.promotion.exports.dashboard import SOURCE, dashboard
from nbprod.promotion.exports.export import GRACE, PORT, Export, dns_name, image_name, memory, plain
from nbprod.promotion.exports.text import as_yaml, template
from nbprod.promotion.version import ModelVersion

PROMETHEUS = "prom/prometheus:v2.55.1"
GRAFANA = "grafana/grafana:11.6.0"


def export_compose(version: ModelVersion, folder: Path, *, image: str | None = None, base: str | None = None) -> Export:
    """Write the stack, with the image's build context in it; the rules are checked where `promtool` is installed.

    Raises `ExportError` if the folder is taken, a name is not allowed, or `promtool` refuses.
    """
    made = Export.of("compose", version, folder)
    name = dns_name(version.model)
    write_context(made, "image/", base)
    made.write("compose.yaml", as_yaml(stack(version, plain(image or image_name(version), "the image's name"))))
    made.write("prometheus/prometheus.yml", as_yaml(prometheus(name, [f"{name}:{PORT}"])))
    made.write("prometheus/rules.yml", as_yaml(alerts.rules(version.model, job=name)))
    source = {"name": "Prometheus", "access": "proxy", "url": "http://prometheus:9090", "isDefault": True, **SOURCE}
    made.write("grafana/provisioning/datasources/prometheus.yaml", as_yaml({"apiVersion": 1, "datasources": [source]}))
    boards = {"name": "nbprod", "type": "file", "options": {"path": "/var/lib/grafana/dashboards"}}
    made.write("grafana/provisioning/dashboards/nbprod.yaml", as_yaml({"apiVersion": 1, "providers": [boards]}))
    made.write(f"grafana/dashboards/{name}.json", json.dumps(dashboard(version.model, job=name), indent=1) + "\n")
    made.write("README.md", template("compose.md.jinja").render(version=version, name=name, port=PORT))
    _check(made)
    made.untested.append("the stack was not started: `docker compose up` needs an engine and its images")
    made.untested.append("the dashboard was not drawn: no Grafana is on this machine")
    made.settle()
    return made


def stack(version: ModelVersion, image: str) -> Mapping[str, Any]:
    """Return the compose file."""
    name = dns_name(version.model)
    hardened = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "restart": "unless-stopped"}
    return {
        "name": f"{name}-stack",
        "services": {
            name: {
                "image": image,
                "build": {"context": "image", "dockerfile": "Containerfile"},
                "ports": [f"127.0.0.1:${{NBPROD_PORT:-{PORT}}}:{PORT}"],
                "environment": {"NBPROD_API_KEY": "${NBPROD_API_KEY:-}", "NBPROD_LOG_FOLDER": "/predictions"},
                "read_only": True,
                "tmpfs": ["/tmp", "/predictions:uid=10001,gid=10001,mode=0700"],  # noqa: S108 - in the container
                "mem_limit": f"{2 * memory(version)}m",
                "stop_grace_period": f"{GRACE + 5}s",
                **hardened,
            },
            "prometheus": {
                "image": PROMETHEUS,
                "ports": ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"],
                "volumes": ["./prometheus:/etc/prometheus:ro", "prometheus:/prometheus"],
                "depends_on": [name],
                **hardened,
            },
            "grafana": {
                "image": GRAFANA,
                "ports": ["127.0.0.1:${GRAFANA_PORT:-3001}:3000"],
                "environment": {
                    "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:?say what the password of Grafana's admin is}",
                    "GF_ANALYTICS_REPORTING_ENABLED": "false",
                    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
                    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
                },
                "volumes": [
                    "./grafana/provisioning:/etc/grafana/provisioning:ro",
                    "./grafana/dashboards:/var/lib/grafana/dashboards:ro",
                    "grafana:/var/lib/grafana",
                ],
                "depends_on": ["prometheus"],
                **hardened,
            },
        },
        "volumes": {"prometheus": {}, "grafana": {}},
    }


def prometheus(job: str, targets: Sequence[str], seconds: int = 15) -> Mapping[str, Any]:
    """Return Prometheus's configuration: what it scrapes and how often; the rules lie beside it."""
    return {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {"job_name": job, "metrics_path": "/metrics", "static_configs": [{"targets": list(targets)}]}
        ],
    }


def _check(made: Export) -> None:
    """Have Prometheus's own tool read configuration and rules. Raises `ExportError` with what it says against them."""
    if shutil.which("promtool") is None:
        made.untested.append("configuration and rules: install Prometheus, and its promtool checks them")
        return
    done = subprocess.run(
        ["promtool", "check", "config", str(made.folder / "prometheus" / "prometheus.yml")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExportError(f"promtool refuses the configuration of Prometheus:\n{done.stdout}{done.stderr}".rstrip())
    made.tested.append("promtool has read Prometheus's configuration and the alert rules")
