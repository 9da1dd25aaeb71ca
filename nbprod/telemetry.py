"""Ploomber and BentoML report their users' doings to their makers unless told not to; here they are told, always."""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Return the environment variables that turn every report off, for a process that is about to be started."""
    return {
        "BENTOML_DO_NOT_TRACK": "True",  # exactly this: `1` and `yes` do not count (bentoml._internal.utils.analytics)
        "PLOOMBER_STATS_ENABLED": "false",
        "PLOOMBER_VERSION_CHECK_DISABLED": "1",  # else it asks the package index for its newest version
        "PLOOMBER_HOME_DIR": str(_cache() / "ploomber"),  # else it writes a user id into ~/.ploomber
        "DO_NOT_TRACK": "1",
    }


def turn_off() -> None:
    """Turn every report off in this process and those it starts. Called before Ploomber or BentoML is imported,
    since both read the environment then.
    """
    os.environ.update(environment())


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nbprod"
