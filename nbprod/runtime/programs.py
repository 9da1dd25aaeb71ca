"""The files that a command names: what another program does with them is not seen, so each may be read, and may be written.

What a program opens that its command does not name is nobody's to see from here.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
from typing import Any, Iterator, List, Set

_MARKS = re.compile(r"[<>|&;()]+|\$\(|`")
MANY = 1000
"""So many files of a folder that a command names are looked at."""


def named(command: Any, folder: str) -> Set[str]:
    """Return the absolute paths of what may be files in a command: a text for a shell, or words of which any may be such a text.

    Those of files that are not there belong to it too, where their folder is there: the command may make them. A folder stands for itself,
    with a slash at the end, and for the files in it.

    >>> sorted(named("sort --output=/tmp/none.csv < /etc/hostname", "/"))
    ['/etc/hostname', '/sort', '/tmp/none.csv']
    """
    found: Set[str] = set()
    for word in _words(command):
        if not word or len(word) > 4096 or "\0" in word or "://" in word:
            continue
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(word)))
        paths = glob.glob(path) if glob.has_magic(word) else [path]
        for one in paths[:MANY]:
            if os.path.isdir(one):
                found.add(one + os.sep)
                found.update(_inside(one))
            elif os.path.isdir(os.path.dirname(one)):
                found.add(one)
    return found


def _words(command: Any) -> Iterator[str]:
    if isinstance(command, (bytes, os.PathLike)):
        command = os.fsdecode(command)
    if isinstance(command, str):
        yield command
        if any(sign.isspace() or sign in "<>|&;()=`'\"" for sign in command):
            for word in _split(command):
                yield word
                yield from word.split("=")[1:]
    elif isinstance(command, (list, tuple)):
        for part in command:
            yield from _words(part)


def _split(text: str) -> List[str]:
    text = _MARKS.sub(" ", text)
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # a quotation that does not end here
        return text.split()


def _inside(folder: str) -> Iterator[str]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            count += 1
            if count > MANY:
                return
            yield os.path.join(place, name)
