"""How much memory is left is what the tightest limit leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.execution import memory

MIB = 1 << 20


def system(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "proc", root / "groups"


MACHINE = {"proc/meminfo": "MemTotal: 8192000 kB\nMemAvailable:    4096000 kB\n"}
SECOND = {
    **MACHINE,
    "proc/self/cgroup": "0::/user/job\n",
    "groups/memory.max": "max\n",
    "groups/user/memory.max": f"{1000 * MIB}\n",
    "groups/user/memory.current": f"{900 * MIB}\n",
    "groups/user/memory.stat": f"anon 1\ninactive_file {50 * MIB}\n",
    "groups/user/job/memory.max": "max\n",
    "groups/user/job/memory.current": f"{10 * MIB}\n",
}
FIRST = {
    **MACHINE,
    "proc/self/cgroup": "9:name=systemd:/\n4:memory:/job\n1:cpu:/\n",
    "groups/memory/job/memory.limit_in_bytes": f"{700 * MIB}\n",
    "groups/memory/job/memory.usage_in_bytes": f"{600 * MIB}\n",
    "groups/memory/job/memory.stat": f"total_inactive_file {25 * MIB}\n",
    "groups/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "groups/memory/memory.usage_in_bytes": "1\n",
}


@pytest.mark.parametrize(
    ("files", "left"), [(MACHINE, 4000 * MIB), (SECOND, 150 * MIB), (FIRST, 125 * MIB), ({}, None)]
)
def test_what_is_left_is_the_least_that_machine_and_groups_leave(
    files: dict[str, str], left: int | None, tmp_path: Path
) -> None:
    assert memory.available(*system(tmp_path, files)) == left


def test_it_is_known_here() -> None:
    left = memory.available()

    assert left is None or left > 0


@pytest.mark.parametrize(("left", "low"), [(None, False), (memory.LOW - 1, True), (memory.LOW, False)])
def test_it_is_low_below_a_limit(left: int | None, low: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: left)
    memory._is_low.cache_clear()  # it is remembered for a second

    assert memory.is_low() is low
    memory._is_low.cache_clear()
