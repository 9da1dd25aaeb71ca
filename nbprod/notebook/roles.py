"""Which role a cell without tags could have: `imports`, `parameters`, `metrics`, `serve`, `skip`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from functools import cached_property

from nbprod.notebook.cellflow import CellFlow
from nbprod.notebook.definitions import Nature
from nbprod.notebook.events import Event, Kind, Statement
from nbprod.notebook.history import VALUES
from nbprod.notebook.parameters import parameter_of
from nbprod.notebook.purity import PURE
from nbprod.notebook.reading import is_memory
from nbprod.notebook.scalars import is_scalar
from nbprod.notebook.scope import dotted, target_names
from nbprod.notebook.stages import PREPARES, Stage, Stages

_LONG = 80
"""A text longer than this is no setting."""
_LOOKS = frozenset(
    """head tail info describe sample value_counts shape dtypes columns index nunique unique isnull isna duplicated corr cov ndim size
    memory_usage select_dtypes glimpse schema mean median std groupby crosstab pivot_table keys feature_names target_names DESCR""".split()
)
"""Methods and attributes by which people look at data."""
_NO_LOOK = frozenset(
    """predict predict_proba predict_log_proba predict_on_batch decision_function score evaluate save save_model save_weights savefig
    to_csv to_parquet to_pickle to_excel to_feather to_hdf to_sql to_stata to_orc to_clipboard to_file write_text write_bytes
    write_html write_image write_parquet write_csv dump export open mkdir""".split()
)
_DRAWING = (
    "matplotlib.",
    "seaborn.",
    "plotly.",
    "altair.",
    "bokeh.",
    "missingno.",
    "pandas.plotting.",
    "IPython.display.",
)
_SAFE_MODULES = ("pandas.", "numpy.", "math.", "collections.", "itertools.", "textwrap.", "statistics.", "scipy.stats.")
_UNSAFE = ("numpy.random.", "pandas.read_", "numpy.save", "numpy.load", "pandas.set_option", "pandas.options")
_BUILTINS = frozenset(
    """print display len sorted list dict set tuple range enumerate zip round sum min max abs str int float bool type isinstance map
    filter repr format any all reversed hasattr""".split()
)
_STATEMENTS = (
    ast.Expr,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.For,
    ast.If,
    ast.Import,
    ast.ImportFrom,
    ast.Pass,
)
_INSTALLERS = frozenset({"pip", "pip3", "conda", "mamba", "uv", "apt", "apt-get"})
_ANSWERS = frozenset({"predict", "predict_proba", "decision_function", "forecast", "transform", "__call__"})


class Roles:
    """Proposes roles for the cells of a notebook."""

    def __init__(self, flow: CellFlow) -> None:
        self.flow = flow
        self.stages = Stages(flow.timeline)
        self.stage = [self.stages.of(flow.statements[place]) for place in range(len(flow.cells))]

    @cached_property
    def _made(self) -> dict[int, list[Event]]:
        """The versions that each statement makes, by its place."""
        made: dict[int, list[Event]] = {}
        for events in self.flow.timeline.history.values():
            for event in events:
                made.setdefault(event.pos, []).append(event)
        return made

    def _is_carried(self, statement: Statement) -> bool:
        """Say whether a statement is repeated wherever it is needed, as the walk through the notebook has found."""
        if statement.form.nature is Nature.NOTHING:
            return True
        made = self._made.get(statement.pos, [])
        return bool(made) and all(event.kind is Kind.DEFINE for event in made)

    def is_setup(self, place: int) -> bool:
        """Say whether a cell holds imports and settings only, and no seed."""
        statements = self.flow.statements[place]
        natures = {statement.form.nature for statement in statements}
        return (
            all(map(self._is_carried, statements))
            and Nature.DEFINITION not in natures
            and bool(natures & {Nature.IMPORT, Nature.STAR, Nature.SETUP})
        )

    def only_defines(self, place: int) -> bool:
        """Say whether a cell holds functions, classes, imports and settings only."""
        statements = self.flow.statements[place]
        return bool(statements) and all(self._is_carried(s) and s.form.simple for s in statements)

    def installs(self, place: int) -> bool:
        """Say whether a cell does nothing but install packages."""
        statements = self.flow.statements[place]
        return bool(statements) and all(_installs(statement) for statement in statements)

    def parameters(self, place: int) -> list[str]:
        """Return the settings that a cell of literals sets, if people would tune them: each set once, some of them read later."""
        names: list[str] = []
        tunable: set[str] = set()
        for statement in self.flow.statements[place]:
            if statement.form.nature in (Nature.IMPORT, Nature.NOTHING):
                continue
            node = statement.piece.node
            found = parameter_of(node, statement.cell) if node is not None else None
            if not found:
                return []
            for parameter in found:
                names.append(parameter.name)
                if _is_setting(parameter.default):
                    tunable.add(parameter.name)
        history = self.flow.timeline.history
        once = all([event.kind for event in history.get(name, ())] == [Kind.VALUE] for name in names)
        read = {link.name for link in self.flow.taken[place]}
        return names if once and tunable & read else []

    def metrics(self, place: int) -> list[str]:
        """Return the metrics that a cell assigns, if it assigns nothing else."""
        names: list[str] = []
        measured = False
        known = set(self._known_scalars(place))
        for statement in self.flow.statements[place]:
            assigned = statement.effects.defines | statement.effects.augments.keys()
            if not assigned:
                if statement.effects.may_define:
                    return []
                continue
            if statement.form.nature is Nature.IMPORT:
                continue
            found = is_scalar(statement.piece.node, self.stages, known)
            if found is None:
                return []
            measured = measured or found.measured
            known |= assigned
            names += sorted(assigned)
        return names if measured else []

    def _known_scalars(self, place: int) -> Iterable[str]:
        """Yield the names taken from elsewhere that are metrics, or settings."""
        for link in self.flow.found[place]:
            event = self.flow.timeline.at(link.name, self.flow.statements[place][0].pos)
            statement = event.statement if event is not None else None
            if statement is None or event is None or event.kind not in VALUES:
                continue
            scalar = is_scalar(statement.piece.node, self.stages, set())
            if scalar is not None:
                yield link.name

    def serves(self, place: int) -> str | None:
        """Return the function that a cell defines and that answers questions with a fitted model."""
        functions = [s.piece.node for s in self.flow.statements[place] if isinstance(s.piece.node, ast.FunctionDef)]
        if not functions:
            return None
        chosen = next((f for f in functions if f.name == "predict"), functions[-1])
        return chosen.name if self._answers(chosen) else None

    def _answers(self, function: ast.FunctionDef) -> bool:
        """Say whether a function asks a fitted model about what it is given, and returns something."""
        args = function.args
        own = {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
        given = set(own)
        if not own or any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(function)):
            return False
        asks = False
        for part in (inner for statement in function.body for inner in ast.walk(statement)):
            if isinstance(part, ast.Assign) and _names(part.value) & given:
                given.update(name for target in part.targets for name in target_names(target))
            if isinstance(part, ast.Call):
                path = dotted(part.func)
                method = path[-1] if len(path) > 1 else "__call__"
                asked = {name for argument in part.args for name in _names(argument)}
                asked |= {name for keyword in part.keywords for name in _names(keyword.value)}
                if path and path[0] not in own and method in _ANSWERS and path[0] in self.fitted and asked & given:
                    asks = True
        return asks and any(isinstance(part, ast.Return) and part.value is not None for part in ast.walk(function))

    @cached_property
    def fitted(self) -> set[str]:
        """The names of what was trained, anywhere in the notebook."""
        names: set[str] = set()
        for statement in self.flow.timeline.statements:
            for call in self.stages.calls(statement.piece.node):
                if not self.stages.fits_model(call):
                    continue
                path = dotted(call.node.func)
                names |= set(path[:1])
                node = statement.piece.node
                if isinstance(node, ast.Assign):
                    names.update(name for target in node.targets for name in target_names(target))
        return names

    def skippable(self, protected: Collection[int]) -> set[int]:
        """Return the cells that only look at data: nothing they make is read by a cell that stays.

        `protected` are cells that stay anyway.
        """
        timeline = self.flow.timeline
        reads = {name for statement in timeline.statements for name in statement.effects.reads}
        if any(is_memory(name) and name not in timeline.history for name in reads):
            return set()  # `_` is the output of whatever ran last
        found: set[int] = set()
        for place in reversed(range(len(self.flow.cells))):
            users = {link.user for link in self.flow.taken[place]}
            if place not in protected and users <= found and self._looks(place):
                found.add(place)
        return found

    def _looks(self, place: int) -> bool:
        statements = self.flow.statements[place]
        made = {name for s in statements for name in s.effects.defines | s.effects.may_define}
        if not statements or self.flow.hidden(place):
            return False
        touched = self.flow.timeline.touched.get(f"cell-{self.flow.cells[place].number}", {})
        foreign = {
            name for name, event in touched.items() if event.kind is not Kind.DEFINE and not name.startswith("@")
        }
        if foreign - made:
            return False  # it changes what it did not make
        if not all(self._is_look(statement, made) for statement in statements):
            return False
        if any(self.flow.timeline.graph.plots(statement) for statement in statements):
            return True
        return self._looks_at_data(place)

    def _is_look(self, statement: Statement, made: set[str]) -> bool:
        node = statement.piece.node
        if not isinstance(node, _STATEMENTS) or statement.effects.files_written or statement.effects.everything:
            return False
        for part in ast.walk(node):
            if isinstance(part, ast.stmt) and not isinstance(part, _STATEMENTS):
                return False
            if isinstance(part, ast.Await | ast.NamedExpr):
                return False
        for call in self.stages.calls(node):
            if call.method:
                path = dotted(call.node.func)
                if call.method in _NO_LOOK or not (call.method in PURE or (path and path[0] in made)):
                    return False
            elif not _harmless(call.name):
                return False
        return True

    def _looks_at_data(self, place: int) -> bool:
        """Say whether a cell shows something of the data: `df.head()`, `df`, not of results."""
        makers = {link.maker for link in self.flow.found[place] if not link.source}
        data = {Stage.LOAD, *PREPARES}
        if not makers or not all(self.stage[maker] in data for maker in makers):
            return False
        nodes = [s.piece.node for s in self.flow.statements[place]]
        last = nodes[-1]
        bare = isinstance(last, ast.Expr) and isinstance(last.value, ast.Name)
        return bare or any(
            isinstance(part, ast.Attribute) and part.attr in _LOOKS for node in nodes if node for part in ast.walk(node)
        )


def _installs(statement: Statement) -> bool:
    node = statement.piece.node
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    words = " ".join(a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)).split()
    return call.func.attr in ("system", "getoutput", "run_line_magic") and words[:1] != [] and words[0] in _INSTALLERS


def _is_setting(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONG and "\n" not in value
    return isinstance(value, int | float | bool)


def _harmless(name: str) -> bool:
    if "." not in name:
        return name in _BUILTINS
    if name.rsplit(".", maxsplit=1)[-1] in _NO_LOOK or name.startswith(_UNSAFE):
        return False
    return name.startswith(_DRAWING) or name.startswith(_SAFE_MODULES)


def _names(node: ast.AST | None) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node is not None else set()
