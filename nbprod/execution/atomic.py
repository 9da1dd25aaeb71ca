"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from nbprod.errors import Location, RunError


def write_text(path: Path | str, text: str) -> None:
    """Write a file under a temporary name beside it and rename it. Raises `RunError` when the disk is full."""
    path = Path(path)
    handle, temporary = -1, ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise from_os_error(error, path) or error from error
        raise


def from_os_error(error: OSError, path: Path | str) -> RunError | None:
    """Return the error to show for a disk that is full or a folder that cannot be written, else None."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return RunError(
            "no space is left on the disk", where=Location(file=str(path)), fix="Free some space, or run nbprod gc."
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return RunError("the file cannot be written", where=Location(file=str(path)), fix=str(error.strerror))
    return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # once, while there is one thread: reading it means setting it
