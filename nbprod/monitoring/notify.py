"""Telling others what a watcher did: a command that reads JSON, or an address that takes it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

SECONDS = 10.0


def notify(target: str, event: Mapping[str, Any]) -> str | None:
    """Tell a command (the event as JSON on its standard input) or an http(s) address (as a POST); return what went wrong, or None."""
    text = json.dumps(event, default=str).encode()
    if target.startswith(("http://", "https://")):
        return _post(target, text)
    try:
        done = subprocess.run(
            shlex.split(target),
            input=text,
            capture_output=True,
            timeout=SECONDS,
            env={**os.environ, "NBPROD_EVENT": str(event.get("event", ""))},
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"`{target}`: {error}"
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return f"`{target}` ended with {done.returncode}" + (f": {said[-1]}" if said else "")
    return None


def _post(address: str, text: bytes) -> str | None:
    host = address.split("/")[2].rpartition("@")[2]  # the rest may hold a secret
    request = urllib.request.Request(address, text, {"Content-Type": "application/json"})  # noqa: S310 - http(s) only
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            return None
    except (OSError, ValueError, urllib.error.URLError) as error:
        return f"{host}: {error}"
