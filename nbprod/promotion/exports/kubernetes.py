"""`nbprod export kubernetes`: the manifests of a service that scales, is guarded, and is watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbprod.errors import ExportError
from nbprod.promotion.exports import alerts
from nbprod.promotion.exports.export import GRACE, PORT, USER, Export, dns_name, image_name, memory, plain
from nbprod.promotion.exports.text import as_yaml, template
from nbprod.promotion.version import ModelVersion

Manifest = Mapping[str, Any]
OPERATOR = ("ServiceMonitor", "PrometheusRule")
"""Kinds that the Prometheus operator brings: no schema of Kubernetes' own knows them."""


def export_kubernetes(version: ModelVersion, folder: Path, *, image: str | None = None) -> Export:
    """Write a file for each manifest, and check those that Kubernetes itself knows against its schemas.

    Raises `ExportError` if the folder is taken, a name is not allowed, or a manifest does not fit its schema.
    """
    made = Export.of("kubernetes", version, folder)
    manifests = manifests_of(version, plain(image or image_name(version), "the image's name"))
    for manifest in manifests:
        made.write(f"{manifest['kind'].lower()}.yaml", as_yaml(manifest))
    made.write(
        "kustomization.yaml",
        as_yaml(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [f"{manifest['kind'].lower()}.yaml" for manifest in manifests],
            }
        ),
    )
    made.write(
        "README.md",
        template("kubernetes.md.jinja").render(version=version, name=dns_name(version.model), memory=memory(version)),
    )
    check(made, [manifest for manifest in manifests if manifest["kind"] not in OPERATOR])
    made.untested.append("ServiceMonitor and PrometheusRule: their schemas come with the Prometheus operator")
    made.untested.append("no cluster was asked: `kubectl apply --dry-run=server -k .` does")
    made.settle()
    return made


def manifests_of(version: ModelVersion, image: str) -> list[Manifest]:
    """Return the manifests of a version's service."""
    name = dns_name(version.model)
    selector = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "model"}
    marks = {**selector, "app.kubernetes.io/version": f"v{version.version}", "app.kubernetes.io/managed-by": "nbprod"}

    def manifest(api: str, kind: str, spec: Mapping[str, Any]) -> Manifest:
        return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": marks}, "spec": spec}

    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return [
        manifest(
            "apps/v1",
            "Deployment",
            {
                "replicas": 2,
                "revisionHistoryLimit": 5,
                "minReadySeconds": 5,
                "progressDeadlineSeconds": 300,
                # another version is ready before the one that serves goes
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": marks, "annotations": {"nbprod.dev/run": plain(version.run, "the run")}},
                    "spec": pod(version, image, selector),
                },
            },
        ),
        manifest(
            "v1",
            "Service",
            {
                "type": "ClusterIP",
                "selector": selector,
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        ),
        manifest(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            {
                "scaleTargetRef": target,
                "minReplicas": 2,
                "maxReplicas": 10,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                    }
                ],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
            },
        ),
        manifest("policy/v1", "PodDisruptionBudget", {"minAvailable": 1, "selector": {"matchLabels": selector}}),
        manifest(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {
                "podSelector": {"matchLabels": selector},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [
                    {
                        "from": [
                            {"podSelector": {}},
                            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
                        ],
                        "ports": [{"port": PORT, "protocol": "TCP"}],
                    }
                ],
                "egress": [],  # a model asks nobody
            },
        ),
        manifest(
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            {
                "selector": {"matchLabels": selector},
                "endpoints": [{"port": "http", "path": "/metrics", "interval": "15s", "scrapeTimeout": "5s"}],
            },
        ),
        manifest("monitoring.coreos.com/v1", "PrometheusRule", alerts.rules(version.model, job=name)),
    ]


def pod(version: ModelVersion, image: str, selector: Mapping[str, str]) -> dict[str, Any]:
    """Return the pod's specification."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE + 15,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(selector)},
            }
        ],
        "containers": [container(version, image, "model")],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}}],
    }


def container(version: ModelVersion, image: str, name: str) -> dict[str, Any]:
    """Return the container that serves, with its limits and probes."""
    wanted = memory(version)
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--workers", "1"],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": [
            {"name": "OMP_NUM_THREADS", "value": "1"},
            {
                "name": "NBPROD_API_KEY",  # none without the secret
                "valueFrom": {
                    "secretKeyRef": {"name": f"{dns_name(version.model)}-key", "key": "key", "optional": True}
                },
            },
        ],
        "resources": {
            "requests": {"cpu": "250m", "memory": f"{wanted}Mi", "ephemeral-storage": "64Mi"},
            "limits": {"cpu": "1", "memory": f"{2 * wanted}Mi", "ephemeral-storage": "256Mi"},
        },
        "startupProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 2, "failureThreshold": 90},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 3},
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": "http"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        # endpoints forget a pod a little after it is told to end
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in the container
    }


def check(made: Export, manifests: Iterable[Manifest]) -> None:
    """Check manifests against the schemas of the newest Kubernetes that `kubernetes-validate` knows, nothing unknown allowed.

    Raises `ExportError` for what does not fit.
    """
    found = list(manifests)
    kinds = ", ".join(manifest["kind"] for manifest in found)
    try:
        import kubernetes_validate
    except ImportError:
        made.untested.append(f"{kinds}: install kubernetes-validate, and they are checked against Kubernetes' schemas")
        return
    release = kubernetes_validate.latest_version()
    for manifest in found:
        try:
            kubernetes_validate.validate(manifest, release, strict=True)
        except kubernetes_validate.ValidationError as error:
            raise ExportError(
                f"the {manifest['kind']} does not fit the schema of Kubernetes {release}: {error}"
            ) from error
    made.tested.append(
        f"{kinds} {'fit' if ',' in kinds else 'fits'} the schemas of Kubernetes {release}, nothing unknown in them"
    )
