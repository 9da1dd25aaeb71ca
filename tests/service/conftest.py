from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbprod.project import Project
from nbprod.promotion.registry import ModelVersion
from nbprod.service import deployments
from nbprod.service.records import Service
from tests.promotion.conftest import promoted, wine
from tests.promotion.handmade import Notebook

__all__ = ["promoted", "wine"]


@pytest.fixture(scope="session")
def running(wine: Notebook, promoted: ModelVersion) -> Iterator[Service]:
    """The promoted model, served."""
    yield deployments.serve(Project(wine.folder), "wine")
    deployments.stop(Project(wine.folder), "wine")
