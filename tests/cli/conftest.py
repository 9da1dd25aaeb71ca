"""A project of small notebooks, and the command line called in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbprod.cli import main


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Folder:
    """The current folder as a project."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.capsys = capsys

    def notebook(
        self, *cells: str | tuple[str, str], name: str = "a.ipynb", kernel: str = "python3", **top: Any
    ) -> Path:
        """Write a notebook; a cell is its source, or its tags (apart by spaces) and its source."""
        nodes = []
        for number, cell in enumerate(cells, 1):
            tags, source = cell if isinstance(cell, tuple) else ("", cell)
            nodes.append(
                {
                    "cell_type": "code",
                    "id": f"c{number}",
                    "metadata": {"tags": tags.split()} if tags else {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source.splitlines(keepends=True),
                }
            )
        node = {
            "cells": nodes,
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        path = self.path / name
        path.write_text(json.dumps({**node, **top}, indent=1, ensure_ascii=False) + "\n")
        return path

    def config(self, text: str) -> Path:
        path = self.path / "pipelines.yaml"
        path.write_text(text)
        return path

    def __call__(self, *arguments: str) -> Result:
        """Call `nbprod` with these arguments."""
        self.capsys.readouterr()
        code = main([str(one) for one in arguments])
        out, err = self.capsys.readouterr()
        return Result(code, out, err)


@pytest.fixture
def nbprod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Folder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines.yaml").write_text("")
    return Folder(tmp_path, capsys)


CHAIN = (
    ("parameters", "n = 3\nscale = 1.5"),
    ("task:load", "rows = list(range(n))"),
    ("task:train", "model = [row * scale for row in rows]"),
    ("task:evaluate metrics", "total = float(sum(model))"),
)
