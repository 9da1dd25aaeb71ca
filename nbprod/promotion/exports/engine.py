"""Container engines: which one answers here, and building an image with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from nbprod.errors import ExportError

ENGINES = {"docker": ("docker", "version"), "podman": ("podman", "info"), "buildah": ("buildah", "info")}
"""What each is asked to see whether it works: Docker's program is often there without its daemon."""
BUILD = {
    "docker": ("docker", "build"),
    "podman": ("podman", "build", "--format", "docker"),  # the other format has no HEALTHCHECK
    "buildah": ("buildah", "build", "--format", "docker"),
}
SECONDS = 1800.0


def find_engine() -> str | None:
    """Return the first engine that answers."""
    for name, command in ENGINES.items():
        if shutil.which(name) is None:
            continue
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=15, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return name
    return None


def build(engine: str, folder: Path, image: str) -> None:
    """Build the image of a folder with a Containerfile. Raises `ExportError` with the end of what the engine said."""
    command = [*BUILD[engine], "--file", str(folder / "Containerfile"), "--tag", image, str(folder)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{engine} did not build the image in {SECONDS:.0f} s") from error
    if done.returncode:
        told = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ExportError(
            f"{engine} could not build the image:\n{told}",
            fix=f"The folder stays: {folder}; --no-build leaves the image out.",
        )
