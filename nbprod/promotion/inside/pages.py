"""What a service tells of itself: where its model comes from, and how it is called."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class About:
    """The service's own files, read once."""

    model: str
    version: int
    run: str
    commit: str
    lineage: bytes
    signature: dict[str, Any] | None
    samples: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> About:
        """Read `lineage.json`, `signature.json` and `samples.json` of a service's source folder."""
        lineage = json.loads((folder / "lineage.json").read_text("utf-8"))
        name, _, version = str(lineage["model"]).rpartition("/v")
        signature = folder / "signature.json"
        samples = folder / "samples.json"
        return cls(
            name,
            int(version) if version.isdigit() else 0,
            str(lineage.get("run", "")),
            str((lineage.get("git") or {}).get("commit") or ""),
            (folder / "lineage.json").read_bytes(),
            json.loads(signature.read_text("utf-8")) if signature.exists() else None,
            json.loads(samples.read_text("utf-8")) if samples.exists() else [],
        )

    def page(self) -> bytes:
        """Return a small page that says what the service is and how to call it."""
        title = html.escape(f"{self.model} v{self.version}")
        parts = [f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>"]
        if self.samples:
            sample = self.samples[-1]
            call = html.escape(json.dumps(sample["arguments"], indent=2))
            parts.append(f"<p>POST /{html.escape(sample['route'])} with</p><pre>{call}</pre><p>answers</p>")
            parts.append(f"<pre>{html.escape(json.dumps(sample['answer']))}</pre>")
        links = {
            "info": "where it comes from",
            "docs.json": "OpenAPI",
            f"v2/models/{self.model}": "Open Inference Protocol",
            "readyz": "readyz",
            "metrics": "metrics",
        }
        parts.append(
            "<p>" + ", ".join(f"<a href='{html.escape(to)}'>{text}</a>" for to, text in links.items()) + "</p>"
        )
        return "".join(parts).encode()
