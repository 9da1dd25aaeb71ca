"""Captures that a preview has made, kept for the promotion that follows: what is captured once is not captured again.

A capture is taken up only by a promotion for which everything that it could depend on is the same: the job (the run's code and
values, the options), the interpreter and its packages, nbprod, the environment, the modules beside the notebook, the files made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import __version__
from nbprod.execution.packages import packages_of
from nbprod.promotion.stored import hashes

if TYPE_CHECKING:
    from nbprod.project import Project

FOLDER = "captures"
MADE = "made.json"
KEEP_SECONDS = 24 * 3600.0
PASSING = frozenset({"_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL", "TERM", "WINDOWID"})
"""Variables of a shell that change from command to command."""


def key(job: Mapping[str, Any], python: str) -> str | None:
    """Return what a capture depends on, as a hash; None if that cannot be known (another interpreter than ours)."""
    if python != sys.executable:
        return None
    environment = {name: text for name, text in os.environ.items() if name not in PASSING}
    parts = [job, sys.version, sorted(packages_of(sys.path).versions.items()), __version__, sorted(environment.items())]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def keep(project: Project, scratch: Path) -> None:
    """Keep what a capture has left in `scratch`, in the place of what was kept for the same."""
    job, result = _read(scratch / "job.json"), _read(scratch / "capture.json")
    name = key(job["job"], job["python"])
    if name is None:
        return
    outside = {file: _sha(Path(file)) for file in result["modules"].values()}
    made = {"files": hashes(scratch), "outside": outside, "created": time.time()}
    (scratch / MADE).write_text(json.dumps(made), "utf-8")
    target = project.make_state() / FOLDER / name
    target.parent.mkdir(exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    try:
        scratch.rename(target)
    except OSError:  # another preview was faster
        shutil.rmtree(scratch, ignore_errors=True)


def take(project: Project, name: str, scratch: Path) -> bool:
    """Move a kept capture into `scratch` and say whether there was one whose files are as they were made."""
    clear(project)
    moved = scratch / "kept"
    try:
        (project.state / FOLDER / name).rename(moved)  # only one promotion gets it
        made = _read(moved / MADE)
        (moved / MADE).unlink()
        same = hashes(moved) == made["files"] and all(_sha(Path(file)) == sha for file, sha in made["outside"].items())
        if same:
            for path in moved.iterdir():
                shutil.move(path, scratch / path.name)
    except (OSError, ValueError, KeyError):
        same = False
    shutil.rmtree(moved, ignore_errors=True)
    return same


def clear(project: Project) -> None:
    """Remove what nobody has taken up within a day."""
    for folder in (project.state / FOLDER).glob("*"):
        try:
            created = float(_read(folder / MADE)["created"])
        except (OSError, ValueError, KeyError):
            created = 0.0
        if time.time() - created > KEEP_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _sha(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
