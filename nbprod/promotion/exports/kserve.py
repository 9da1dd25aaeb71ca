"""`nbprod export kserve`: an InferenceService whose container speaks the Open Inference Protocol (`/v2`)."""

from __future__ import annotations

from pathlib import Path

from nbprod.promotion.exports import kubernetes
from nbprod.promotion.exports.export import PORT, Export, dns_name, image_name, plain
from nbprod.promotion.exports.kubernetes import Manifest
from nbprod.promotion.exports.text import as_yaml, template
from nbprod.promotion.version import ModelVersion

CONTAINER = "kserve-container"
"""The name by which KServe finds the container that serves."""


def export_kserve(version: ModelVersion, folder: Path, *, image: str | None = None) -> Export:
    """Write the InferenceService; its pod is checked against Kubernetes' schema.

    Raises `ExportError` if the folder is taken, a name is not allowed, or the pod does not fit its schema.
    """
    made = Export.of("kserve", version, folder)
    manifest = inference_service(version, plain(image or image_name(version), "the image's name"))
    made.write("inferenceservice.yaml", as_yaml(manifest))
    made.write("README.md", template("kserve.md.jinja").render(version=version, name=dns_name(version.model)))
    kubernetes.check(made, [_as_pod(manifest)])
    made.untested.append("the InferenceService itself: its schema comes with KServe, and no cluster was asked")
    made.settle()
    return made


def inference_service(version: ModelVersion, image: str) -> Manifest:
    """Return the manifest: a predictor with a container of its own, as KServe has it for other servers than its own."""
    name = dns_name(version.model)
    pod = kubernetes.pod(version, image, {})
    container = kubernetes.container(version, image, CONTAINER)
    # Knative, on which KServe may run, allows neither the pod's security context nor its spreading, its time to end, hooks or
    # ports with names of ours
    user = pod["securityContext"]
    container["securityContext"] |= {
        key: user[key] for key in ("runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile")
    }
    container["ports"] = [{"containerPort": PORT, "protocol": "TCP"}]
    container["env"].append({"name": "PROTOCOL", "value": "v2"})
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        container[probe]["httpGet"]["port"] = PORT
    del container["lifecycle"]
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/version": f"v{version.version}", "app.kubernetes.io/managed-by": "nbprod"},
            "annotations": {"nbprod.dev/run": plain(version.run, "the run")},
        },
        "spec": {
            "predictor": {
                "minReplicas": 1,
                "maxReplicas": 10,
                "scaleMetric": "concurrency",
                "scaleTarget": 16,
                "timeout": 60,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "containers": [container],
                "volumes": pod["volumes"],
            }
        },
    }


def _as_pod(manifest: Manifest) -> Manifest:
    """Return the predictor's pod as a manifest of its own: all that is Kubernetes' and not KServe's."""
    own = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "timeout")
    predictor = manifest["spec"]["predictor"]
    spec = {key: value for key, value in predictor.items() if key not in own}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": manifest["metadata"], "spec": spec}
