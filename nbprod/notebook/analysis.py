"""The analysis of single cells: their statements, with effects and form. Cached by source; knows nothing of other cells."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache

from nbprod.notebook import magics
from nbprod.notebook.dataflow import Scanner, effects_of
from nbprod.notebook.definitions import Form, Nature, form_of
from nbprod.notebook.effects import Effects
from nbprod.notebook.syntax import BODY_MAGICS, parse_cell


@dataclass(eq=False, slots=True)
class Piece:
    """A top-level statement of a cell, or the header of a `%%` cell, or a whole cell that is opaque."""

    line: int
    source: str
    effects: Effects
    form: Form
    node: ast.stmt | None
    _text: str | None = None

    @property
    def text(self) -> str:
        """The statement in a normal form: formatting and comments do not change it."""
        if self._text is None:
            self._text = ast.unparse(self.node) if self.node is not None else self.source
        return self._text


@dataclass(slots=True)
class Analysed:
    """A cell, analysed. `ends_in_expression`: it may set `_`."""

    pieces: list[Piece] = field(default_factory=list)
    error: tuple[str, int] | None = None
    ends_in_expression: bool = False


@lru_cache(maxsize=20_000)
def analyse(source: str) -> Analysed:
    """Analyse the source of a cell."""
    parsed = parse_cell(source)
    if parsed.error:
        return Analysed(error=parsed.error)
    result = Analysed()
    if parsed.magic is not None:
        scanner = Scanner()
        magics.read_cell_magic(scanner, parsed.magic)
        body = not parsed.body and parsed.magic.name not in BODY_MAGICS
        text = f"%%{parsed.magic.name} {parsed.magic.argument}" + (f"\n{parsed.magic.body.strip()}" if body else "")
        result.pieces.append(Piece(parsed.magic.line, text, scanner.finish(), Form(Nature.CODE), None))
        if parsed.magic.name == "timeit":
            _keep_to_itself(parsed.body)
    for node, line, text in parsed.statements():
        effects = effects_of(node)
        result.pieces.append(Piece(line, text, effects, form_of(node, effects), node))
    last = parsed.body[-1] if parsed.body else None
    result.ends_in_expression = isinstance(last, ast.Expr) and not source.rstrip().endswith(";")
    return result


def _keep_to_itself(body: list[ast.stmt]) -> None:
    """`%%timeit` runs its body in a scope of its own: what it assigns is gone afterwards. A class body is such a scope."""
    if body:
        scope = ast.parse("class _timed:\n    pass").body[0]
        assert isinstance(scope, ast.ClassDef)
        scope.body = list(body)
        scope.lineno, scope.end_lineno = body[0].lineno, body[-1].end_lineno
        body[:] = [
            ast.copy_location(
                ast.With([ast.withitem(ast.Constant(None))], [scope, ast.Delete([ast.Name("_timed", ast.Del())])]),
                scope,
            )
        ]
        ast.fix_missing_locations(body[0])
