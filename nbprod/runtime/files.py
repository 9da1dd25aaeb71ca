"""Which files a task reads and writes, seen through Python's audit events.

Files that native code opens by itself raise no event; `native.py` has the known libraries raise it (pyarrow, polars, HDF5, OpenCV, ...). Those of
others are not seen, nor what another program opens, unless its command names it (`programs.py`). A file that was read is hashed when the
task ends, or at the moment when the task is about to write it, whichever comes first; a file written, when the task ends.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import sysconfig
import tempfile
from typing import Any, Callable, Dict, Iterable, Optional, Set, Tuple

from . import audit, programs
from .undo import Undo

_CHUNK = 1 << 20
_HIDDEN = {".nbprod", "__pycache__", ".ipynb_checkpoints", ".git", ".ipython", ".jupyter"}
_WRITES = os.O_WRONLY | os.O_RDWR
_IGNORED_NAMES = frozenset((".nbprod", "__pycache__", ".ipynb_checkpoints", ".git"))


def file_digest(path: str) -> Optional[str]:
    """Return the SHA-256 of a file, of the sorted names in a folder, or None when there is neither."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            names = sorted(name for name in os.listdir(path) if name not in _IGNORED_NAMES)
            return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()
        if not stat.S_ISREG(mode):
            return None
        sha = hashlib.sha256()
        with open(path, "rb", buffering=0) as file:
            block = bytearray(_CHUNK)
            while True:
                count = file.readinto(block)
                if not count:
                    return sha.hexdigest()
                sha.update(memoryview(block)[:count])
    except OSError:
        return None


_CACHES = (
    (".local", "lib"),
    (".local", "share", "jupyter"),
    (".local", "share", "fonts"),
    (".cache", "matplotlib"),
    (".config", "matplotlib"),
    (".matplotlib",),
    (".cache", "fontconfig"),
    (".fontconfig",),
)
"""Folders in a home that hold programs, fonts and what libraries keep for themselves, and no data."""


def _system_prefixes() -> Tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = {
        paths[key]
        for key in ("stdlib", "platstdlib", "purelib", "platlib", "scripts", "data", "include")
        if key in paths
    }
    found.update(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    found.update((sys.prefix, sys.base_prefix, sys.exec_prefix))
    found.update(("/proc", "/dev", "/sys", "/etc", "/usr", "/lib", "/lib64", "/bin", "/sbin", "/run", "/var/run"))
    home = os.path.expanduser("~")
    found.update(os.path.join(home, *parts) for parts in _CACHES)
    found.add(os.environ.get("MPLCONFIGDIR") or sys.prefix)
    both = found | {os.path.realpath(path) for path in found}
    return tuple(sorted(path.rstrip(os.sep) + os.sep for path in both if path not in ("", os.sep, home)))


class FileLog:
    """Collects the files that are read and written between `start` and `stop`."""

    def __init__(self, ours: Iterable[str] = (), undo: Optional[Undo] = None) -> None:
        """Listen to nothing yet; paths under the folders `ours` never count; `undo` notes what is about to be changed."""
        self.undo = undo
        self.read: Set[str] = set()
        self.written: Set[str] = set()
        self.before: Dict[str, Optional[str]] = {}
        """Digests of files that were read and then written, as they were when they were read."""
        self.folders: Set[str] = set()
        """Folders that were made."""
        self.temporary: Set[str] = set()
        self.unseen: Dict[str, Optional[str]] = {}
        """What databases and other programs may read and write, with the digests before."""
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self._prefixes = _system_prefixes() + tuple(os.path.abspath(path) + os.sep for path in (here, *ours))
        self._seen: Dict[Any, Optional[str]] = {}

    def start(self) -> None:
        """Begin to listen."""
        tempfile.gettempdir()  # finding it out writes a file, which is not the task's
        audit.listen(
            {
                "open": self.open,
                "os.listdir": self.list,
                "os.scandir": self.list,
                "os.mkdir": self.mkdir,
                "os.remove": self.remove,
                "os.truncate": self.truncate,
                "os.rename": self.rename,
                "os.link": self.copy,
                "os.symlink": self.copy,
                "shutil.copyfile": self.copy,
                "shutil.move": self.rename,
                "sqlite3.connect": self.database,
                "subprocess.Popen": self.program,
                "os.posix_spawn": self.program,
                "os.system": self.shell,
                "tempfile.mkstemp": self.made,
                "tempfile.mkdtemp": self.made,
            }
        )

    def relevant(self, path: Any) -> Optional[str]:
        """Return the absolute path of a file that belongs to the author's work, else None."""
        if not isinstance(path, (str, bytes)):
            return None
        text = os.fsdecode(path)
        if not os.path.isabs(text):
            text = os.path.join(os.getcwd(), text)
        text = os.path.normpath(text)
        if text in self._seen:
            return self._seen[text]
        self._seen[text] = found = self._relevant(text)
        return found

    def _relevant(self, text: str) -> Optional[str]:
        if text.startswith(self._prefixes) or text.endswith((".pyc", ".pyo")):
            return None
        parts = text.split(os.sep)
        if not _HIDDEN.isdisjoint(parts) or any(part.startswith("ipykernel_") for part in parts):
            return None
        return text

    def is_temporary(self, path: str) -> bool:
        """Return whether `tempfile` made this file, or a folder that it is in."""
        return any(path == made or path.startswith(made + os.sep) for made in self.temporary)

    # Events. Each is called before the thing happens.

    def open(self, path: Any, mode: Any, flags: Any) -> None:
        found = self.relevant(path)
        if found is None:
            return
        flags = flags if isinstance(flags, int) else 0
        if not flags & _WRITES:
            # `os.open` may be relative to another folder, which the event does not tell; it also opens folders.
            if found not in self.written and (mode is not None or os.path.isfile(found)):
                self.read.add(found)
            return
        keeps = not flags & os.O_TRUNC and (flags & os.O_RDWR or flags & os.O_APPEND)
        if keeps and found not in self.written and os.path.exists(found):
            self.read.add(found)
        self.changes(found)

    def changes(self, found: str) -> None:
        if found in self.read and found not in self.before and found not in self.written:
            self.before[found] = file_digest(found)
        if self.undo is not None:
            self.undo.before(found)
        self.written.add(found)

    def list(self, path: Any = None, *_: Any) -> None:
        found = self.relevant("." if path is None else path)
        if found is not None and not audit.importing():
            self.read.add(found + os.sep)

    def remove(self, path: Any, folder: Any = -1, *_: Any) -> None:
        found = self.relevant(_within(path, folder))
        if found is not None:
            self._gone(found)

    def truncate(self, path: Any, *_: Any) -> None:
        found = self.relevant(path)
        if found is not None:
            self._gone(found)

    def _gone(self, found: str) -> None:
        if os.path.lexists(found):
            self.changes(found)
        elif found not in self.written:
            self.read.add(found)

    def rename(self, source: Any, target: Any, source_folder: Any = -1, target_folder: Any = -1) -> None:
        first = self.relevant(_within(source, source_folder))
        second = self.relevant(_within(target, target_folder))
        if first is not None:
            if first not in self.written:
                self.read.add(first)
            self._gone(first)
        if second is not None:
            self.changes(second)

    def copy(self, source: Any, target: Any, *_: Any) -> None:
        first, second = self.relevant(source), self.relevant(target)
        if first is not None and first not in self.written:
            self.read.add(first)
        if second is not None:
            self.changes(second)

    def database(self, path: Any, *_: Any) -> None:
        found = self.relevant(path)
        if found is not None and ":memory:" not in found:
            self._unseen(found)

    def program(self, executable: Any, words: Any, folder: Any = None, *_: Any) -> None:
        here = folder if isinstance(folder, (str, bytes, os.PathLike)) else os.getcwd()
        for path in sorted(programs.named([executable, words], os.path.abspath(os.fsdecode(here)))):
            found = self.relevant(path)
            if found is None or audit.importing():
                continue
            if path.endswith(os.sep):
                self.read.add(found + os.sep)
            elif os.path.isfile(found) or not os.path.lexists(found):
                self._unseen(found)

    def shell(self, command: Any) -> None:
        self.program("", command)

    def _unseen(self, found: str) -> None:
        if found in self.unseen or found in self.written:
            return
        if self.undo is not None:
            self.undo.before(found)
        self.unseen[found] = file_digest(found)

    def mkdir(self, path: Any, mode: Any = None, folder: Any = -1, *_: Any) -> None:
        found = self.relevant(_within(path, folder))
        if found is not None and not os.path.lexists(found):
            self.folders.add(found)
            if self.undo is not None:
                self.undo.before_folder(found)

    def made(self, path: Any) -> None:
        self.temporary.add(os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path))))

    def result(self) -> Dict[str, Dict[str, Optional[str]]]:
        """Return the digests of what was read from outside and of what was written; call it once, when the task has ended.

        A folder that was made is written under its path with a slash at the end, without a digest.
        """
        for path, before in self.unseen.items():
            if before is not None:
                self.read.add(path)
                self.before.setdefault(path, before)
            if file_digest(path) != before:
                self.written.add(path)
        for source in _project_modules(self.relevant):
            if source not in self.written:
                self.read.add(source)
        gone = {path for path in (*self.read, *self.written) if self.is_temporary(path)}
        read: Dict[str, Optional[str]] = {}
        for path in sorted(self.read - gone):
            if path in self.before:
                read[path] = self.before[path]
            elif _is_special(path):
                continue
            else:
                read[path] = file_digest(path)
        written = {path: file_digest(path) for path in sorted(self.written - gone) if not _is_special(path)}
        made = (path for path in sorted(self.folders) if os.path.isdir(path) and not self.is_temporary(path))
        written.update((path + os.sep, None) for path in made)
        return {"read": read, "written": written}


def _within(path: Any, folder: Any) -> Any:
    """Return a path that is relative to an open folder as an absolute one."""
    if not isinstance(folder, int) or folder < 0 or not isinstance(path, (str, bytes)) or os.path.isabs(path):
        return path
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
    except OSError:
        return None


def _is_special(path: str) -> bool:
    if path.endswith(os.sep):
        return False
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


def _project_modules(relevant: Callable[[Any], Optional[str]]) -> Iterable[str]:
    """Yield the source files of imported modules that are no installed distributions."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(path, str) and path.endswith(".py"):
            found = relevant(path)
            if found is not None:
                yield found
