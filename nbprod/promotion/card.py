"""The model card: the README of a Bento."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from nbprod import __version__
from nbprod.promotion import servicecode
from nbprod.promotion.agreement import RELATIVE
from nbprod.promotion.candidate import Candidate
from nbprod.promotion.capture import Capture
from nbprod.promotion.gate import Check
from nbprod.promotion.signature import Column

KINDS = {"frame": "a list of rows", "records": "a list of rows", "series": "a row", "record": "a row"}
KINDS |= {"image": "a picture, as a base64 PNG or as lists of rows of colours", "bytes": "bytes in base64"}


def write_card(
    candidate: Candidate,
    captured: Capture,
    name: str,
    version: str,
    lineage: Mapping[str, Any],
    checks: Sequence[Check] = (),
) -> str:
    """Return the text: how to call it, what it takes and has seen, how good it is, its limits, how it was made."""
    call = captured.calls[-1]
    signature = captured.signature
    git = lineage.get("git") or {}
    holdout = captured.holdout if "rows" in captured.holdout else None
    features = captured.profile.get("features", {})
    return servicecode.template("README.md.jinja").render(
        name=name,
        version=version,
        doc=signature.doc or f"Answers with `{candidate.serve.name}` of the notebook.",
        nbprod=__version__,
        notebook=candidate.notebook.name,
        commit=git.get("commit"),
        dirty=git.get("dirty"),
        changed=lineage["notebook"].get("changed_since_run", False),
        run=candidate.run,
        sweep=lineage.get("sweep"),
        trial=lineage.get("trial"),
        call={
            "route": call.route,
            "body": shlex.quote(json.dumps(call.arguments, ensure_ascii=False)),
            "answer": json.dumps(call.answer, ensure_ascii=False),
        },
        inputs=[
            {
                "name": item.name,
                "text": KINDS.get(item.kind, f"`{item.type}`")
                + (f", {item.default} without it" if item.default else ""),
            }
            for item in signature.inputs
        ],
        columns=[_column(column, features.get(str(column.name), {})) for i in signature.inputs for column in i.columns],
        profiled=captured.profile.get("rows"),
        rowwise=signature.rowwise,
        unbounded=any(column.type == "str" for item in signature.inputs for column in item.columns),
        parameters={_cell(key): _cell(value) for key, value in candidate.parameters.items()},
        metrics=[
            {
                "name": metric,
                "value": f"{value:.6g}",
                "spread": _spread(lineage.get("spread", {}).get(metric)),
                "again": "the same" if metric in (holdout or {}).get("metrics", {}) else "not computed again",
            }
            for metric, value in candidate.metrics.items()
        ],
        holdout=holdout,
        why_none=captured.holdout.get("why", "none were looked for"),
        checks=checks,
        stored=[{**item, "why": why_stored(item.get("onnx") or {})} for item in captured.stored],
        data=lineage.get("data", {}),
        pickled=", ".join(item["name"] for item in captured.stored if item["format"] == "pickle"),
        calls=len(captured.calls),
        rows=captured.rows,
        relative=RELATIVE,
    )


def why_stored(onnx: Mapping[str, Any]) -> str:
    """Say in words why a model is run by onnxruntime, or why it is not."""
    if "ms" not in onnx:
        return f"ONNX was not chosen: {onnx['why']}" if onnx.get("why") else ""
    times = ", ".join(
        f"{count} row{'' if count == '1' else 's'} in {ms['onnx']:.3g} ms instead of {ms['source']:.3g}"
        for count, ms in onnx["ms"].items()
    )
    return f"{times}; equal on {onnx['rows']} rows up to {onnx['largest_difference']:.2g}"


def _column(column: Column, profile: Mapping[str, Any]) -> dict[str, Any]:
    seen = ", ".join(map(str, column.categories or column.seen or []))
    return {
        "name": _cell(column.name),
        "type": _cell(column.type),
        "nullable": column.nullable,
        "optional": column.optional,
        "seen": f"{column.low} to {column.high}" if column.low is not None else _cell(seen),
        "mean": f"{profile['mean']:.4g}" if "mean" in profile and profile.get("kind") == "number" else "",
        "missing": f"{profile['missing']:.1%}" if profile.get("missing") else "",
    }


def _cell(value: object) -> str:
    """A text as a cell of a table holds it."""
    return " ".join(str(value).split()).replace("|", "\\|")


def _spread(spread: Mapping[str, Any] | None) -> str:
    if not spread:
        return ""
    return f"{spread['low']:.4g}, {spread['median']:.4g}, {spread['high']:.4g} ({spread['trials']} trials)"
