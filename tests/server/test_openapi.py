"""The OpenAPI document, and the one that the panel's types are made from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from nbprod.server import openapi
from nbprod.server.routes import PREFIX, ROUTES

KEPT = Path(__file__).resolve().parents[2] / "extension" / "openapi.json"


def test_it_has_the_verbs_of_every_route_and_no_others() -> None:
    said = {(verb.upper(), path) for path, verbs in openapi.document()["paths"].items() for verb in verbs}

    assert said == {(route.verb, f"/{PREFIX}/{route.path}") for route in ROUTES}


def test_each_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    operations = [one for verbs in openapi.document()["paths"].values() for one in verbs.values()]

    assert len({one["operationId"] for one in operations}) == len(operations) == len(ROUTES)
    assert all(one["summary"].endswith(".") for one in operations)


def test_every_reference_leads_somewhere() -> None:
    text = openapi.text()
    schemas = json.loads(text)["components"]["schemas"]

    used = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= schemas.keys()


def test_what_the_panel_was_built_with_is_not_stale() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "nbprod.server.openapi"], capture_output=True, text=True, check=True
    ).stdout

    assert printed == openapi.text(), "the same each time"
    assert KEPT.read_text("utf-8") == printed, (
        "python -m nbprod.server.openapi > extension/openapi.json && npm --prefix extension run types"
    )
