"""IPython's syntax to Python's: parses a cell so that every line number is a line of the cell."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

BODY_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
"""Cell magics whose body is code of the notebook."""
AUTOMAGICS = frozenset(
    """pip conda mamba ls ll cd pwd mkdir rmdir cat rm cp mv man who whos time timeit prun matplotlib pylab env set_env load_ext
    reload_ext autoreload config run store reset history precision pushd popd writefile""".split()
)
"""Magics that people write without `%`; IPython takes them in a cell of one line that is no Python."""
_AUTOMAGIC = re.compile(r"[ \t]*([A-Za-z_]\w*)[ \t]+[^=\s][^\n]*\n?")
_CELL_MAGIC = re.compile(r"\s*%%(\w[\w.]*|!)([^\n]*)\n?(.*)", re.DOTALL)


@dataclass(frozen=True)
class CellMagic:
    """The first line of a `%%` cell, and what follows it where that is no code of the notebook."""

    name: str
    argument: str
    body: str
    line: int


@dataclass
class Parsed:
    """A cell as Python: its top-level statements, with the cell's own line numbers."""

    body: list[ast.stmt] = field(default_factory=list)
    magic: CellMagic | None = None
    error: tuple[str, int] | None = None
    """What is wrong with its syntax, and the line."""
    lines: list[str] = field(default_factory=list)
    python: list[str] = field(default_factory=list)
    """The same lines as Python; a line that belongs to the magic above it is blank."""
    extent: dict[int, int] = field(default_factory=dict)
    """Where a line of Python stands for several lines of the cell: the last of these."""

    def statements(self) -> Iterator[tuple[ast.stmt, int, str]]:
        """Yield each statement with its first line and its source, as written (as Python, when it shares a line with another)."""
        firsts = [first_line(node) for node in self.body]
        before = 0
        for at, node in enumerate(self.body):
            first, last = firsts[at], node.end_lineno or node.lineno
            if before >= first or (at + 1 < len(firsts) and firsts[at + 1] <= last):
                text = ast.unparse(node)
            else:
                text = "".join(self.lines[first - 1 : self.extent.get(last, last)]).rstrip()
                if text[:1].isspace():
                    text = textwrap.dedent(text)
            before = last
            yield node, first, text


def first_line(node: ast.stmt) -> int:
    """Return the line on which a statement starts, decorators included."""
    decorators: list[ast.expr] | None = getattr(node, "decorator_list", None)
    return min([node.lineno, *(d.lineno for d in decorators)]) if decorators else node.lineno


def parse_cell(source: str) -> Parsed:
    """Parse the source of a cell; a syntax error is in the result, with its line."""
    match = _CELL_MAGIC.match(source)
    if match is None:
        return _parse_python(source, 0)
    name, argument, body = match.groups()
    line = source[: match.start(1)].count("\n") + 1
    magic = CellMagic(name, argument.strip(), body, line)
    if name not in BODY_MAGICS:
        return Parsed(magic=magic, lines=source.splitlines(keepends=True))
    parsed = _parse_python("\n" * line + body, 0)
    parsed.magic = magic
    parsed.lines = source.splitlines(keepends=True)
    return parsed


def _parse_python(source: str, attempt: int) -> Parsed:
    lines = source.splitlines(keepends=True)
    try:
        return Parsed(body=_ast(source).body, lines=lines, python=lines)
    except (SyntaxError, ValueError) as error:
        if attempt:
            line = getattr(error, "lineno", None) or 1
            message = getattr(error, "msg", None) or str(error)
            return Parsed(error=(message, min(line, max(1, len(lines)))), lines=lines)
    if (bare := _AUTOMAGIC.fullmatch(source)) is not None and bare[1] in AUTOMAGICS:
        lines = [f"%{source.strip()}\n"]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    python, extent = _to_python(lines)
    parsed = _parse_python("".join(python), 1)
    parsed.lines, parsed.extent = lines, extent
    return parsed


def parse_code(text: str) -> list[ast.stmt]:
    """Parse code that stands in a magic or a string; nothing when it is no Python."""
    try:
        return _ast(textwrap.dedent(text)).body
    except (SyntaxError, ValueError):
        return []


def _ast(source: str) -> ast.Module:
    if "\\" not in source:
        return ast.parse(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in the author's strings are the kernel's to report
        return ast.parse(source)


def _to_python(lines: list[str]) -> tuple[list[str], dict[int, int]]:
    """Transform IPython's syntax, one element at a time, keeping every line where it stands."""
    manager = _transformer()
    for transform in manager.cleanup_transforms:
        if getattr(transform, "__name__", "") != "leading_empty_lines":  # it would shift the lines
            lines = transform(lines)
    extent: dict[int, int] = {}
    for _ in range(len(lines) * 4 + 10):
        try:
            changed, after = manager.do_one_token_transform(lines)
        except SyntaxError:
            break
        if not changed:
            break
        lost = len(lines) - len(after)
        if lost > 0:
            at = next(i for i, (old, new) in enumerate(zip(lines, [*after, *[""] * lost], strict=True)) if old != new)
            after = [*after[: at + 1], *["\n"] * lost, *after[at + 1 :]]
            extent[at + 1] = at + 1 + lost
        lines = after
    return lines, extent


@cache
def _transformer() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()  # type: ignore[no-untyped-call]
