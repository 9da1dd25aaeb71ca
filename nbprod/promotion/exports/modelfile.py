"""`nbprod export onnx|litert|tfjs`: the models of a version as files for other runtimes, each compared with the model itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from nbprod.errors import ExportError
from nbprod.promotion import bento
from nbprod.promotion.exports.export import Export
from nbprod.promotion.version import ModelVersion

SECONDS = 600.0


def export_model(kind: str, version: ModelVersion, folder: Path) -> Export:
    """Write each model of a version in the format `kind`, in a process of its own; what differs from the model is not written.

    Raises `ExportError` if a package is missing, no model of the version can be converted, or its answers differ.
    """
    made = Export.of(kind, version, folder)
    try:
        _convert(made)
    except ExportError:
        shutil.rmtree(folder)
        raise
    made.settle()
    return made


def _convert(made: Export) -> None:
    kind, version, folder = made.kind, made.version, made.folder
    git = version.lineage.get("git") or {}
    order = {
        "kind": kind,
        "source": str(version.path / "src"),
        "folder": str(folder),
        "values": dict(version.lineage.get("values") or {}),
        "about": {
            "model": version.model,
            "version": f"v{version.version}",
            "run": version.run,
            "commit": git.get("commit") or "",
        },
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "nbprod.promotion.exports.convert"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            cwd=folder,
            env=bento.environment(folder) | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{version.name} was not converted in {SECONDS:.0f} s") from error
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-8:])
        raise ExportError(f"{version.name} could not be converted:\n{said}") from None
    if "problem" in told:
        raise ExportError(f"{version.name}: {told['problem']}", fix=told.get("fix"))
    made.files += told["files"]
    made.tested += told["tested"]
    made.untested += told["untested"]
