"""Locked requirements of a service: every package with its version and the hashes of its files, as uv finds them."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SECONDS = 120.0


@dataclass(frozen=True)
class Lock:
    """A requirements file's text. `hashed`: it holds every package with hashes. `wheels`: none of them must be compiled.
    `why` says what could not be had.
    """

    text: str
    hashed: bool
    wheels: bool
    why: str = ""


def lock(requirements: Path, python: str) -> Lock:
    """Lock a version's requirements for Linux and a Python (`3.11.7`), to the versions that are installed here, where parity was checked.

    Falls back, in this order, to packages that must be compiled, to newer versions of what the requirements do not name, and
    to the requirements as they are, which is said in `why`.
    """
    text = requirements.read_text("utf-8")
    said = ""
    with tempfile.TemporaryDirectory(prefix="nbprod-lock-") as folder:
        installed = Path(folder) / "installed.txt"
        installed.write_text("\n".join(_installed()) + "\n", "utf-8")
        for constraints, wheels in ((installed, True), (None, True), (installed, False), (None, False)):
            found = _compile(requirements, python, constraints, wheels=wheels)
            if found.returncode == 0:
                newer = (
                    "" if constraints else "versions of indirect requirements may be newer than those that were tested"
                )
                return Lock(found.stdout, hashed=True, wheels=wheels, why=newer)
            said = said or (found.stderr.strip().splitlines() or ["uv gave no reason"])[-1].strip(" ╰─▶│")
    return Lock(text, hashed=False, wheels=False, why=f"no hashes and no indirect requirements, for uv says: {said}")


def _compile(
    requirements: Path, python: str, constraints: Path | None, *, wheels: bool
) -> subprocess.CompletedProcess[str]:
    command = [
        *(
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            str(requirements),
            "--quiet",
            "--no-progress",
            "--no-header",
            "--no-annotate",
        ),
        *("--generate-hashes", "--python-platform", "linux", "--python-version", _minor(python)),
        *(["--constraint", str(constraints)] if constraints else []),
        *(["--no-build"] if wheels else []),
    ]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer from the package index in {SECONDS:.0f} s")


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _installed() -> list[str]:
    """Return what is installed here, where the built service was checked, as constraints; what comes from no index is left out."""
    found = {}
    for one in importlib.metadata.distributions():
        name, version = one.metadata["Name"], one.version
        if name and version and "+" not in version and one.read_text("direct_url.json") is None:
            found[re.sub(r"[-_.]+", "-", name).lower()] = version
    return [f"{name}=={version}" for name, version in sorted(found.items())]
