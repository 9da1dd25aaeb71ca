"""Tags: which cells form which task, and tags that are nearly one of ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from nbprod.notebook.cell import Cell
from nbprod.notebook.diagnostics import Diagnostic, Fix, Severity

SETUP = "setup"
ONLY = "notebook"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PREFIXES = {"task": "task", "step": "task", "block": "task", "after": "after", "prev": "after"}
_PLAIN = {
    "parameters": "parameters",
    "pipeline-parameters": "parameters",
    "imports": "imports",
    "functions": "imports",
    "metrics": "metrics",
    "pipeline-metrics": "metrics",
    "serve": "serve",
    "skip": "skip",
}
_FOREIGN = frozenset(
    """hide-input hide-output hide-cell hide_input hide_output hide_cell remove-input remove-output remove-cell remove_input
    remove_output remove_cell raises-exception injected-parameters skip-execution full-width margin scroll-output
    solution nbgrader test tests export exporti noci nbval-skip nbval-ignore-output toc output_scroll parameter-help slide
    time:""".split()
)


@dataclass(frozen=True)
class Marks:
    """What the tags of one cell say."""

    task: str | None = None
    after: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    """Of `parameters`, `imports`, `metrics`, `serve`, `skip`."""


@dataclass
class Grouping:
    """Cells by task, in notebook order."""

    tasks: dict[str, list[Cell]] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)
    after_cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    """Cell id to its roles."""
    skipped: list[Cell] = field(default_factory=list)
    implicit: str | None = None
    """The task of the cells before the first task tag."""


def read_marks(cell: Cell) -> tuple[Marks, list[Diagnostic]]:
    """Read the tags of a cell; one that is nearly ours, or wrongly formed, is a diagnostic, any other is left alone."""
    task: str | None = None
    after: set[str] = set()
    roles: set[str] = set()
    problems: list[Diagnostic] = []
    for tag in cell.tags:
        prefix, colon, name = tag.partition(":")
        kind = _PREFIXES.get(prefix) if colon else None
        if kind is not None:
            if not _NAME.fullmatch(name):
                problems.append(_bad_name(cell, tag, name))
            elif kind == "after":
                after.add(name)
            elif task is not None and task != name:
                problems.append(
                    Diagnostic(
                        "tag-two-tasks",
                        Severity.ERROR,
                        f"the cell is tagged with two tasks, {task!r} and {name!r}",
                        cell.number,
                        hint="Keep one.",
                    )
                )
            else:
                task = name
        elif tag in _PLAIN:
            roles.add(_PLAIN[tag])
        elif (meant := _nearly(tag)) is not None:
            tags = tuple(meant if other == tag else other for other in cell.tags)
            problems.append(
                Diagnostic(
                    "tag-unknown",
                    Severity.ERROR,
                    f"unknown tag {tag!r}: did you mean {meant!r}?",
                    cell.number,
                    hint=f"Rename the tag to {meant!r}, or to something that is less like it.",
                    fix=Fix(f"Rename the tag to {meant!r}", cell.id, tags),
                )
            )
    return Marks(task, frozenset(after), frozenset(roles)), problems


def group(cells: Iterable[Cell]) -> tuple[Grouping, list[Diagnostic]]:
    """Form tasks: a cell without a task tag belongs to the task of the cell above it, those before the first to `setup`."""
    read = [(cell, *read_marks(cell)) for cell in cells]
    problems = [problem for _, _, found in read for problem in found]
    named = {marks.task for _, marks, _ in read if marks.task is not None and "skip" not in marks.roles}
    first = ONLY if not named else SETUP
    while first in named:
        first = f"{first}_"
    result = Grouping(implicit=first)
    current = first
    for cell, marks, _ in read:
        if "skip" in marks.roles:
            result.skipped.append(cell)
            continue
        result.roles[cell.id] = marks.roles
        current = marks.task or current
        result.tasks.setdefault(current, []).append(cell)
        result.after.setdefault(current, set()).update(marks.after)
        for name in marks.after:
            result.after_cells.setdefault((current, name), cell)
    for (task, name), cell in result.after_cells.items():
        if name == task or name not in result.tasks:
            result.after[task].discard(name)
            problems.append(_unknown_after(cell, task, name, [t for t in result.tasks if t != task]))
    return result, problems


def _unknown_after(cell: Cell, task: str, name: str, known: list[str]) -> Diagnostic:
    if name == task:
        return Diagnostic(
            "after-cycle",
            Severity.ERROR,
            f"task {task!r} is tagged to run after itself",
            cell.number,
            task=task,
            hint="Remove the tag.",
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean 'after:{near[0]}'?" if near else f"The tasks are: {', '.join(known) or 'none'}."
    fix = None
    if near:
        tags = tuple(
            f"{t.partition(':')[0]}:{near[0]}" if t in (f"after:{name}", f"prev:{name}") else t for t in cell.tags
        )
        fix = Fix(f"Change it to {near[0]!r}", cell.id, tags)
    return Diagnostic(
        "after-unknown",
        Severity.ERROR,
        f"there is no task {name!r} to run after",
        cell.number,
        task=task,
        hint=hint,
        fix=fix,
    )


def _bad_name(cell: Cell, tag: str, name: str) -> Diagnostic:
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "name"
    if not _NAME.fullmatch(clean):
        clean = f"_{clean}"
    meant = f"{tag.partition(':')[0]}:{clean}"
    tags = tuple(meant if other == tag else other for other in cell.tags)
    return Diagnostic(
        "tag-name",
        Severity.ERROR,
        f"{tag!r}: a task's name is letters, digits, _ and -, and starts with a letter or _",
        cell.number,
        hint=f"For example {meant!r}.",
        fix=Fix(f"Rename the tag to {meant!r}", cell.id, tags),
    )


def _nearly(tag: str) -> str | None:
    """Return the tag of ours that a tag was probably meant to be."""
    lower = tag.strip().lower()
    if tag in _FOREIGN or lower in _FOREIGN:
        return None
    prefix, colon, name = tag.strip().partition(":")
    if colon:
        word = prefix.strip().lower()
        if (word in _PREFIXES or _close(word, _PREFIXES)) and name.strip():
            return f"{word if word in _PREFIXES else _close(word, _PREFIXES)}:{name.strip()}"
        return None
    if "=" in lower and _close(lower.partition("=")[0], _PREFIXES):
        return f"{_close(lower.partition('=')[0], _PREFIXES)}:{tag.partition('=')[2].strip()}"
    if lower in _PLAIN:
        return lower
    return _close(lower, _PLAIN)


def _close(word: str, known: Iterable[str]) -> str | None:
    for candidate in known:
        if candidate == word:
            return candidate
        if (
            len(word) >= 3
            and candidate[0] == word[0]
            and abs(len(candidate) - len(word)) <= 2
            and _distance(word, candidate) <= (1 if len(candidate) < 8 else 2)
        ):
            return candidate
    return None


def _distance(one: str, other: str) -> int:
    """Return how many letters must be put in, taken out, replaced, or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if last and i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
