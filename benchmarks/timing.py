"""Times whole commands in turn (A B C, A B C, ...), so that a machine whose speed drifts treats all alike."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spread:
    """Minimum, median and maximum of repeated measurements."""

    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{min(self.values):.3g} / {statistics.median(self.values):.3g} / {max(self.values):.3g}"

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def in_turn(sides: Mapping[str, Callable[[int], float | None]], repeats: int) -> dict[str, Spread]:
    """Run every side `repeats` times, interleaved; a side is called with the number of the round.

    A side that measures itself returns the seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats):
        for name, side in sides.items():
            started = time.perf_counter()
            measured = side(turn)
            seconds[name].append(time.perf_counter() - started if measured is None else measured)
    return {name: Spread(tuple(values)) for name, values in seconds.items()}


def ratios(slow: Spread, fast: Spread) -> Spread:
    """Return slow/fast, round by round."""
    return Spread(tuple(a / b for a, b in zip(slow.values, fast.values, strict=True)))


def command(arguments: Sequence[str | Path], folder: Path) -> None:
    """Run a command in `folder`; its output is kept in a file and shown if it fails."""
    log = folder / "command.log"
    with log.open("w") as out:
        code = subprocess.run([str(a) for a in arguments], cwd=folder, stdout=out, stderr=subprocess.STDOUT).returncode
    if code:
        raise RuntimeError(f"{' '.join(str(a) for a in arguments)} ended with {code}:\n{log.read_text()[-3000:]}")


def machine() -> str:
    """Return the machine and the versions that the numbers belong to, as Markdown lines."""
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    packages = (
        "papermill",
        "ploomber",
        "nbclient",
        "ipykernel",
        "jupyter_client",
        "scikit-learn",
        "numpy",
        "pandas",
        "optuna",
    )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return f"- {model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}\n- {versions}"
