"""A running service follows its model: when the champion changes, the service swaps to it without losing a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.project import Project
    from nbprod.service.records import Service


def follow(project: Project, name: str) -> Service | None:
    """Let the service of a model answer with the champion, and return it; None where none runs."""
    from nbprod.service.deployments import swap
    from nbprod.service.records import find

    service = find(project, name)
    return swap(project, name) if service is not None and service.runs else None
