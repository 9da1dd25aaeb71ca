"""Which modules a prepared process may import ahead for a notebook's kernels, so that nothing can tell the difference."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nbprod.execution.prepared import Desire
from nbprod.notebook.analysis import analyse
from nbprod.notebook.pipeline import Pipeline

_SETS_ENVIRONMENT = re.compile(r"environ|putenv|%(set_)?env\b|load_dotenv|setenv|threadpool_limits")
_LOOKS_AT_MODULES = re.compile(r"sys\.modules|importlib|__import__|%reload|%autoreload|-X importtime")
_SEEDS_RANDOM = re.compile(r"(?<![\w.])random\.(seed|setstate)|from random import|set_random_seed|%run\b")


def desire_of(pipeline: Pipeline) -> Desire:
    """Return what a pipeline's kernels import, wherever its code says so, as far as it may be imported ahead.

    Nothing where the notebook sets environment variables, which packages read when they are imported, or looks at how modules
    are imported. What else could tell is found out by a trial of each module (`runtime/forksafe.py`).
    """
    text = "\n".join(cell.source for cell in pipeline.notebook.cells)
    if _SETS_ENVIRONMENT.search(text) or _LOOKS_AT_MODULES.search(text):
        return Desire()
    pieces = (piece for cell in pipeline.notebook.cells for piece in analyse(cell.source).pieces)
    nodes = (piece.node for piece in pieces if piece.node is not None)
    return Desire(frozenset(imported(nodes)), may_draw=_SEEDS_RANDOM.search(text) is None)


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
