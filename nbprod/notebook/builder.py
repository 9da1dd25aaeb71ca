"""Builds the graph of a pipeline from its statements and from what runs have taught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbprod.notebook import problems, state
from nbprod.notebook.analysis import Piece
from nbprod.notebook.cell import Cell
from nbprod.notebook.events import Kind, Statement
from nbprod.notebook.facts import Facts
from nbprod.notebook.graph import Bind, Define, Graph, Load, Node, Step
from nbprod.notebook.ordering import file_edges, find_cycle
from nbprod.notebook.resolve import Needs, prelude_of
from nbprod.notebook.serving import Serve, names_in
from nbprod.notebook.split import split_problems
from nbprod.notebook.timeline import Timeline

SERVE = "@serve"
KEEP = "@keep"
_LAST = 1 << 60


@dataclass
class Outline:
    """A notebook cut into tasks, before names are resolved."""

    folder: Path
    cells: list[tuple[Cell, str | None, list[Piece]]]
    """Every cell of the pipeline with its task; `None` for one that is only carried."""
    tasks: dict[str, tuple[Cell, ...]]
    """The cells that run in each task, in notebook order of the first."""
    after: dict[str, frozenset[str]]
    parameters: tuple[str, ...] = ()
    parameter_cells: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Cells that run as code, and the parameters that they set."""
    literal_cells: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Cells of literals only: they never run, their parameters are bound."""
    metrics: dict[str, tuple[str, ...]] = field(default_factory=dict)
    serve: Serve | None = None
    skipped: list[tuple[Cell, list[Piece]]] = field(default_factory=list)
    endings: dict[str, bool] = field(default_factory=dict)
    """Cell ids, and whether the cell ends in an expression."""


def statements_of(outline: Outline) -> tuple[list[Statement], dict[int, frozenset[str]]]:
    """Return all statements in notebook order, and for the last one of each parameters cell the parameters that it sets."""
    statements: list[Statement] = []
    ends: dict[int, frozenset[str]] = {}
    for cell, task, pieces in outline.cells:
        for piece in pieces:
            statements.append(Statement(cell, piece, task, 2 * len(statements)))
        names = outline.parameter_cells.get(cell.id) or outline.literal_cells.get(cell.id)
        if names and pieces:
            ends[statements[-1].pos] = frozenset(names)
    return statements, ends


def timeline_of(outline: Outline, facts: Mapping[str, Facts]) -> Timeline:
    """Walk the notebook."""
    statements, ends = statements_of(outline)
    literal = frozenset(outline.literal_cells)
    elsewhere = frozenset(name for _, pieces in outline.skipped for piece in pieces for name in piece.effects.reads)
    return Timeline(statements, ends, literal, facts, outline.endings, elsewhere)


def build(
    outline: Outline, facts: Mapping[str, Facts], keep: frozenset[str], timeline: Timeline | None = None
) -> Graph:
    """Resolve all names in notebook order and return the graph."""
    timeline = timeline or timeline_of(outline, facts)
    needs = Needs(timeline, facts)
    for task, uses in timeline.uses.items():
        for use in uses:
            needs.ask(task, use.event, use.pos)
    _ask_for_results(outline, timeline, needs, keep)
    serve = outline.serve
    if serve is not None:
        event = timeline.at(serve.name, _LAST)
        needs.ask(SERVE, event, _LAST)
        if event is not None:
            needs.read_codes(SERVE, event, _LAST)
        for name in state.SERVED:
            needs.ask(SERVE, timeline.at(name, _LAST), _LAST)
    needs.follow()
    by_task: dict[str, list[Statement]] = {}
    for statement in timeline.statements:
        if statement.task is not None:
            by_task.setdefault(statement.task, []).append(statement)
    place = {task: number for number, task in enumerate(outline.tasks)}
    nodes = {
        name: _node(name, cells, by_task.get(name, []), place, outline, timeline, needs)
        for name, cells in outline.tasks.items()
    }
    edges = file_edges(
        list(nodes),
        _file_uses(nodes, timeline, needs),
        facts,
        {n: node.imports for n, node in nodes.items()},
        outline.folder,
    )
    nodes = {
        name: replace(node, after=(outline.after.get(name, frozenset()) | edges[name]) & nodes.keys())
        for name, node in nodes.items()
    }
    found = [*problems.flow_problems(timeline, needs, outline.skipped), *split_problems(timeline)]
    cycle = find_cycle({name: node.upstream for name, node in nodes.items()})
    while cycle:
        found.append(problems.cycle_problem(cycle, outline.after, outline.tasks))
        broken = next(((a, b) for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True) if b in nodes[a].after), None)
        if broken is None:
            break
        nodes[broken[0]] = replace(nodes[broken[0]], after=nodes[broken[0]].after - {broken[1]})
        cycle = find_cycle({name: node.upstream for name, node in nodes.items()})
    return Graph(nodes, _serve_node(outline, needs) if serve else None, tuple(dict.fromkeys(found)))


def _file_uses(nodes: Mapping[str, Node], timeline: Timeline, needs: Needs) -> dict[str, tuple[set[str], set[str]]]:
    """Return the files that each task names, in what is carried into it too."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for name in nodes:
        reads, writes = timeline.file_uses.get(name, (set(), set()))
        carried = [statement.effects for statement in needs.carried(name).values()]
        found[name] = (reads.union(*(e.files_read for e in carried)), writes.union(*(e.files_written for e in carried)))
    return found


def _ask_for_results(outline: Outline, timeline: Timeline, needs: Needs, keep: frozenset[str]) -> None:
    """Metrics, what is kept, and what shows an input of the service are saved whoever needs them."""
    for task, names in outline.metrics.items():
        for name in names:
            event = timeline.touched.get(task, {}).get(name)
            if event is not None and event.kind not in (Kind.DEFINE, Kind.DELETE):
                needs.outputs.setdefault(task, {}).setdefault(name, set())
                needs.ask(task, event, timeline.last[task] + 2)
    wanted = set(keep) - {"@all"}
    if outline.serve is not None:
        wanted |= {name for sample in outline.serve.samples for name in names_in(sample)}
    if "@all" in keep:
        wanted |= {name for name in timeline.current if not name.startswith("@")}
    for name in sorted(wanted):
        event = timeline.at(name, _LAST)
        if event is not None and event.kind in (Kind.VALUE, Kind.SOFT, Kind.MUTATE):
            needs.ask(KEEP, event, _LAST)


def _node(
    name: str,
    cells: tuple[Cell, ...],
    statements: list[Statement],
    place: Mapping[str, int],
    outline: Outline,
    timeline: Timeline,
    needs: Needs,
) -> Node:
    steps = prelude_of(name, needs, outline.parameters)
    own = {parameter for cell in cells for parameter in outline.parameter_cells.get(cell.id, ())}
    binds = tuple(p for step in steps if isinstance(step, Bind) for p in step.names if p in own)
    if binds:
        steps = tuple(
            replace(step, names=tuple(p for p in step.names if p not in own)) if isinstance(step, Bind) else step
            for step in steps
        )
        steps = tuple(step for step in steps if not isinstance(step, Bind) or step.names)
    wanted = needs.outputs.get(name, {})
    outputs = tuple(sorted(wanted))
    carried = needs.carried(name)
    return Node(
        name=name,
        cells=cells,
        prelude=steps,
        binds=binds,
        outputs=outputs,
        defines=_defines(name, steps, timeline),
        wanted_by={
            out: tuple(sorted((t for t in wanted[out] if t in place), key=place.__getitem__)) for out in outputs
        },
        code=_code(steps, carried, statements),
        imports=tuple(
            sorted(
                {m.lstrip(".").split(".")[0] for s in (*carried.values(), *statements) for m in s.effects.modules}
                - {"", "__future__"}
            )
        ),
        metrics=tuple(m for m in outline.metrics.get(name, ()) if m in wanted),
    )


def _defines(task: str, steps: tuple[Step, ...], timeline: Timeline) -> frozenset[str]:
    """Return the names that stand for what source defines, when the task ends."""
    names: set[str] = set()
    for step in steps:
        if isinstance(step, Define):
            names |= set(step.names)
        elif isinstance(step, Load):
            names -= {
                n
                for n in step.names
                if (event := timeline.at(n, timeline.first.get(task, _LAST))) and not event.by_source
            }
    for name, event in timeline.touched.get(task, {}).items():
        if name.startswith("@"):
            if name in state.ENVIRONMENT and event.kind is Kind.DEFINE:
                names.add(name)
            continue
        if event.by_source:
            names.add(name)
        else:
            names.discard(name)
    return frozenset(names)


def _code(steps: tuple[Step, ...], carried: Mapping[tuple[str, int], Statement], statements: list[Statement]) -> str:
    """Return the normal form of all code that runs; loads stand in it by name, so that their order counts."""
    lines: list[str] = []
    taken: list[str] = []

    def flush() -> None:
        if taken:
            lines.append(f"# load {' '.join(sorted(taken))}")
            taken.clear()

    for step in steps:
        if isinstance(step, Load):
            taken.extend(step.names)  # from whom, and which of two tasks comes first, is not the code's business
            continue
        flush()
        if isinstance(step, Define):
            statement = carried.get((step.cell.id, step.line))
            whole = statement is not None and statement.piece.source == step.source
            lines.append(statement.piece.text if statement is not None and whole else step.source)
        else:
            lines.append(f"# bind {' '.join(step.names)}")
    flush()
    lines.append("# cells")
    lines += [statement.piece.text for statement in statements]
    return "\n".join(line for line in lines if line)


def _serve_node(outline: Outline, needs: Needs) -> Node:
    steps = prelude_of(SERVE, needs, outline.parameters)
    carried = needs.carried(SERVE)
    modules = {m.lstrip(".").split(".")[0] for s in carried.values() for m in s.effects.modules} - {"", "__future__"}
    names = frozenset(name for step in steps if isinstance(step, Define) for name in step.names)
    return Node(SERVE, (), steps, defines=names, code=_code(steps, carried, []), imports=tuple(sorted(modules)))
