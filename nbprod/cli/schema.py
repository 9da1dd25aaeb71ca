"""`nbprod schema`."""

from __future__ import annotations

from nbprod.cli.common import command, print_json


@command()
def schema(as_json: bool) -> None:
    """Print the JSON Schema of pipelines.yaml, for editors (it is JSON with and without --json)."""
    from nbprod.config import json_schema

    print_json(json_schema(), indent=None if as_json else 2)
