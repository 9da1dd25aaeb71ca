"""A model version's files: their hashes, and whether they are still what was promoted."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import ServiceError

if TYPE_CHECKING:
    from nbprod.promotion.registry import ModelVersion


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path from there; Python's caches aside."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder, or of a file."""
    files = [folder, *folder.rglob("*")] if folder.is_dir() else [folder]
    return sum(file.stat().st_size for file in files if file.is_file())


def check_files(version: ModelVersion) -> None:
    """Raise `ServiceError` if a file of the version is not what was promoted."""
    if not version.path.is_dir():
        raise ServiceError(f"the files of {version.name} are gone: {version.path}", fix=_again(version))
    found = hashes(version.path)
    changed = sorted(file for file, sha in version.files.items() if found.get(file, sha) != sha)
    missing = sorted(set(version.files) - set(found))
    added = sorted(set(found) - set(version.files))
    if changed or missing or added:
        kinds = (("changed", changed), ("missing", missing), ("not of it", added))
        what = "; ".join(f"{kind}: {', '.join(files[:5])}" for kind, files in kinds if files)
        raise ServiceError(
            f"{version.name} is not what was promoted ({what}) in {version.path}",
            fix=_again(version),
        )


def _again(version: ModelVersion) -> str:
    return (
        f"Promote its run again (nbprod promote {version.pipeline} --run {version.run}), "
        f"or go back to another version (nbprod rollback {version.pipeline} --to V)."
    )
