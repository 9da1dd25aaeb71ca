"""What is another between two model versions: parameters, metrics, code, data, packages, interface."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbprod.promotion.version import ModelVersion


@dataclass(frozen=True)
class Change:
    """Something that the versions have differently; `before` or `after` is None where one of them does not have it."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Changes:
    """The changes from one version to another, by kind, and the cells whose code differs, as lines of a unified diff."""

    before: str
    after: str
    kinds: Mapping[str, list[Change]]
    cells: Mapping[str, list[str]]

    @property
    def none(self) -> bool:
        """Whether the versions are alike in all that is compared."""
        return not self.cells and not any(self.kinds.values())


def changes(before: ModelVersion, after: ModelVersion) -> Changes:
    """Compare two versions by their lineage and their interface."""
    one, other = before.lineage, after.lineage
    kinds = {
        "parameters": _differences(one.get("parameters", {}), other.get("parameters", {})),
        "metrics": _differences(before.metrics, after.metrics),
        "data": _differences(one.get("data", {}), other.get("data", {})),
        "packages": _differences(_packages(one), _packages(other)),
        "interface": _differences(_interface(before), _interface(after)),
        "formats": _differences(_formats(one), _formats(other)),
        "source": _differences(_source(one), _source(other)),
    }
    return Changes(before.name, after.name, kinds, _cells(one, other))


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Change]:
    names = [*one, *(name for name in other if name not in one)]
    return [Change(name, one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)]


def _packages(lineage: Mapping[str, Any]) -> dict[str, str]:
    pinned = {name: version for name, _, version in (text.partition("==") for text in lineage.get("requirements", ()))}
    return {**dict(lineage.get("packages", {})), **pinned, "python": str(lineage.get("python", ""))}


def _formats(lineage: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{item['type']} as {item['format']}" for name, item in lineage.get("values", {}).items()}


def _source(lineage: Mapping[str, Any]) -> dict[str, Any]:
    git = lineage.get("git") or {}
    serve = lineage.get("serve") or {}
    known = {
        "notebook": (lineage.get("notebook") or {}).get("path"),
        "commit": git.get("commit"),
        "serves": serve.get("name"),
    }
    return {**known, "run": lineage.get("run"), "sweep": lineage.get("sweep")}


def _interface(version: ModelVersion) -> dict[str, str]:
    """Each argument, field and answer as text; empty if the version's files are gone."""
    try:
        told = json.loads((version.path / "src" / "signature.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    found = {f"answer of {route}": text for route, text in told["answers"].items()}
    for item in told["inputs"]:
        found[item["name"]] = item["kind"] if item["kind"] != "value" else item["type"]
        for column in item["columns"]:
            marks = [mark for mark in ("nullable", "optional") if column[mark]]
            values = [f"one of {', '.join(map(str, column['categories']))}"] if column["categories"] else []
            found[f"{item['name']}.{column['name']}"] = ", ".join([column["type"], *values, *marks])
    return found


def _cells(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, list[str]]:
    before = {cell["id"]: cell for cell in one.get("cells", ())}
    after = {cell["id"]: cell for cell in other.get("cells", ())}
    found = {}
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old and new and old["sha256"] == new["sha256"]:
            continue
        cell = new or old or {}
        title = f"cell {cell['number']} of task {cell['task']}"
        lines = difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=2)
        found[title] = [line for line in lines if not line.startswith(("---", "+++"))] or ["(its source was not kept)"]
    return found


def _lines(cell: Mapping[str, Any] | None) -> list[str]:
    return str((cell or {}).get("source", "")).splitlines()
