"""What a deployment sets, from environment variables, so that a container is configured like any other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """`home` is the deployment's folder (`traffic.json`, `drift.json`); `predictions` where predictions are logged, None
    for nowhere; `sample` the share of requests that is logged; `leave_out` names columns and arguments that are not;
    `timeout` the seconds that a request may take, None for any.
    """

    home: Path | None = None
    predictions: Path | None = None
    sample: float = 1.0
    megabytes: float = 256.0
    days: float = 30.0
    leave_out: frozenset[str] = frozenset()
    key: str | None = None
    max_body: int = 8 * MIB
    access_log: bool = False
    timeout: float | None = 60.0

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read `NBPROD_...`. Raises `ValueError` for what is no number, and `OSError` if the key's file cannot be read."""
        key = env.get("NBPROD_API_KEY")
        if not key and env.get("NBPROD_API_KEY_FILE"):
            key = Path(env["NBPROD_API_KEY_FILE"]).read_text("utf-8").strip()
            if not key:
                raise ValueError(f"the file of the API key is empty: {env['NBPROD_API_KEY_FILE']}")
        left_out = env.get("NBPROD_LOG_LEAVE_OUT", "")
        return cls(
            _folder(env.get("NBPROD_HOME")),
            _folder(env.get("NBPROD_LOG_FOLDER")),
            float(env.get("NBPROD_LOG_SAMPLE") or 1),
            float(env.get("NBPROD_LOG_MB") or 256),
            float(env.get("NBPROD_LOG_DAYS") or 30),
            frozenset(name for name in left_out.split(",") if name),
            key or None,
            int(env.get("NBPROD_MAX_BODY") or 8 * MIB),
            env.get("NBPROD_ACCESS_LOG", "") in ("1", "true", "True"),
            float(env.get("NBPROD_TIMEOUT") or 60) or None,
        )


def _folder(text: str | None) -> Path | None:
    return Path(text) if text else None
