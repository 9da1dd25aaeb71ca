"""Versions of installed packages, read from the names of their metadata folders: nothing is imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_FOLDER = re.compile(r"^(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)$")


_known: dict[tuple[tuple[str, int], ...], Packages] = {}


def packages_of(path: Iterable[str]) -> Packages:
    """Return the distributions on a `sys.path`, listed once as long as none is installed or removed."""
    key = tuple((folder, _changed(folder)) for folder in path)
    if key not in _known:
        _known.clear()
        _known[key] = Packages(folder for folder, _ in key)
    return _known[key]


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


class Packages:
    """The distributions that an interpreter with this `sys.path` finds."""

    def __init__(self, path: Iterable[str]) -> None:
        self.versions: dict[str, str] = {}
        self._folders: dict[str, Path] = {}
        for folder in path:
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                if (match := _FOLDER.match(name)) is not None:
                    self.versions.setdefault(_normal(match["name"]), match["version"])
                    self._folders.setdefault(_normal(match["name"]), Path(folder, name))
        self._providers: dict[str, str] | None = None

    def of_modules(self, modules: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return for each module, with the version that it says it has, its distribution and that one's version."""
        found = {}
        for module, said in modules.items():
            name = _normal(module)
            if name not in self.versions:
                name = self._provider(module) or name
            found[module] = (name, self.versions.get(name, said))
        return found

    def change(self, before: Mapping[str, Iterable[str]]) -> str | None:
        """Say which package has another version than `before` (`pandas 3.1.0 -> 3.1.1`), None if none has."""
        for name, version in before.values():
            now = self.versions.get(name)
            if now is None and name not in self._folders and not version:
                continue
            if now is not None and now != version:
                return f"{name} {version} -> {now}"
        return None

    def _provider(self, module: str) -> str | None:
        """Return the distribution that holds a module under another name (`sklearn`, `PIL`)."""
        if self._providers is None:
            self._providers = {}
            for name, folder in self._folders.items():
                for top in _top_level(folder):
                    self._providers.setdefault(top, name)
        return self._providers.get(module)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _top_level(folder: Path) -> set[str]:
    for listing in ("top_level.txt", "RECORD", "SOURCES.txt"):
        try:
            lines = (folder / listing).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if listing == "top_level.txt":
            return {line.strip() for line in lines if line.strip()}
        tops = set()
        for line in lines:
            parts = line.split(",")[0].split("/")
            if parts[-1].endswith((".py", ".so", ".pyd")) and not parts[0].endswith((".dist-info", ".data")):
                tops.add(parts[0].partition(".")[0])
        return tops
    return set()
