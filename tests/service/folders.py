"""Bentos written by hand, with the code that promotion generates, so that no model need be trained to serve one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbprod.project import Project
from nbprod.promotion import package, servicecode
from nbprod.promotion.registry import ModelVersion, Registry
from nbprod.promotion.signature import Column, Input, Signature
from nbprod.promotion.stored import hashes

ROWS = Input("rows", "records", columns=(Column("x", "x", "float", low=0.0, high=9.0), Column("n", "n", "int")))
SIGNATURE = Signature((ROWS,), {"predict": "list[float]"}, "Double each x.", rowwise=True)
DOUBLE = "def predict(rows):\n    return [2.0 * row['x'] for row in rows]\n"
SAMPLE = {"route": "predict", "arguments": {"rows": [{"x": 1.5, "n": 1}, {"x": 2.0, "n": 2}]}, "answer": [3.0, 4.0]}


def write_bento(
    folder: Path,
    version: int = 1,
    *,
    model: str = DOUBLE,
    signature: Signature = SIGNATURE,
    samples: Sequence[Mapping[str, Any]] = (SAMPLE,),
    name: str = "double",
) -> Path:
    """Write a Bento as promotion exports it, as far as serving it needs."""
    source = folder / "src"
    source.mkdir(parents=True)
    about = servicecode.ServiceText(name, f"v{version}", "double.ipynb", "run-1", "predict", "function", "model")
    lineage = {"model": f"{name}/v{version}", "run": "run-1", "git": {"commit": "abc"}, "parameters": {}}
    texts = {
        "service.py": servicecode.write_service(about, signature),
        "model.py": model,
        "nbprod_support.py": package.SUPPORT.read_text("utf-8"),
        "lineage.json": json.dumps(lineage),
        "signature.json": json.dumps(signature.to_json()),
        "samples.json": json.dumps(list(samples)),
    }
    for file, text in texts.items():
        (source / file).write_text(text, "utf-8")
    shutil.copytree(package.INSIDE, source / "nbprod_serving", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "bento.yaml").write_text(f"service: service:{servicecode.class_name(name)}\n", "utf-8")
    return folder


def register(project: Project, name: str = "double", **options: Any) -> ModelVersion:
    """Write a Bento and register it as the next ready version."""
    registry = Registry(project)
    version = registry.reserve(name, name, "run-1", {"accuracy": 1.0})
    folder = write_bento(project.state / "made" / str(version.version), version.version, name=name, **options)
    return registry.ready(version, folder, {}, hashes(folder))
