"""The report of a run: the executed cells put back into the author's notebook, in its own order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbprod.errors import NotFoundError
from nbprod.execution.atomic import write_text
from nbprod.execution.database import Place
from nbprod.execution.records import Records
from nbprod.execution.store import Store

NOTEBOOK = "notebook.ipynb"
HTML = "report.html"


def merge(author: Any, executed: Iterable[Mapping[str, Any]]) -> Any:
    """Return the author's notebook with the outputs of the executed task notebooks.

    Cells that did not run have no output; execution counts are numbered as one kernel would, and injected parameters stand
    after the parameters cell.
    """
    import copy

    results: dict[str, Mapping[str, Any]] = {}
    injected: dict[str, Mapping[str, Any]] = {}
    for nb in executed:
        before = None
        for cell in nb["cells"]:
            about = cell["metadata"].get("nbprod", {})
            if "cell" in about:
                results[cell["id"]], before = cell, cell["id"]
            elif before is not None and "injected-parameters" in cell["metadata"].get("tags", []):
                injected[before] = cell
    merged = copy.deepcopy(author)
    cells, count = [], 0
    for cell in merged.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        done = results.get(cell.id)
        if done is None:
            continue
        cell.outputs = copy.deepcopy(done["outputs"])
        state = done["metadata"].get("papermill")
        if state is not None:
            cell.metadata["papermill"] = copy.deepcopy(state)
        if done.get("execution_count") is not None:
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = count
        if cell.id in injected:
            cells.append(_injected(injected[cell.id]))
    merged.cells = cells
    return merged


def write(path: Path, author: Any, executed: Iterable[Mapping[str, Any]]) -> Path:
    """Write the merged notebook and return its path."""
    import nbformat

    nb = merge(nbformat.from_dict(author), executed)
    write_text(path, nbformat.writes(nbformat.from_dict(nb)))
    return path


def executed_notebook(cache_store: Store, folder: Path, task: str, digest: str | None) -> Mapping[str, Any] | None:
    """Return the executed notebook of a task: of this run, or the one kept with what it reuses."""
    own = folder / "tasks" / f"{task}.ipynb"
    path = own if own.exists() else cache_store.path(digest) if digest and cache_store.exists(digest) else None
    if path is None:
        return None
    value: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def report_html(project: Place, run: str) -> Path:
    """Return the HTML report of a run, made now if it is not there yet. Raises `NotFoundError`."""
    found = Records.open(project).run(run)
    folder = project.state / "runs" / found.id
    source, target = folder / NOTEBOOK, folder / HTML
    if not source.exists():
        raise NotFoundError(f"run {found.id} has no executed notebook", fix="It ended before its first task.")
    if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return target
    import nbformat
    from nbconvert import HTMLExporter

    nb = nbformat.read(source, as_version=4)
    title = f"{found.pipeline} {found.id}"
    body, _ = HTMLExporter().from_notebook_node(nb, resources={"metadata": {"name": title}})
    write_text(target, body)
    return target


def _injected(cell: Mapping[str, Any]) -> Any:
    from nbformat.v4 import new_code_cell

    return new_code_cell(cell["source"], id=cell["id"], metadata={"tags": ["injected-parameters"]})


