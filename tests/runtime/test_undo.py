"""A task that begins again finds files as they were before it."""

from __future__ import annotations

import os
from pathlib import Path

from nbprod.runtime.files import FileLog
from nbprod.runtime.undo import Undo, undo


def test_files_made_changed_and_removed_are_as_before(tmp_path: Path) -> None:
    work, job = tmp_path / "work", tmp_path / "job"
    work.mkdir()
    job.mkdir()
    for name in ("changed", "appended", "removed", "moved"):
        (work / name).write_text(f"old {name}")
    log = FileLog([str(job)], Undo(str(job)))
    log.start()
    try:
        (work / "changed").write_text("new")
        with open(work / "appended", "a") as file:
            file.write(" and more")
        os.remove(work / "removed")
        os.rename(work / "moved", work / "elsewhere")
        os.makedirs(work / "folder" / "inner")
        (work / "folder" / "inner" / "made").write_text("new")
    finally:
        from nbprod.runtime import audit

        audit.stop()

    undo(str(job))

    assert {path.name: path.read_text() for path in work.iterdir()} == {
        name: f"old {name}" for name in ("changed", "appended", "removed", "moved")
    }


def test_without_notes_nothing_is_undone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("1")

    undo(str(tmp_path))

    assert (tmp_path / "kept").read_text() == "1"
