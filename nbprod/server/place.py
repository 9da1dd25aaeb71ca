"""Where a notebook of the server is: inside the server's root, in a project, under a name in the records."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import Location, NotFoundError

if TYPE_CHECKING:
    from nbprod.errors import ConfigError
    from nbprod.project import Entry, Project
    from nbprod.server.jobs import Jobs

STATE = ".nbprod"


class OutsideError(NotFoundError):
    """A path leads out of the server's root."""

    status = 403


@dataclass(frozen=True)
class Server:
    """What every route works with: the server's root, links resolved, and its jobs."""

    root: Path
    jobs: Jobs

    def place(self, path: str) -> Place:
        """Return the place of a notebook, which need not exist. Raises `NotFoundError` for a path that is none here."""
        return place_of(self.root, path)

    def existing(self, path: str) -> Place:
        """Return the place of a notebook that is to be worked with: it is there, and `pipelines.yaml` is right."""
        place = self.place(path)
        if place.problem is not None:
            raise place.problem
        if not place.notebook.is_file():
            raise NotFoundError(
                "there is no such notebook", where=Location(file=path), fix="Save it; if it was renamed, open it anew."
            )
        return place


@dataclass(frozen=True)
class Place:
    """A notebook: `path` as Jupyter has it, `notebook` on the disk, links resolved.

    `problem` is what is wrong with `pipelines.yaml`; `project` is then as if it were empty.
    """

    server_root: Path
    path: str
    notebook: Path
    project: Project
    entry: Entry
    problem: ConfigError | None = None

    @property
    def root(self) -> str:
        """The project's root as Jupyter has it (it may lie above the server's: `..`)."""
        relative = os.path.relpath(self.project.root, self.server_root).replace(os.sep, "/")
        return "" if relative == "." else relative

    def shown(self, path: str | Path) -> str | None:
        """Return a path on the disk as Jupyter has it; None outside of the server's root."""
        return shown(self.server_root, Path(path))


def shown(root: Path, path: Path) -> str | None:
    """Return a path on the disk relative to the server's root, with `/`; None outside of it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def inside(root: Path, path: str) -> Path:
    """Return where `path` is on the disk, links resolved. Raises `NotFoundError` for what is not inside `root`.

    `path` is as Jupyter's contents API has it; nbprod's own folder is nobody else's business.
    """
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path:
        raise NotFoundError(f"{path!r} is no path of a notebook", fix="Give its path relative to the server's root.")
    if path.startswith("/") or ".." in parts:
        raise OutsideError(
            f"{path!r} is not relative to the server's root", fix="Give the path as JupyterLab's file browser has it."
        )
    try:
        full = (root / path).resolve()
        is_folder = full.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that is too long
        reason = getattr(error, "strerror", None) or error
        raise NotFoundError(f"{path[:100]!r} cannot be found: {reason}") from error
    if not full.is_relative_to(root):
        raise OutsideError(
            f"{path!r} leads out of the folder that the server shows",
            fix="Start the server in a folder above it, or copy the notebook.",
        )
    if is_folder:
        raise NotFoundError(f"{path!r} is a folder", fix="Give the path of a notebook in it.")
    if STATE in parts or STATE in full.relative_to(root).parts:
        raise NotFoundError(f"{path!r} is in nbprod's own folder", fix="Open a notebook of yours.")
    return full


def place_of(root: Path, path: str) -> Place:
    """Return the place of the notebook `path` below the server's root. Raises `NotFoundError`."""
    from nbprod.config import ProjectConfig
    from nbprod.errors import ConfigError
    from nbprod.project import Project

    full = inside(root, path)
    project = Project.find(full.parent)
    problem = None
    try:
        project.config  # noqa: B018  (read once, here)
    except ConfigError as error:
        problem = error
        vars(project).update(config=ProjectConfig(), records=None)  # the cached properties: as if there were no file
    return Place(root, path, full, project, project.entry(full), problem)
