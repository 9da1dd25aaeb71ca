"""The package of a model version: generated code, model files, lineage and model card, built into a Bento."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod import __version__
from nbprod.errors import Location, PromotionError
from nbprod.promotion import bento, modelcode, servicecode
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.capture import Capture
from nbprod.promotion.card import write_card
from nbprod.promotion.gate import Check
from nbprod.promotion.stored import hashes

SUPPORT = Path(__file__).with_name("support.py")
INSIDE = Path(__file__).with_name("inside")
RESERVED = ("service.py", "nbprod_support.py", "nbprod_onnx.py", "nbprod_serving")
ONNX = Path(__file__).with_name("onnxed.py")


@dataclass(frozen=True)
class Package:
    """An exported Bento: its folder, where it comes from, and the SHA-256 of each of its files."""

    folder: Path
    lineage: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)


def package(
    candidate: Candidate,
    captured: Capture,
    name: str,
    version: str,
    scratch: Path,
    *,
    workers: int = 1,
    host: str = "127.0.0.1",
    checks: Sequence[Check] = (),
) -> Package:
    """Write the source folder, build the Bento in a process of its own, and return the export in `scratch/bento`.

    Raises:
        PromotionError: A module of the author's has a name that the service needs, or BentoML refuses.
    """
    source = scratch / "source"
    source.mkdir(parents=True)
    about = servicecode.ServiceText(
        name,
        version,
        candidate.notebook.name,
        candidate.run,
        candidate.serve.name,
        candidate.serve.kind,
        captured.module,
        workers,
        host,
    )
    packages = requirements(candidate, captured)
    lineage = _lineage(candidate, captured, f"{name}/{version}", packages)
    readme = write_card(candidate, captured, name, version, lineage, checks)
    texts = {
        "service.py": servicecode.write_service(about, captured.signature),
        f"{captured.module}.py": modelcode.write_model(
            f"{name}/{version}", candidate, captured.stored, captured.environment
        ),
        "nbprod_support.py": SUPPORT.read_text("utf-8"),
        "lineage.json": json.dumps(_shipped(lineage), indent=1),
        "signature.json": json.dumps(captured.signature.to_json(), indent=1),
        "profile.json": json.dumps(captured.profile),
        "samples.json": json.dumps([vars(call) for call in captured.calls], indent=1),
    }
    if any(item["format"] == "onnx" for item in captured.stored):
        texts["nbprod_onnx.py"] = ONNX.read_text("utf-8")
    for file, text in texts.items():
        (source / file).write_text(text, "utf-8")
    shutil.copytree(INSIDE, source / "nbprod_serving", ignore=shutil.ignore_patterns("__pycache__"))
    _copy_modules(captured, source)
    artifacts = scratch / "artifacts"
    if artifacts.is_dir() and any(artifacts.iterdir()):
        shutil.move(artifacts, source / "artifacts")
    export = scratch / "bento"
    bento.build(
        source,
        export,
        scratch / "home",
        service=servicecode.class_name(name),
        name=name,
        version=version,
        readme=readme,
        packages=packages,
    )
    return Package(export, lineage, hashes(export))


def service_name(text: str) -> str:
    """A name that BentoML takes, from a pipeline's name or the configuration.

    >>> service_name("Wine Quality")
    'wine-quality'
    """
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "service"


def requirements(candidate: Candidate, captured: Capture) -> list[str]:
    """The pinned distributions that the service imports: the code's own imports and those of its model files.

    An import of what is not installed where the notebook ran is optional, and left out.

    Raises `PromotionError` for a module that was imported and that no installed distribution provides.
    """
    wanted = modelcode.imports(candidate)
    for item in captured.stored:
        wanted |= set(item["packages"])
    for path in captured.modules.values():
        wanted |= modelcode.imported(Path(path).read_text("utf-8"))
    kinds = {item.kind for item in captured.signature.inputs}
    wanted |= {"pandas"} if kinds & {"frame", "series"} else set()
    wanted |= {"numpy"} if kinds & {"array", "image"} else set()
    wanted |= {"PIL"} if "image" in kinds else set()
    own = {path.partition("/")[0].removesuffix(".py") for path in captured.modules} | {captured.module}
    wanted -= own | sys.stdlib_module_names
    wanted &= set(captured.packages)
    unknown = sorted(top for top in wanted if not captured.packages[top])
    if unknown:
        raise PromotionError(
            f"the service imports {', '.join(unknown)}, which no installed package provides, so that it cannot be pinned",
            where=Location(file=candidate.notebook.name),
            fix="Install the package, or put the module beside the notebook: it is then packed with the service.",
        )
    return sorted({pinned for top in wanted for pinned in captured.packages[top]}, key=str.lower)


def _copy_modules(captured: Capture, source: Path) -> None:
    for inside, file in captured.modules.items():
        if inside.partition("/")[0] in RESERVED:
            raise PromotionError(
                f"the module {file} has a name that the generated service needs itself",
                fix="Rename it, and its import in the notebook.",
            )
        target = source / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _lineage(candidate: Candidate, captured: Capture, version: str, packages: list[str]) -> dict[str, Any]:
    return {
        "model": version,
        "run": candidate.run,
        "pipeline": candidate.pipeline,
        "parameters": dict(candidate.parameters),
        "metrics": dict(candidate.metrics),
        "serve": {"name": candidate.serve.name, "kind": candidate.serve.kind},
        **candidate.lineage,
        "python": captured.python,
        "holdout": dict(captured.holdout),
        "requirements": packages,
        "values": {
            item["name"]: {key: item[key] for key in ("type", "format", "file", "source", "onnx") if key in item}
            for item in captured.stored
        },
        "modules": {
            inside: hashlib.sha256(Path(file).read_bytes()).hexdigest() for inside, file in captured.modules.items()
        },
        "nbprod": __version__,
    }


def _shipped(lineage: Mapping[str, Any]) -> dict[str, Any]:
    """The lineage as the service tells it: of the cells their hashes, and no code that is not in the service anyway."""
    cells = [{key: cell[key] for key in cell if key != "source"} for cell in lineage.get("cells", ())]
    return {**lineage, **({"cells": cells} if cells else {})}
