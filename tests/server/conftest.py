"""A server for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_jupyter.jupyter_core import pytest_pycollect_makeitem, pytest_pyfunc_call  # they run `async def` tests

from tests.server.live import Live

__all__ = ["live", "pytest_pycollect_makeitem", "pytest_pyfunc_call"]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("server")
    server = Live((home / "root").resolve(), home / "home")
    yield server
    server.stop()
