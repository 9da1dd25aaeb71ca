"""The graph of a run as JSON in the run's folder: what was run can be read when the notebook has long changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbprod.execution.atomic import write_text
from nbprod.notebook.cell import Cell
from nbprod.notebook.graph import Bind, Define, Graph, Load, Node, Step

FILE = "graph.json"


def write_graph(folder: Path, graph: Graph) -> None:
    """Write the graph of a run."""
    value = {
        "nodes": [_node(node) for node in graph.nodes.values()],
        "serve": _node(graph.serve) if graph.serve else None,
    }
    write_text(folder / FILE, json.dumps(value))


def read_graph(folder: Path) -> Graph:
    """Read the graph of a run; its diagnostics are not kept."""
    value = json.loads((folder / FILE).read_text(encoding="utf-8"))
    nodes = [_as_node(node) for node in value["nodes"]]
    return Graph({node.name: node for node in nodes}, _as_node(value["serve"]) if value["serve"] else None)


def _node(node: Node) -> dict[str, Any]:
    value = {name: getattr(node, name) for name in Node.__dataclass_fields__}
    value["cells"] = [asdict(cell) for cell in node.cells]
    value["prelude"] = [{"kind": type(step).__name__, **asdict(step)} for step in node.prelude]
    value["after"] = sorted(node.after)
    value["defines"] = sorted(node.defines)
    return value


def _as_node(value: Mapping[str, Any]) -> Node:
    data = dict(value)
    data["cells"] = tuple(_cell(cell) for cell in data["cells"])
    data["prelude"] = tuple(_step(step) for step in data["prelude"])
    data["wanted_by"] = {name: tuple(tasks) for name, tasks in data["wanted_by"].items()}
    for name in ("binds", "outputs", "imports", "metrics"):
        data[name] = tuple(data[name])
    for name in ("after", "defines"):
        data[name] = frozenset(data[name])
    return Node(**data)


def _cell(value: Mapping[str, Any]) -> Cell:
    return Cell(**{**value, "tags": tuple(value["tags"])})


def _step(value: Mapping[str, Any]) -> Step:
    match value["kind"]:
        case "Define":
            return Define(_cell(value["cell"]), value["line"], value["source"], tuple(value["names"]))
        case "Load":
            return Load(value["task"], tuple(value["names"]))
        case _:
            return Bind(tuple(value["names"]))
