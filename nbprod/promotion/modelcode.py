"""The generated `model.py`: the closure of the serve function as a module, in the notebook's order."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Mapping
from itertools import groupby, pairwise
from typing import Any

from nbprod.errors import Location, PromotionError
from nbprod.notebook.graph import Bind, Define, Load
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.formats import quoted


def plain_source(define: Define) -> str:
    """The source of a carried definition as plain Python; what only IPython understands becomes a comment.

    Raises `PromotionError` if code that is needed cannot be written without IPython.
    """
    if _parses(define.source):
        return define.source
    from IPython.core.inputtransformer2 import TransformerManager

    text = TransformerManager().transform_cell(define.source)  # type: ignore[no-untyped-call]
    if not _parses(text):
        raise PromotionError(
            "the code that the service needs is no valid Python",
            where=Location(cell=define.cell.number, line=define.line),
        )
    lines = text.splitlines()
    for statement in ast.parse(text).body:
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if "get_ipython" not in names:
            continue
        if not isinstance(statement, ast.Expr):
            raise PromotionError(
                "the service needs code that only IPython can run",
                where=Location(cell=define.cell.number, line=define.line + statement.lineno - 1),
                fix="Write it in plain Python in the cell that defines it.",
            )
        for at in range(statement.lineno - 1, statement.end_lineno or statement.lineno):
            lines[at] = f"# {lines[at]}"
    return "\n".join(lines)


def steps(candidate: Candidate) -> list[dict[str, Any]]:
    """The closure as plain values, for the process that replays it."""
    found: list[dict[str, Any]] = []
    for step in candidate.closure.prelude:
        if isinstance(step, Define):
            found.append({"kind": "define", "cell": step.cell.number, "source": plain_source(step)})
        elif isinstance(step, Bind):
            found.append({"kind": "bind", "values": {name: candidate.parameters[name] for name in step.names}})
        else:
            found.append({"kind": "load", "task": step.task, "values": _digests(candidate, step)})
    return found


def _digests(candidate: Candidate, step: Load) -> dict[str, str]:
    kept = candidate.loads.get(step.task, {})
    names = [name for name in step.names if name in kept or not name.startswith("@")]
    missing = [name for name in names if name not in kept]
    if missing:
        raise PromotionError(
            f"run {candidate.run} did not keep {', '.join(map(repr, missing))}, which {candidate.serve.name!r} needs",
            where=Location(file=candidate.notebook.name, task=step.task),
            fix=f"Run the pipeline again: nbprod run {candidate.pipeline}.",
        )
    return {name: kept[name] for name in names}


def write_model(
    title: str, candidate: Candidate, stored: Iterable[Mapping[str, Any]], environment: Mapping[str, str]
) -> str:
    """Return the text of `model.py`: the notebook's definitions as source, its values read from files."""
    lines_of: dict[int, list[str]] = {}
    for item in stored:
        lines_of.setdefault(item["step"], []).append(f"{item['name']} = {item['code']}")
    parts: list[tuple[str, str]] = []
    future = ""
    for number, step in enumerate(candidate.closure.prelude):
        if isinstance(step, Define):
            source = plain_source(step).strip("\n")
            if "from __future__" in source:
                future, source = _hoist(future, source)
            parts.append((f"# Cell {step.cell.number}", source))
        elif isinstance(step, Bind):
            lines = [f"{name} = {quoted(candidate.parameters[name])}" for name in step.names]
            parts.append(("# Parameters of the run", "\n".join(lines)))
        elif number in lines_of:
            parts.append((f"# Computed by the task {step.task!r}", "\n".join(lines_of[number])))
    blocks = [f"{header}\n{_joined([text for _, text in group])}" for header, group in groupby(parts, lambda p: p[0])]
    head = textwrap.fill(
        f'"""What {title} took from {candidate.notebook.name} (run {candidate.run}), in the notebook\'s order: its code as '
        'written, and the values it computed."""',
        width=118,
    )
    code = "\n".join(text for _, text in parts)
    own = set(re.findall(r"environ\[[\"'](\w+)[\"']\]\s*=", code))  # what the notebook's own code sets again
    environment = {key: value for key, value in environment.items() if key not in own}
    setup = [f"os.environ.setdefault({quoted(key)}, {quoted(value)})" for key, value in environment.items()]
    imports = [*(["import os", ""] if setup else []), *setup, *([""] if setup else [])]
    imports += (
        ["import nbprod_onnx"] if any("nbprod_onnx." in line for lines in lines_of.values() for line in lines) else []
    )
    imports.append("import nbprod_support")
    return "\n\n".join([head, *([future] if future else []), "\n".join(imports), *blocks]) + "\n"


def _joined(statements: list[str]) -> str:
    """Statements one below the other, with space around those of several lines."""
    text = statements[0]
    for before, statement in pairwise(statements):
        text += ("\n\n\n" if "\n" in before or "\n" in statement else "\n") + statement
    return text


def _hoist(future: str, source: str) -> tuple[str, str]:
    """Move `from __future__` imports to where Python wants them."""
    lines, moved = source.splitlines(), []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            moved.append(ast.unparse(statement))
            for at in range(statement.lineno - 1, statement.end_lineno or statement.lineno):
                lines[at] = ""
    wanted = dict.fromkeys([*future.splitlines(), *moved])
    return "\n".join(wanted), "\n".join(lines).strip("\n")


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def imports(candidate: Candidate) -> set[str]:
    """The top-level modules that the closure's code imports, anywhere in it."""
    found: set[str] = set()
    for step in candidate.closure.prelude:
        if isinstance(step, Define):
            found |= imported(plain_source(step))
    return found


def imported(source: str) -> set[str]:
    """The top-level modules that some code imports.

    >>> sorted(imported("import numpy.linalg, os" + chr(10) + "def f(): from pandas import cut"))
    ['numpy', 'os', 'pandas']
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
