"""What the server says of itself."""

from __future__ import annotations

from typing import Any

from nbprod.server.place import Server


def show_openapi(server: Server) -> dict[str, Any]:
    """Give this document."""
    from nbprod.server.openapi import document

    return document()
