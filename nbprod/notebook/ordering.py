"""Order edges: which task must wait for which because of the files that they name, or that runs have seen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nbprod.notebook.facts import Facts

UNKNOWN = "*"


def file_edges(
    order: list[str],
    uses: Mapping[str, tuple[set[str], set[str]]],
    facts: Mapping[str, Facts],
    imports: Mapping[str, tuple[str, ...]],
    folder: Path,
) -> dict[str, set[str]]:
    """Return for each task the earlier tasks whose file uses must come before its own.

    A file that is written is read after, and written again after; one that is read is written only after. A shell command may write any
    file (`*`): what reads files after it, waits for it.
    """
    edges: dict[str, set[str]] = {task: set() for task in order}
    writer: dict[str, str] = {}
    readers: dict[str, set[str]] = {}
    opaque: str | None = None
    for task in order:
        reads, writes = _files(task, uses, facts, folder)
        for module in imports.get(task, ()):
            path = _absolute(f"{module}.py", folder)
            if path in writer:
                reads.add(path)
        for path in (reads | writes) - {UNKNOWN}:
            while path not in ("", os.sep):  # a folder that a task made counts for all that lies in it
                if path in writer:
                    edges[task].add(writer[path])
                path = os.path.dirname(path)  # noqa: PLW2901
        for listed in (path for path in reads if path.endswith(os.sep)):  # a folder whose names were read
            edges[task].update(other for path, other in writer.items() if path.startswith(listed))
        for listed, seen in readers.items():
            if listed.endswith(os.sep) and any(path.startswith(listed) for path in writes):
                edges[task] |= seen
        for path in writes:
            edges[task] |= readers.pop(path, set())
            if path != UNKNOWN:
                writer[path] = task
        for path in reads:
            if path != UNKNOWN:
                readers.setdefault(path, set()).add(task)
        if opaque is not None and (reads or writes):
            edges[task].add(opaque)
        if UNKNOWN in writes:
            edges[task] |= {*writer.values()} | {reader for group in readers.values() for reader in group}
            opaque = task
        edges[task].discard(task)
    return edges


def _files(
    task: str, uses: Mapping[str, tuple[set[str], set[str]]], facts: Mapping[str, Facts], folder: Path
) -> tuple[set[str], set[str]]:
    literal = uses.get(task, (set(), set()))
    reads, writes = ({_absolute(path, folder) for path in paths} for paths in literal)
    told = facts.get(task)
    if told is not None:
        reads |= set(told.files_read)
        writes |= {path.rstrip(os.sep) for path in told.files_written}  # of a folder that was made, the path ends so
    return reads, writes


def _absolute(path: str, folder: Path) -> str:
    return path if path == UNKNOWN else os.path.normpath(os.path.join(folder.absolute(), os.path.expanduser(path)))


def find_cycle(upstream: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the tasks of one cycle, in order; empty without any."""
    done: set[str] = set()
    for start in upstream:
        if start in done:
            continue
        path: list[str] = [start]
        on_path = {start}
        rest = [iter(sorted(upstream[start]))]
        while path:
            following = next(rest[-1], None)
            if following is None:
                done.add(path[-1])
                on_path.discard(path.pop())
                rest.pop()
            elif following in on_path:
                return path[path.index(following) :]
            elif following not in done and following in upstream:
                path.append(following)
                on_path.add(following)
                rest.append(iter(sorted(upstream[following])))
    return []
