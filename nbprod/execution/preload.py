"""Which modules a prepared process may import ahead for a notebook's kernels, so that nothing can tell the difference."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from nbprod.execution import prepared
from nbprod.execution.kernels import KernelSpec
from nbprod.execution.prepared import Desire
from nbprod.execution.verdicts import Verdicts
from nbprod.notebook.analysis import analyse
from nbprod.notebook.pipeline import Pipeline

FEW = 3
"""From so many tasks on it pays to prepare a process that their kernels come from."""
DRAWS = "it draws from `random` when it is imported"
"""As `runtime/forksafe.py` says it."""
_SETS_ENVIRONMENT = re.compile(r"environ|putenv|%(set_)?env\b|load_dotenv|setenv|threadpool_limits")
_LOOKS_AT_MODULES = re.compile(r"sys\.modules|importlib|__import__|%reload|%autoreload|-X importtime")
_SEEDS_RANDOM = re.compile(r"(?<![\w.])random\.(seed|setstate)|from random import|set_random_seed|%run\b")


def desire_of(pipeline: Pipeline, *, patient: bool = True) -> Desire:
    """Return what a pipeline's kernels import; `patient` says that they will be so many that a process is worth starting for them."""
    return desire_of_code([cell.source for cell in pipeline.notebook.cells], patient=patient)


def desire_of_code(sources: Sequence[str], *, patient: bool = True) -> Desire:
    """Return what cells with these sources import, wherever they say so, as far as it may be imported ahead.

    Nothing where the notebook sets environment variables, which packages read when they are imported, or looks at how modules
    are imported. What else could tell is found out by a trial of each module (`runtime/forksafe.py`).
    """
    text = "\n".join(sources)
    if _SETS_ENVIRONMENT.search(text) or _LOOKS_AT_MODULES.search(text):
        return Desire(patient=patient)
    pieces = (piece for source in sources for piece in analyse(source).pieces)
    nodes = (piece.node for piece in pieces if piece.node is not None)
    return Desire(frozenset(imported(nodes)), _SEEDS_RANDOM.search(text) is None, patient)


def explain(pipeline: Pipeline, kernel: KernelSpec, *, sweep: bool = False) -> list[str]:
    """Say, a line each, where the kernels of a run would come from, what would be imported ahead, and what not and why."""
    reason = prepared.possible()
    if not reason and len(pipeline.tasks) < FEW and not sweep and not prepared.always():
        reason = f"{len(pipeline.tasks)} tasks are too few for another way to pay"
    if reason:
        return [f"kernels start as usual: {reason}"]
    lines = ["kernels are forked from a prepared process"]
    desire = desire_of(pipeline)
    if not desire.modules:
        lines.append(
            "nothing is imported ahead: the notebook imports nothing, sets the environment, or looks at how modules are imported"
        )
    known = Verdicts(kernel.executable).read()
    ahead = [
        name
        for name in sorted(desire.modules)
        if known.get(name) == "" or (known.get(name) == DRAWS and desire.may_draw)
    ]
    if ahead:
        lines.append(f"imported ahead: {', '.join(ahead)}")
    untried = sorted(desire.modules - known.keys())
    if untried:
        lines.append(f"tried during the next run: {', '.join(untried)}")
    return lines + [
        f"not imported ahead: {name} ({known[name] + ', and the notebook seeds it' * (known[name] == DRAWS)})"
        for name in sorted(desire.modules & known.keys())
        if name not in ahead
    ]


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the modules that statements import, in dotted form.

    >>> sorted(imported([ast.parse("import a.b, c; from d.e import f")]))
    ['a.b', 'c', 'd.e']
    """
    found: set[str] = set()
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Import):
                found.update(alias.name for alias in part.names)
            elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
                found.add(part.module)
    return found - {"__future__"}
