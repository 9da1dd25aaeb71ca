"""`nbprod export container`: what an image is built from, and the image where an engine answers."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path

from nbprod.promotion.exports import engine
from nbprod.promotion.exports.export import GRACE, PORT, USER, Export, image_name, labels, plain
from nbprod.promotion.exports.locking import lock
from nbprod.promotion.exports.text import template
from nbprod.promotion.version import ModelVersion

LEFT_OUT = ("env", "__pycache__")
"""Parts of a Bento that only BentoML's own image needs, and Python's caches."""


def export_container(
    version: ModelVersion, folder: Path, *, image: str | None = None, base: str | None = None, build: bool = True
) -> Export:
    """Write the build context of a version's image; build it unless `build` is false or no engine answers.

    `base` replaces `python:X.Y-slim`; with a digest (`python@sha256:...`) the image is the same whenever it is built.

    Raises `ExportError` if the folder is taken, a name would break the file, or the engine refuses.
    """
    made = Export.of("container", version, folder)
    name = plain(image or image_name(version), "the image's name")
    write_context(made, "", base)
    made.write(
        "README.md",
        template("container.md.jinja").render(version=version, image=name, port=PORT, grace=GRACE),
    )
    made.settle()
    _build(made, name) if build else made.untested.append("the image was not built: --no-build")
    return made


def write_context(made: Export, inside: str, base: str | None = None) -> None:
    """Write Containerfile, locked requirements and the Bento below `inside` of an export."""
    version = made.version
    python = str(version.lineage.get("python") or "3.11")
    shutil.copytree(version.path, made.folder / inside / "bento", ignore=shutil.ignore_patterns(*LEFT_OUT))
    made.files.append(f"{inside}bento/")
    locked = lock(version.path / "env" / "python" / "requirements.txt", python)
    made.write(f"{inside}requirements.txt", locked.text)
    if locked.hashed:
        made.tested.append("requirements are locked with hashes" + (", all of them wheels" if locked.wheels else ""))
    if locked.why:
        made.untested.append(f"requirements: {locked.why}")
    made.write(
        f"{inside}Containerfile",
        template("Containerfile.jinja").render(
            base=plain(base or f"python:{'.'.join(python.split('.')[:2])}-slim", "the base image"),
            version=version,
            model=plain(version.model, "the model's name"),
            labels={name: json.dumps(text).replace("$", "\\$") for name, text in labels(version).items()},
            hashed=locked.hashed,
            wheels=locked.wheels,
            user=USER,
            port=PORT,
            epoch=int(version.created),
            uv=importlib.metadata.version("uv"),
        ),
    )
    made.write(f"{inside}.dockerignore", "*\n!requirements.txt\n!bento\n**/__pycache__\n")
    if base is None or "@sha256:" not in base:
        made.untested.append("the base image is named by a tag, which moves: --base IMAGE@sha256:... pins it")


def _build(made: Export, image: str) -> None:
    found = engine.find_engine()
    if found is None:
        made.untested.append(f"the image was not built: none of {', '.join(engine.ENGINES)} answers on this machine")
        return
    engine.build(found, made.folder, image)
    made.tested.append(f"{found} built the image {image}")
    made.untested.append("the image was not started: `docker run` as README.md says")
