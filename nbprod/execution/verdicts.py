"""What is remembered of which modules may be imported before a fork, for the packages installed now."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nbprod.execution.atomic import write_text

VERSION = 1
"""Raised when the trial asks for something else."""


class Verdicts:
    """Verdicts on modules by name, for one interpreter: an empty text, or why not. Any change of its packages forgets them."""

    def __init__(self, executable: str) -> None:
        name = f"{VERSION}\0{executable}\0{_packages(executable)}"
        self._path = _folder() / f"forksafe-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"

    def read(self) -> dict[str, str]:
        """Return what is known."""
        try:
            found: dict[str, str] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # nothing yet, or spoilt: it is found out again
            return {}
        return found

    def add(self, verdicts: Mapping[str, str]) -> None:
        """Remember more; what cannot be written is found out again next time."""
        if verdicts:
            with contextlib.suppress(Exception):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._path, json.dumps({**self.read(), **verdicts}, sort_keys=True))


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nbprod"


def _packages(executable: str) -> str:
    """Return the names, with versions, of the distributions that an interpreter has."""
    return "\n".join(
        sorted(
            entry
            for folder in _site_folders(executable)
            if os.path.isdir(folder)
            for entry in os.listdir(folder)
            if entry.endswith((".dist-info", ".egg-info", ".egg-link"))
        )
    )


@cache
def _site_folders(executable: str) -> tuple[str, ...]:
    import sys
    import sysconfig

    if os.path.abspath(executable) == os.path.abspath(sys.executable) or os.sep not in executable:
        paths = sysconfig.get_paths()
        return tuple({paths["purelib"], paths["platlib"]})
    code = "import sysconfig; p = sysconfig.get_paths(); print(p['purelib']); print(p['platlib'])"
    done = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    return tuple(set(done.stdout.split("\n")) - {""})
