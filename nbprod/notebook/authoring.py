"""From cells and tags to an outline: which statements belong to which task, what are parameters, metrics and the service."""

from __future__ import annotations

import ast

from nbprod.notebook import tags
from nbprod.notebook.analysis import Piece, analyse
from nbprod.notebook.builder import Outline, timeline_of
from nbprod.notebook.cell import Cell, Notebook
from nbprod.notebook.definitions import Nature, is_literal
from nbprod.notebook.diagnostics import Diagnostic, Severity
from nbprod.notebook.parameters import Parameter, parameter_of
from nbprod.notebook.serving import find_serve
from nbprod.notebook.timeline import Timeline

_CARRIED = frozenset({Nature.IMPORT, Nature.DEFINITION, Nature.SETUP, Nature.NOTHING, Nature.STAR})
_LANGUAGES = frozenset({"python", "python3", "ipython", "ipython3"})


def outline_of(notebook: Notebook) -> tuple[Outline, dict[str, Parameter], list[Diagnostic], Timeline]:
    """Cut a notebook into tasks; return with it its parameters, what is wrong with it, and the walk through it."""
    problems: list[Diagnostic] = []
    cells = [cell for cell in notebook.cells if cell.source.strip()]
    if notebook.language not in _LANGUAGES:
        problems.append(
            Diagnostic(
                "kernel-language",
                Severity.ERROR,
                f"the notebook's kernel {notebook.kernel_name!r} speaks {notebook.language}; pipelines are made of Python notebooks",
                hint="Choose a Python kernel in the notebook.",
            )
        )
        cells = []
    grouping, found = tags.group(cells)
    problems += found
    pieces: dict[str, list[Piece]] = {}
    outline = Outline(notebook.path.parent, [], {}, {task: frozenset(after) for task, after in grouping.after.items()})
    for cell in cells:
        analysed = analyse(cell.source)
        if analysed.error and cell not in grouping.skipped:
            message, line = analysed.error
            problems.append(
                Diagnostic(
                    "syntax",
                    Severity.ERROR,
                    f"the cell is no valid Python: {message}",
                    cell.number,
                    line,
                    hint="Correct the line.",
                )
            )
        pieces[cell.id] = analysed.pieces
        outline.endings[cell.id] = analysed.ends_in_expression
    outline.skipped = [(cell, pieces[cell.id]) for cell in grouping.skipped]
    parameters = _read_parameters(grouping, pieces, outline, problems)
    task_of = {cell.id: task for task, group in grouping.tasks.items() for cell in group}
    loose = _loose_cells(grouping, pieces, outline)
    timeline = _settle(cells, pieces, task_of, grouping, outline, loose)
    while True:
        if uncarried := timeline.uncarried & loose:
            loose -= uncarried | (loose & {cell.id for cell in grouping.tasks.get(grouping.implicit or "", ())})
        elif early := _too_early(timeline, loose):
            loose -= early
            for cell_id in early & outline.literal_cells.keys():
                outline.parameter_cells[cell_id] = outline.literal_cells.pop(cell_id)
        else:
            break
        timeline = _settle(cells, pieces, task_of, grouping, outline, loose)
    _read_metrics(grouping, pieces, outline, problems)
    everything = [(cell, piece) for cell, _, own in outline.cells for piece in own]
    tagged = {cell for cell, roles in grouping.roles.items() if "serve" in roles}
    outline.serve = find_serve(everything, tagged)
    if tagged and outline.serve is None:
        number = next(cell.number for cell in cells if cell.id in tagged)
        problems.append(
            Diagnostic(
                "serve-nothing",
                Severity.ERROR,
                "the cell is tagged `serve` but defines no function",
                number,
                hint="Define the function that answers a request in it.",
            )
        )
    problems += _shadowed(outline, parameters)
    return outline, parameters, problems, timeline


def _loose_cells(grouping: tags.Grouping, pieces: dict[str, list[Piece]], outline: Outline) -> set[str]:
    """Return the ids of cells that need belong to no task: parameters that are literals, `imports`, definitions before the first task."""
    loose = set(outline.literal_cells)
    for group in grouping.tasks.values():
        for cell in group:
            if "imports" in grouping.roles[cell.id] and all(_may_be_loose(p, constants=True) for p in pieces[cell.id]):
                loose.add(cell.id)
    first = grouping.tasks.get(grouping.implicit or "", [])
    if len(grouping.tasks) > 1 and not any(grouping.roles[cell.id] & {"metrics", "serve"} for cell in first):
        rest = [cell for cell in first if cell.id not in loose]
        if all(_may_be_loose(piece) for cell in rest for piece in pieces[cell.id]):
            loose |= {cell.id for cell in rest}
    return loose


def _may_be_loose(piece: Piece, *, constants: bool = False) -> bool:
    """Say whether a statement looks like one that is only carried; the walk has the last word."""
    form, effects = piece.form, piece.effects
    if form.nature is Nature.CODE:
        return form.quiet and not (effects.defines or effects.may_define or effects.augments)
    return form.simple and (form.nature in _CARRIED or (constants and form.nature is Nature.CONSTANT))


def _too_early(timeline: Timeline, loose: set[str]) -> set[str]:
    """Return the ids of cells that cannot be only carried: they stand between the cells of a task that would tell them to be executed first."""
    found: set[str] = set()
    for statement in timeline.statements:
        pos, cell_id = statement.pos, statement.cell.id
        if cell_id not in loose:
            continue
        around = [task for task, first in timeline.first.items() if first < pos < timeline.last[task]]
        names = statement.effects.defines | statement.effects.may_define
        for task in around:
            missed = [timeline.missed.get((task, name), pos) for name in names] + [timeline.saw_all.get(task, pos)]
            if (
                min(missed) < pos
                or any(timeline.at(name, pos) is not None for name in names)
                or any(event.task in around for event in statement.requires)
            ):
                found.add(cell_id)
    return found


def _settle(
    cells: list[Cell],
    pieces: dict[str, list[Piece]],
    task_of: dict[str, str],
    grouping: tags.Grouping,
    outline: Outline,
    loose: set[str],
) -> Timeline:
    outline.cells = [
        (cell, None if cell.id in loose else task_of[cell.id], pieces[cell.id]) for cell in cells if cell.id in task_of
    ]
    outline.tasks = {
        task: own
        for task, group in grouping.tasks.items()
        if (own := tuple(cell for cell in group if cell.id not in loose))
    }
    outline.after = {task: frozenset(grouping.after.get(task, ())) & outline.tasks.keys() for task in outline.tasks}
    return timeline_of(outline, {})


def _read_parameters(
    grouping: tags.Grouping, pieces: dict[str, list[Piece]], outline: Outline, problems: list[Diagnostic]
) -> dict[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for group in grouping.tasks.values():
        for cell in group:
            if "parameters" not in grouping.roles[cell.id]:
                continue
            own: dict[str, Parameter] = {}
            code = False
            for piece in pieces[cell.id]:
                found = parameter_of(piece.node, cell) if piece.node is not None else None
                if found is None:
                    code = code or piece.form.nature not in (Nature.NOTHING, Nature.IMPORT, Nature.DEFINITION)
                    code = code or not piece.form.simple
                    for name in piece.effects.defines | piece.effects.may_define:
                        own.pop(name, None)  # what code sets anew is no literal any more
                for parameter in found or ():
                    if parameter.name in own or parameter.name in parameters:
                        before = own.get(parameter.name) or parameters[parameter.name]
                        problems.append(
                            Diagnostic(
                                "parameter-twice",
                                Severity.ERROR,
                                f"parameter {parameter.name!r} is set twice, here and in cell {before.cell.number}, line {before.line}",
                                cell.number,
                                parameter.line,
                                hint="Keep one of them.",
                            )
                        )
                    own[parameter.name] = parameter
            reads = {name for piece in pieces[cell.id] for name in piece.effects.reads}
            if code or reads & own.keys():
                outline.parameter_cells[cell.id] = tuple(own)
            else:
                outline.literal_cells[cell.id] = tuple(own)
            parameters |= own
    outline.parameters = tuple(parameters)
    return parameters


def _read_metrics(
    grouping: tags.Grouping, pieces: dict[str, list[Piece]], outline: Outline, problems: list[Diagnostic]
) -> None:
    for task, group in grouping.tasks.items():
        names: dict[str, None] = {}
        for cell in group:
            if "metrics" not in grouping.roles[cell.id]:
                continue
            before = len(names)
            for piece in pieces[cell.id]:
                if piece.form.nature in (Nature.CODE, Nature.CONSTANT):
                    assigned = piece.effects.defines | (piece.effects.augments.keys())
                    names.update(dict.fromkeys(sorted(assigned - piece.effects.imports.keys())))
                    if (kind := _no_number(piece.node)) is not None:
                        problems.append(
                            Diagnostic(
                                "metric-not-scalar",
                                Severity.ERROR,
                                f"{', '.join(sorted(assigned))!s} is {kind}: a metric is one number",
                                cell.number,
                                piece.line,
                                task,
                                "Assign a number, or move the line to a cell that is not tagged `metrics`.",
                            )
                        )
            if len(names) == before:
                problems.append(
                    Diagnostic(
                        "metrics-nothing",
                        Severity.WARNING,
                        "the cell is tagged `metrics` but assigns nothing",
                        cell.number,
                        task=task,
                        hint="Assign each metric to a variable.",
                    )
                )
        if names:
            outline.metrics[task] = tuple(names)


def _no_number(node: ast.stmt | None) -> str | None:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.List | ast.ListComp):
        return "a list"
    if isinstance(value, ast.Dict | ast.DictComp):
        return "a dict"
    if isinstance(value, ast.Set | ast.SetComp):
        return "a set"
    if isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str | bytes)):
        return "text"
    if isinstance(value, ast.Constant) and value.value is None:
        return "None"
    if (
        isinstance(value, ast.Tuple)
        and isinstance(node, ast.Assign)
        and all(isinstance(t, ast.Name) for t in node.targets)
    ):
        return "a tuple"
    return None


def _shadowed(outline: Outline, parameters: dict[str, Parameter]) -> list[Diagnostic]:
    """Warn of a parameter that a task sets to a literal: values given to a run would have no effect from there on."""
    found: list[Diagnostic] = []
    own = {*outline.parameter_cells, *outline.literal_cells}
    for cell, task, pieces in outline.cells:
        for piece in pieces if cell.id not in own else ():
            for name in sorted(piece.effects.defines & parameters.keys()):
                if name in piece.effects.reads:
                    continue
                value = piece.node.value if isinstance(piece.node, ast.Assign | ast.AnnAssign) else None
                if is_literal(value) or piece.effects.codes or piece.effects.imports:
                    found.append(
                        Diagnostic(
                            "parameter-shadowed",
                            Severity.WARNING,
                            f"parameter {name!r} is set anew here: the value of a run has no effect from here on",
                            cell.number,
                            piece.line,
                            task,
                            "Remove the line, or use another name.",
                        )
                    )
    return found
