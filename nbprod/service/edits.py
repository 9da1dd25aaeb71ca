"""A version's code may be edited: an edit is seen, kept, and served once someone has said so. Its model files may not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbprod.errors import ServiceError
from nbprod.promotion.stored import check_files, hashes
from nbprod.service.records import home

if TYPE_CHECKING:
    from nbprod.project import Project
    from nbprod.promotion.registry import ModelVersion

CODE = ("src/service.py", "src/model.py")
"""What was generated for people to read and to change."""


def check(project: Project, version: ModelVersion, *, accept: bool = False) -> list[str]:
    """Return which files of a version were edited; with `accept`, the edit as it is now is accepted from then on.

    Raises `ServiceError` if an edit was not accepted, or if any other file is not what was promoted.
    """
    found = hashes(version.path) if version.path.is_dir() else {}
    edited = [file for file in CODE if file in found and found[file] != version.files.get(file)]
    if not edited or any(found.get(file) != sha for file, sha in version.files.items() if file not in edited):
        check_files(version)
        return []
    if found.keys() - version.files.keys():
        check_files(version)
    path = home(project, version.model) / "edits.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    now = {file: found[file] for file in edited}
    if accept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**known, f"v{version.version}": now}, indent=1), "utf-8")
    elif known.get(f"v{version.version}") != now:
        raise ServiceError(
            f"{version.name} is not what was promoted: {', '.join(edited)} was edited in {version.path}",
            fix="Serve it as it is now (`--accept-edits`; parity was checked before the edit), promote the run again, "
            "or serve another version.",
        )
    return edited
