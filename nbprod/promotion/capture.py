"""Capture: what the serve function needs, takes and answers, found by replaying it in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import Location, PromotionError
from nbprod.promotion import captures, modelcode
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.signature import Signature

if TYPE_CHECKING:
    from nbprod.project import Project

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
    profile: Mapping[str, Any] = field(default_factory=dict)
    holdout: Mapping[str, Any] = field(default_factory=dict)
    """What lineage says of the held-out rows, which lie in `scratch/holdout`; `{"why": ...}` if there are none."""
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """For each folder of held-out rows in `against`, the `metrics` of this model on them and the `problems` of others."""
    many: Sequence[Call] = ()
    """Calls with many rows that the run kept: the service is asked them too, and they are in no file of it."""

    @property
    def rows(self) -> int:
        """How many rows are in `many`."""
        return sum(
            max([len(v) for v in call.arguments.values() if isinstance(v, list)], default=1) for call in self.many
        )


def capture(
    candidate: Candidate,
    scratch: Path,
    *,
    allow_pickle: bool = False,
    holdout: Mapping[str, str | None] | None = None,
    against: Sequence[Path] = (),
    project: Project | None = None,
    timeout: float = TIMEOUT,
) -> Capture:
    """Replay the closure of the serve function with the kernel's Python.

    Model files go to `scratch/artifacts`, held-out rows to `scratch/holdout`. `holdout` says which variables they are
    (`rows`, `truth`, `answer`) as far as the user does; `against` are folders with those of other versions.
    What a preview in `project` has captured is taken over if everything is as it was.

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
        "allow_pickle": allow_pickle,
        "holdout": dict(holdout or {}),
        "measures": [one.to_json() for one in candidate.measures],
        "against": [str(folder) for folder in against],
    }
    name = captures.key(job, candidate.python) if project is not None else None
    if project is not None and name is not None and captures.take(project, name, scratch):
        result = json.loads((scratch / "capture.json").read_text("utf-8"))
    else:
        path = scratch / "job.json"
        path.write_text(json.dumps({"job": job, "python": candidate.python}), "utf-8")
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
        result["profile"],
        result["holdout"],
        result["scores"],
        [Call(**call) for call in result["many"]],
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
