"""What every export shares: the version it is made from, the folder it writes, and what it says of itself."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod.errors import ExportError
from nbprod.promotion.stored import check_files, size
from nbprod.promotion.version import ModelVersion

PORT = 3000
"""Where a service listens in its container."""
USER = 10001
"""Who it runs as there: a number, so that Kubernetes can tell that it is not root."""
GRACE = 30
"""Seconds that a service may take to end (the supervisor's)."""


@dataclass
class Export:
    """An export that is made: its folder, its files, what was tested here and what could not be."""

    kind: str
    version: ModelVersion
    folder: Path
    files: list[str] = field(default_factory=list)
    tested: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, kind: str, version: ModelVersion, folder: Path) -> Export:
        """Begin an export into a folder, which is made.

        Raises:
            ServiceError: The version's files are not what was promoted.
            ExportError: The folder holds something that no export of this kind has written.
        """
        check_files(version)
        mark = folder / ".nbprod-export"
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not mark.exists())):
            raise ExportError(f"{folder} is not empty", fix="Choose another folder with -o, or empty it.")
        try:
            if folder.exists():
                shutil.rmtree(folder)  # an export made before
            folder.mkdir(parents=True)
            mark.write_text(f"{kind} {version.name}\n", "utf-8")
        except OSError as error:
            raise ExportError(f"{folder} cannot be written: {error.strerror}") from error
        return cls(kind, version, folder)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the export."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        self.files.append(name)
        return path

    def settle(self) -> None:
        """Give every file the time of the version and the rights that anybody may read it, so that the same version gives the same image.

        Who runs in a container is not who has written the files.
        """
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (self.version.created, self.version.created))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "version": self.version.name,
            "folder": str(self.folder),
            "files": self.files,
            "tested": self.tested,
            "untested": self.untested,
        }


def plain(text: str, what: str) -> str:
    """Return a text that goes into a generated file. Raises `ExportError` if it holds control characters.

    A line break in a value would begin an instruction of its own in a Containerfile.
    """
    bad = sorted({character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")})
    if bad:
        codes = ", ".join(f"U+{ord(character):04X}" for character in bad)
        raise ExportError(f"{what} holds control characters ({codes}): {text!r}", fix="Rename it, and promote again.")
    return text


def dns_name(model: str) -> str:
    """Return a name that Kubernetes takes for a service (RFC 1035), from a model's.

    >>> dns_name("wine_quality"), dns_name("3d")
    ('wine-quality', 'm-3d')
    """
    name = re.sub(r"[^a-z0-9]+", "-", plain(model, "the model's name").lower()).strip("-") or "model"
    name = name if name[0].isalpha() else f"m-{name}"
    return name[:50].rstrip("-")


def labels(version: ModelVersion) -> Mapping[str, str]:
    """Return where an image comes from, under the names that the Open Container Initiative gives."""
    git = version.lineage.get("git") or {}
    found = {
        "org.opencontainers.image.title": version.model,
        "org.opencontainers.image.version": f"v{version.version}",
        "org.opencontainers.image.revision": str(git.get("commit") or ""),
        "dev.nbprod.run": version.run,
        "dev.nbprod.notebook": str(version.lineage.get("notebook", {}).get("path", "")),
    }
    return {name: plain(value, f"the label {name}") for name, value in found.items() if value}


def image_name(version: ModelVersion) -> str:
    """Return what the image of a version is called unless the user says it."""
    return f"{dns_name(version.model)}:v{version.version}"


def memory(version: ModelVersion) -> int:
    """Return an estimate of the memory that one worker needs, in MiB: libraries, and the model's file several times over."""
    wanted = 384 + 6 * size(version.path / "src") / 2**20
    return 128 * -(-int(wanted) // 128)
