"""How files were before a task changed them, so that the task can begin again from there.

A task may have to run again in the same run: it is tried once more, or another task has taught that it lacked an input.
What it had done to files must then be undone, or it would find its own traces. The notes are written as things happen,
since a kernel may die at any moment.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from typing import Any, Dict, Set

FOLDER = "undo"
NOTES = "notes.jsonl"
LIMIT = 16 << 20
"""Larger files are not copied: a task that changes one in place and has to run again finds it changed."""


class Undo:
    """Notes, in `folder/undo`, what is about to be changed."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, FOLDER)
        self._seen: Set[str] = set()

    def before(self, path: str) -> None:
        """Note a file as it is, or that there is none, the first time that it is about to be changed."""
        if path in self._seen:
            return
        self._seen.add(path)
        try:
            state = os.lstat(path)
        except OSError:
            self._note({"made": path})
            return
        if stat.S_ISREG(state.st_mode) and state.st_size <= LIMIT:
            os.makedirs(self.folder, exist_ok=True)
            copy = os.path.join(self.folder, str(len(self._seen)))
            shutil.copy2(path, copy)
            self._note({"changed": path, "copy": copy})

    def before_folder(self, path: str) -> None:
        """Note that a folder is about to be made."""
        if path not in self._seen and not os.path.lexists(path):
            self._seen.add(path)
            self._note({"folder": path})

    def _note(self, note: Dict[str, Any]) -> None:
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, NOTES), "a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")


def undo(folder: str) -> None:
    """Put files back as the notes in `folder/undo` say, the last change first, and forget the notes."""
    place = os.path.join(folder, FOLDER)
    try:
        with open(os.path.join(place, NOTES), encoding="utf-8") as file:
            notes = [json.loads(line) for line in file]
    except FileNotFoundError:
        return
    for note in reversed(notes):
        if "changed" in note:
            os.makedirs(os.path.dirname(note["changed"]), exist_ok=True)
            shutil.copy2(note["copy"], note["changed"])
        elif "made" in note:
            if os.path.isfile(note["made"]) or os.path.islink(note["made"]):
                os.unlink(note["made"])
        elif os.path.isdir(note["folder"]) and not os.listdir(note["folder"]):
            os.rmdir(note["folder"])
    shutil.rmtree(place)
