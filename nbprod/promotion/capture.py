"""Capture: what the serve function needs, takes and answers, found by replaying it in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import Location, PromotionError
from nbprod.promotion import modelcode
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.signature import Signature

REPLAY = Path(__file__).with_name("replay.py")
MODULE = "model"
TIMEOUT = 900.0


@dataclass(frozen=True)
class Call:
    """A call of the service with plain values, and the answer that the notebook's own code gave."""

    route: str
    arguments: Mapping[str, Any]
    answer: Any


@dataclass(frozen=True)
class Capture:
    """What a service is made from. `stored` says for each value how it is read back; `modules` maps paths in the
    service to the files of the author's own modules; `packages` maps top-level modules to pinned distributions.
    """

    signature: Signature
    calls: Sequence[Call]
    stored: Sequence[Mapping[str, Any]]
    modules: Mapping[str, str]
    environment: Mapping[str, str]
    python: str
    packages: Mapping[str, Sequence[str]]
    module: str


def capture(candidate: Candidate, scratch: Path, *, allow_pickle: bool = False, timeout: float = TIMEOUT) -> Capture:
    """Replay the closure of the serve function with the kernel's Python; model files go to `scratch/artifacts`.

    Raises:
        PromotionError: The code fails outside the notebook, there is no sample input, a value has no safe format.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    module = module_name(candidate.folder)
    job = {
        "module": module,
        "folder": str(candidate.folder),
        "store": str(candidate.store),
        "steps": modelcode.steps(candidate),
        "serve": {
            "name": candidate.serve.name,
            "kind": candidate.serve.kind,
            "samples": list(candidate.serve.samples),
        },
        "values": {name: {"artifact": kept.artifact, "type": kept.type} for name, kept in candidate.kept.items()},
        "imports": sorted(modelcode.imports(candidate)),
        "artifacts": str(scratch / "artifacts"),
        "allow_pickle": allow_pickle,
        "result": str(scratch / "capture.json"),
    }
    path = scratch / "job.json"
    path.write_text(json.dumps(job), "utf-8")
    result = _run(candidate, path, scratch, timeout)
    if "problem" in result:
        cell = candidate.serve.cell
        raise PromotionError(
            result["problem"]["what"],
            where=Location(file=candidate.notebook.name, cell=cell.number if cell else None),
            fix=result["problem"]["fix"],
        )
    return Capture(
        Signature.from_json(result["signature"]),
        [Call(**call) for call in result["calls"]],
        result["stored"],
        result["modules"],
        result["environment"],
        result["python"],
        result["packages"],
        module,
    )


def module_name(folder: Path) -> str:
    """The name of the generated module: `model`, unless a module of the author's beside the notebook has it."""
    for name in (MODULE, "notebook_model"):
        if not (folder / f"{name}.py").exists() and not (folder / name).is_dir():
            return name
    return "nbprod_model"


def _run(candidate: Candidate, job: Path, scratch: Path, timeout: float) -> dict[str, Any]:
    log = scratch / "capture.log"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with log.open("w") as output:
        try:
            done = subprocess.run(
                [candidate.python, "-P", str(REPLAY), str(job)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=candidate.folder,
                env={**environment, "MPLBACKEND": "Agg"},
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PromotionError(
                f"`{candidate.serve.name}` did not answer its sample within {timeout:g} s",
                where=Location(file=candidate.notebook.name),
            ) from None
    result = scratch / "capture.json"
    if done.returncode or not result.exists():
        tail = "\n  ".join(log.read_text(errors="replace").splitlines()[-8:])
        raise PromotionError(
            f"the process that captures `{candidate.serve.name}` ended with code {done.returncode}:\n  {tail}",
            where=Location(file=candidate.notebook.name),
        )
    loaded: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return loaded
