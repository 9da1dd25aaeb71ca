"""Exported manifests of others' kinds, against what their own packages say they take (`make test` fetches those)."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbprod.promotion.exports import kserve, kubernetes
from nbprod.promotion.version import ModelVersion

SCHEMAS = Path(sys.prefix) / "schemas"
OPERATOR = SCHEMAS / "node_modules" / "@kubernetes-models" / "prometheus-operator"
KSERVE = SCHEMAS / "kserve" / "kserve" / "models"
CHECK = """
import { readFileSync } from 'node:fs';
const manifest = JSON.parse(readFileSync(0, 'utf8'));
const module = await import(`@kubernetes-models/prometheus-operator/${manifest.apiVersion}/${manifest.kind}`);
new module[manifest.kind](manifest).validate();
"""


def needs(path: Path) -> None:
    if not path.exists():
        missing = f"{path} is not there: `make test` fetches it"
        if os.environ.get("NBPROD_MONITORING") == "required":
            pytest.fail(missing)
        pytest.skip(missing)


def refusal(manifest: dict[str, Any]) -> str:
    """Return what the Prometheus operator's schema has against a manifest."""
    node = shutil.which("node")
    assert node is not None
    script = SCHEMAS / "check.mjs"
    script.write_text(CHECK)
    done = subprocess.run([node, str(script)], input=json.dumps(manifest), capture_output=True, text=True)
    return next((line for line in done.stderr.splitlines() if "Error: " in line), "")


@pytest.mark.parametrize("kind", kubernetes.OPERATOR)
def test_what_the_prometheus_operator_reads_fits_its_schema(promoted: ModelVersion, kind: str) -> None:
    needs(OPERATOR)
    found = {one["kind"]: dict(one) for one in kubernetes.manifests_of(promoted, "wine:v1")}
    assert refusal(found[kind]) == ""
    wrong = {**found[kind], "spec": {**found[kind]["spec"], "endpoints": 1, "groups": 1}}
    assert "must be array" in refusal(wrong)


def fields(model: str) -> set[str]:
    """Return the names that a type of KServe's API has, from the class that its package generates from it."""
    tree = ast.parse((KSERVE / f"{model}.py").read_text())
    [value] = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "attribute_map"
    ]
    return set(ast.literal_eval(value).values())


def test_an_inference_service_has_only_what_kserve_knows(promoted: ModelVersion) -> None:
    needs(KSERVE)
    manifest = kserve.inference_service(promoted, "wine:v1")
    assert set(manifest) <= fields("v1beta1_inference_service")
    assert set(manifest["spec"]) <= fields("v1beta1_inference_service_spec")
    assert set(manifest["spec"]["predictor"]) <= fields("v1beta1_predictor_spec")
    assert "scaleMetrics" not in fields("v1beta1_predictor_spec")
