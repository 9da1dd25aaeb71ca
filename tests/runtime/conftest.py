from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.chain import Chain


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)
