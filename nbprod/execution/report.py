"""The report of a run: the executed cells put back into the author's notebook, in its own order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbprod.errors import NotFoundError
from nbprod.execution.atomic import write_text
from nbprod.execution.database import Place
from nbprod.execution.events import Status
from nbprod.execution.literals import literal, same
from nbprod.execution.outcome import Outcome
from nbprod.execution.records import Records
from nbprod.execution.store import Store
from nbprod.notebook.graph import Node
from nbprod.notebook.pipeline import Pipeline

NOTEBOOK = "notebook.ipynb"
HTML = "report.html"


Executed = tuple[Node, Mapping[str, Any]]
"""A task and the notebook that it ran as, perhaps in an earlier run and from cells with other ids, but with the same code."""


def merge(pipeline: Pipeline, values: Mapping[str, Any], executed: Iterable[Executed]) -> dict[str, Any]:
    """Return the author's notebook, as JSON, with the outputs of the executed task notebooks.

    Cells that did not run have no output. Execution counts are numbered as one kernel would; parameters that differ from
    the notebook's stand in a cell of their own after the parameters cell, as Papermill puts them.
    """
    results: dict[str, Mapping[str, Any]] = {}
    for node, nb in executed:
        cells = [cell for cell in nb["cells"] if "cell" in cell["metadata"].get("nbprod", {})]
        same_shape = len(cells) == len(node.cells)
        ids = [author.id for author in node.cells] if same_shape else [cell["id"] for cell in cells]
        results |= dict(zip(ids, cells, strict=True))
    places = {parameter.cell.id for parameter in pipeline.parameters.values()}
    changed = {
        name: values[name]
        for name, parameter in pipeline.parameters.items()
        if not same(values[name], parameter.default)
    }
    merged, count = [], 0
    for author in pipeline.notebook.document["cells"]:
        cell = {**author, "metadata": dict(author["metadata"])}
        merged.append(cell)
        if cell["cell_type"] != "code":
            continue
        cell |= {"outputs": [], "execution_count": None}
        done = results.get(cell["id"])
        if done is not None:
            cell["outputs"] = [dict(output) for output in done["outputs"]]
            if "papermill" in done["metadata"]:
                cell["metadata"]["papermill"] = done["metadata"]["papermill"]
        if cell["id"] in places if done is None else done.get("execution_count") is not None:
            count += 1
            cell["execution_count"] = count
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count
        if cell["id"] in places and changed:
            merged.append(_injected(cell["id"], changed))
            changed = {}
    for cell in merged:
        if isinstance(cell["source"], str):
            cell["source"] = cell["source"].splitlines(keepends=True)
    minor = max(pipeline.notebook.document.get("nbformat_minor", 5), 5)
    return {**pipeline.notebook.document, "cells": merged, "nbformat": 4, "nbformat_minor": minor}


def write(path: Path, pipeline: Pipeline, values: Mapping[str, Any], executed: Iterable[Executed]) -> None:
    """Write the merged notebook."""
    # as nbformat writes it; nbformat itself takes longer to import than a cached run takes
    value = merge(pipeline, values, executed)
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _injected(after: str, changed: Mapping[str, Any]) -> dict[str, Any]:
    source = "\n".join(f"{name} = {literal(value)}" for name, value in changed.items())
    return {
        "cell_type": "code",
        "id": f"{after[:50]}-injected",
        "metadata": {"tags": ["injected-parameters"]},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def executed_notebook(store: Store, folder: Path, task: str, outcome: Outcome) -> Mapping[str, Any] | None:
    """Return the executed notebook of a task: that of this run, or the one kept with what it reuses."""
    kept = outcome.trace.notebook if outcome.trace else None
    if outcome.status is not Status.CACHED:
        path = folder / "tasks" / f"{task}.ipynb"
    elif kept is not None:
        path = store.path(kept)
    else:
        return None
    if not path.exists():
        return None
    value: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def kept_report(project: Place, run: str) -> Path | None:
    """Return the HTML report of the run with this id if it was made already, from the notebook as it is now."""
    folder = project.state / "runs" / run
    source, target = folder / NOTEBOOK, folder / HTML
    if source.exists() and target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return target
    return None


def report_html(project: Place, run: str) -> Path:
    """Return the HTML report of a run, made now if it is not there yet. Raises `NotFoundError`."""
    found = Records.open(project).run(run)
    kept = kept_report(project, found.id)
    if kept is not None:
        return kept
    folder = project.state / "runs" / found.id
    source, target = folder / NOTEBOOK, folder / HTML
    if not source.exists():
        raise NotFoundError(f"run {found.id} has no executed notebook", fix="It ended before its first task.")
    import nbformat
    from nbconvert import HTMLExporter

    nb = nbformat.read(source, as_version=4)
    title = f"{found.pipeline} {found.id}"
    exporter = HTMLExporter(mermaid_js_url="", jquery_url="", **_unneeded(source.read_text(encoding="utf-8")))
    body, _ = exporter.from_notebook_node(nb, resources={"metadata": {"name": title}})
    write_text(target, body.replace('<script src=""></script>', ""))
    return target


def _unneeded(text: str) -> dict[str, str]:
    """Return the options that keep nbconvert from having a page load scripts of other hosts, where the notebook needs none.

    Formulas need MathJax, and some interactive outputs need require.js.
    """
    needed = {"mathjax_url": "$" in text or "latex" in text, "require_js_url": "require" in text}
    return {option: "" for option, is_needed in needed.items() if not is_needed}
