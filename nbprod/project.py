"""A project: the folder with `pipelines.yaml`, and `.nbprod` beside it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import NotFoundError

if TYPE_CHECKING:
    from nbprod.config import PipelineConfig, ProjectConfig

CONFIG = "pipelines.yaml"
STATE = ".nbprod"
NOTEBOOKS = (".ipynb", ".py", ".md")


@dataclass(frozen=True)
class Entry:
    """A pipeline of a project: its name, the absolute path of its notebook and what `pipelines.yaml` says of it, if it does."""

    name: str
    notebook: Path
    listed: PipelineConfig | None = None

    @cached_property
    def config(self) -> PipelineConfig:
        """What `pipelines.yaml` says of it, or the defaults."""
        from nbprod.config import PipelineConfig  # with pydantic, 0.2 s: not for a notebook that is not listed

        return self.listed or PipelineConfig(notebook=str(self.notebook))

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The values that `pipelines.yaml` gives its parameters."""
        return self.listed.parameters if self.listed else {}

    @property
    def run_options(self) -> dict[str, Any]:
        """What `pipelines.yaml` says of how its runs go, as `run_pipeline` takes it (parameters aside)."""
        if self.listed is None:
            return {}
        return {
            "resources": self.listed.resources,
            "inputs": tuple(self.listed.inputs),
            "workers": self.listed.workers,
        }


@dataclass(frozen=True)
class Project:
    """The folder `root`; everything that nbprod keeps is in `root/.nbprod`.

    `pipelines.yaml` is optional: without it, pipelines are named by the paths of their notebooks.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | str | None = None) -> Project:
        """Return the project that `start` (the current folder) lies in.

        Its root is the nearest folder, `start` or above, with a `pipelines.yaml`; without one, the nearest in which
        runs were kept before; `start` itself where there is neither.
        """
        here = Path(start or Path.cwd()).resolve()
        for mark in (CONFIG, f"{STATE}/nbprod.db"):
            for folder in (here, *here.parents):
                if (folder / mark).is_file():
                    return cls(folder)
        return cls(here)

    @property
    def state(self) -> Path:
        """The folder of records, artifacts, runs and services; it may not exist yet."""
        return self.root / STATE

    @property
    def has_records(self) -> bool:
        """Whether anything was ever kept; asking the records of a project without any would create them."""
        return self.records is not None or (self.state / "nbprod.db").is_file()

    def make_state(self) -> Path:
        """Create the state folder, kept out of version control, and return it."""
        self.state.mkdir(parents=True, exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return self.state

    @cached_property
    def config(self) -> ProjectConfig:
        """What `pipelines.yaml` says; empty without the file. Raises `ConfigError`."""
        from nbprod.config import ProjectConfig, read_config

        path = self.root / CONFIG
        return read_config(path, shown(path)) if path.is_file() else ProjectConfig()

    @cached_property
    def records(self) -> str | None:
        """The URL of the database that `pipelines.yaml` names, if it does. Raises `ConfigError`.

        What only lists what is kept needs no more of the file, and does not wait for all of it to be checked.
        """
        path = self.root / CONFIG
        if not path.is_file():
            return None
        from nbprod.yamlfile import read_yaml

        said = read_yaml(path, shown(path)).value
        return self.config.records if isinstance(said, dict) and said.get("records") is not None else None

    @property
    def pipelines(self) -> Mapping[str, Entry]:
        """The pipelines of `pipelines.yaml` by name."""
        if not (self.root / CONFIG).is_file():
            return {}
        return {
            name: Entry(name, (self.root / config.notebook).resolve(), config)
            for name, config in self.config.pipelines.items()
        }

    def pipeline(self, name: str | None = None) -> Entry:
        """Return the pipeline called `name`, or that of the notebook whose path `name` is.

        A path is taken from the current folder. Without a name the project must have exactly one pipeline. A notebook
        that `pipelines.yaml` does not list is a pipeline too, named by its path from the root, without the ending.
        Raises `NotFoundError`.
        """
        known = self.pipelines
        if name is None:
            if len(known) == 1:
                return next(iter(known.values()))
            raise NotFoundError("say which pipeline", fix=self._choice())
        if name in known:
            return known[name]
        path = Path(name)
        if path.suffix in NOTEBOOKS:
            full = path.resolve()
            entry = self.entry(full)
            if entry not in known.values() and not full.exists():
                raise NotFoundError(f"there is no notebook {shown(full)}", fix=self._choice())
            return entry
        for ending in NOTEBOOKS:
            full = (self.root / f"{name}{ending}").resolve()
            if full.is_file():
                return self.entry(full)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise NotFoundError(f"there is no pipeline {name!r} in {shown(self.root / CONFIG)}", fix=hint + self._choice())

    def entry(self, notebook: Path) -> Entry:
        """Return the pipeline of the notebook at this absolute path, listed or not, which need not exist."""
        for entry in self.pipelines.values():
            if entry.notebook == notebook:
                return entry
        name = os.path.relpath(notebook.with_suffix(""), self.root).replace(os.sep, "/")
        return Entry(name, notebook)

    def _choice(self) -> str:
        if not (self.root / CONFIG).is_file():
            return f"There is no {CONFIG} here or above; give the path of a notebook."
        names = ", ".join(self.config.pipelines)
        return f"Pipelines: {names}." if names else f"{CONFIG} lists no pipeline; add one, or give a notebook's path."


def shown(path: Path) -> str:
    """Return `path` as a message shows it: from the current folder where it lies below, else in full."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
