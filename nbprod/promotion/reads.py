"""Which files of the author's are read while the serve function answers: a service would not have them.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any, Self

CODE = (".py", ".pyc", ".so", ".pyd", ".pth")
SYSTEM = ("/proc", "/sys", "/dev", "/usr", "/etc", "/lib", "/lib64", "/run", "/bin", "/var/lib")


class Reads:
    """Notes the files that are opened to be read inside `with`. One is made in a process: audit hooks cannot be removed."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._on = False
        system = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *SYSTEM]
        hidden = os.path.join(os.path.expanduser("~"), ".")  # settings and caches of packages
        self._ignored = (*(os.path.join(os.path.realpath(folder), "") for folder in system), hidden)
        self._written: set[str] = set()
        sys.addaudithook(self._heard)

    def __enter__(self) -> Self:
        self._on = True
        return self

    def __exit__(self, *error: object) -> None:
        self._on = False

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._on or event != "open" or not args or not isinstance(args[0], str | bytes | os.PathLike):
            return
        mode, flags = args[1], args[2] if len(args) > 2 else 0
        path = os.path.realpath(os.fsdecode(os.fspath(args[0])))
        if (isinstance(mode, str) and set(mode) & set("wax+")) or flags & (os.O_WRONLY | os.O_RDWR):
            self._written.add(path)
            return
        if path in self._written or path.startswith(self._ignored) or path.endswith(CODE):
            return
        if Path(path).is_file() and path not in self.files:
            self.files.append(path)
