"""The artifact store, seen from outside the kernel: values and files under the hash of their content."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbprod.errors import ArtifactError
from nbprod.execution import processes
from nbprod.runtime import container, loading
from nbprod.runtime.files import file_digest


class Store:
    """A folder of artifacts, addressed by their SHA-256: `root/ab/abcd...`.

    Args:
        root: The folder; it is made when something is first put into it.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def path(self, digest: str) -> Path:
        """Return where the artifact is, or would be."""
        return Path(container.path_of(str(self.root), digest))

    def exists(self, digest: str) -> bool:
        """Return whether the store holds the artifact."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Return the artifact's size in bytes. Raises `ArtifactError` if it is not there."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise self._absent(digest) from None

    def load(self, digest: str, namespace: dict[str, Any]) -> dict[str, Any]:
        """Return the values of an artifact by name; the notebook's own names are looked up in `namespace`.

        Raises `ArtifactError` if the artifact is absent or broken, or does not load here.
        """
        try:
            opened = container.open_artifact(str(self.path(digest)))
            values: dict[str, Any] = loading.load(opened, namespace)
        except FileNotFoundError:
            raise self._absent(digest) from None
        except Exception as error:
            raise ArtifactError(f"artifact {digest[:12]} cannot be loaded: {error}") from error
        return values

    def put_file(self, path: str | os.PathLike[str]) -> str:
        """Copy a file into the store and return its digest (the SHA-256 of its content)."""
        self.root.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f"tmp-{os.getpid()}-", dir=self.root)
        os.close(handle)
        try:
            shutil.copyfile(path, temporary)
            digest = file_digest(temporary)
            assert digest is not None
            container.Written(temporary, digest, 0).publish(str(self.root))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return digest

    def restore_file(self, digest: str, path: str | os.PathLike[str]) -> None:
        """Put a stored file back to where it was written; a reader never sees half of it."""
        if not self.exists(digest):
            raise self._absent(digest)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.nbprod{os.getpid()}")
        try:
            shutil.copyfile(self.path(digest), temporary)  # not its mode: artifacts are read-only
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def digests(self) -> set[str]:
        """Return all that the store holds."""
        return {entry.name for folder in self.root.glob("??") for entry in folder.iterdir()}

    def gc(self, keep: Iterable[str]) -> int:
        """Remove every artifact that is not in `keep`, and what processes left half-written when they died.

        Returns the bytes that this freed. A run must not be under way: what it has just saved is in nobody's `keep` yet.
        """
        doomed = [self.path(digest) for digest in self.digests() - set(keep)]
        doomed += [path for path in self.root.glob("tmp-*") if _is_left_over(path)]
        freed = 0
        for path in doomed:
            freed += path.stat().st_size
            path.unlink()
        return freed

    def _absent(self, digest: str) -> ArtifactError:
        return ArtifactError(
            f"artifact {digest[:12]} is not in {self.root}", fix="Run the task that makes it again: nbprod run --force."
        )


def _is_left_over(path: Path) -> bool:
    """Return whether a temporary file belongs to nobody: its process is gone, here or on another machine, for an hour."""
    alone = processes.started(int(path.name.split("-")[1])) is None
    return alone and time.time() - path.stat().st_mtime > 3600
