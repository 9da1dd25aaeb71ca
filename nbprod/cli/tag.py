"""`nbprod tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbprod.cli.common import command, print_json, print_table, short

if TYPE_CHECKING:
    from nbprod.notebook.cell import Cell, Notebook
    from nbprod.project import Entry

EPILOG = """\b
Tags: parameters, imports, task:NAME, after:NAME, metrics, serve, skip.
  nbprod tag wine                          list the cells with their tags
  nbprod tag wine 5 --add task:train       start task `train` at cell 5
  nbprod tag wine 3 4 --set skip           cells 3 and 4 are no part of the pipeline
  nbprod tag wine --fix                    do what `nbprod check` proposes
  nbprod tag wine --suggest                propose tags from the headings and the data flow
  nbprod tag wine --suggest --apply        and write them into the notebook
"""


@command(
    click.argument("pipeline"),
    click.argument("cells", nargs=-1, metavar="[CELL]..."),
    click.option("--add", multiple=True, metavar="TAG", help="Add a tag; may be repeated."),
    click.option("--remove", multiple=True, metavar="TAG", help="Remove a tag; may be repeated."),
    click.option("--set", "replace", multiple=True, metavar="TAG", help="Replace all tags; may be repeated."),
    click.option("--clear", is_flag=True, help="Remove all tags."),
    click.option("--fix", is_flag=True, help="Apply the fixes that `nbprod check` proposes."),
    click.option(
        "--suggest", "propose", is_flag=True, help="Propose tags for cells that have none; nothing is written."
    ),
    click.option("--apply", is_flag=True, help="Write what --suggest proposes."),
    epilog=EPILOG,
)
def tag(
    pipeline: str,
    cells: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    replace: tuple[str, ...],
    clear: bool,
    fix: bool,
    propose: bool,
    apply: bool,
    as_json: bool,
) -> None:
    """List, propose, add or remove the tags of cells; nothing else is ever written into a notebook.

    CELL is a number among the code cells, as `nbprod check` shows it, or a cell's id.
    """
    from nbprod.notebook.pipeline import read_pipeline
    from nbprod.notebook.retag import write_tags
    from nbprod.project import Project

    changes = bool(add or remove or replace or clear)
    if propose and (cells or fix or changes):
        raise click.UsageError("--suggest stands alone: it looks at all cells")
    if apply and not propose:
        raise click.UsageError("--apply writes what --suggest proposes: give both")
    if changes and not cells:
        raise click.UsageError("say which cells, by number or id")
    if cells and not changes:
        raise click.UsageError("say what to do with the cells: --add, --remove, --set or --clear")
    if (replace or clear) and (add or remove or (replace and clear)):
        raise click.UsageError("--set and --clear stand alone: they replace all tags")
    entry = Project.find().pipeline(pipeline)
    if propose:
        _propose(entry, pipeline, apply=apply, as_json=as_json)
        return
    read = read_pipeline(str(entry.notebook))
    new: dict[int, tuple[str, ...]] = {}
    if fix:
        by_id = {cell.id: cell for cell in read.notebook.cells}
        for problem in [*read.diagnostics, *read.resolve().diagnostics]:
            if problem.fix is not None:
                new[by_id[problem.fix.cell].index] = problem.fix.tags
                if not as_json:
                    click.echo(f"cell {by_id[problem.fix.cell].number}: {problem.fix.title}")
    for text in cells:
        cell = _find(read.notebook, text, entry)
        kept = () if replace or clear else tuple(name for name in cell.tags if name not in remove)
        new[cell.index] = tuple(dict.fromkeys([*kept, *add, *replace]))
    if new:
        write_tags(entry.notebook, new)
        read = read_pipeline(str(entry.notebook))
    _show(read.notebook, set(new), as_json=as_json)


def _propose(entry: Entry, called: str, *, apply: bool, as_json: bool) -> None:
    from nbprod.notebook.reader import read_notebook
    from nbprod.notebook.retag import write_tags
    from nbprod.notebook.suggest import suggest

    notebook = read_notebook(str(entry.notebook))
    found = suggest(notebook)
    cells = [cell for cell in notebook.cells if cell.id in found.tags]
    if apply and cells:
        write_tags(entry.notebook, {cell.index: found.tags[cell.id] for cell in cells})
    if as_json:
        print_json(
            {"tasks": found.tasks, "tags": found.tags, "reasons": found.reasons, "applied": apply and bool(cells)}
        )
    elif not cells:
        click.echo("nothing to propose: every cell has its place")
    else:
        rows = [
            [cell.number, " ".join(found.tags[cell.id]), _first_line(cell), found.reasons[cell.id]] for cell in cells
        ]
        print_table(["cell", "tags", "code", "why"], rows)
        if not apply:
            click.echo(f"nothing is written yet: nbprod tag {called} --suggest --apply writes these tags", err=True)


def _first_line(cell: Cell) -> str:
    return next((line for line in cell.source.splitlines() if line.strip()), "")[:60]


def _find(notebook: Notebook, text: str, entry: Entry) -> Cell:
    for cell in notebook.cells:
        if text in {str(cell.number), cell.id}:
            return cell
    from nbprod.errors import Location, NotFoundError

    raise NotFoundError(
        f"there is no code cell {text!r}",
        where=Location(file=short(entry.notebook)),
        fix=f"Its code cells are 1 to {len(notebook.cells)}; 'nbprod tag {entry.name}' lists them.",
    )


def _show(notebook: Notebook, changed: set[int], *, as_json: bool) -> None:
    shown = [cell for cell in notebook.cells if not changed or cell.index in changed]
    if as_json:
        print_json([{"number": cell.number, "id": cell.id, "tags": cell.tags} for cell in shown])
        return
    print_table(["cell", "tags", "code"], [[cell.number, " ".join(cell.tags), _first_line(cell)] for cell in shown])
