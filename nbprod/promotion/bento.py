"""BentoML from the outside: build a Bento in a process of its own, and ask a service.

BentoML is never imported here. Its store (`BENTOML_HOME`) is scratch: it loses concurrent saves, and two services on
one home wipe each other's metrics.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from nbprod import telemetry
from nbprod.errors import PromotionError

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks a service directly: a proxy set for this shell must not be asked for an address of this machine."""
BUILD = """
import json, sys, bentoml
job = json.load(open(sys.argv[1]))
bento = bentoml.build(job.pop("service"), **job["build"])
bento.export(job["export"], output_format="folder")
"""


def environment(home: Path) -> dict[str, str]:
    """The environment of a BentoML process: its own home, no telemetry, and `uv` on the path (its build calls it)."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" and not key.startswith("BENTOML_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, **telemetry.environment(), "PATH": path, "BENTOML_HOME": str(home)}


def build(
    source: Path,
    export: Path,
    home: Path,
    *,
    service: str,
    name: str,
    version: str,
    readme: str,
    packages: Sequence[str],
) -> None:
    """Build the Bento of a folder and export it. Raises `PromotionError` with what BentoML said."""
    home.mkdir(parents=True, exist_ok=True)
    job = {
        "service": f"service:{service}",
        "export": str(export),
        "build": {
            "name": name,
            "version": version,
            "build_ctx": str(source),
            "description": readme,
            "include": sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()),
            "python": {"lock_packages": False, "packages": [*packages, *_server()]},
        },
    }
    path = home / "build.json"
    path.write_text(json.dumps(job), "utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", BUILD, str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=home,
        env=environment(home),
        check=False,
    )
    if done.returncode:
        raise PromotionError(f"BentoML could not build {name}:\n{_tail(done.stdout + done.stderr)}")


def _server() -> list[str]:
    """What speaks HTTP in a service, beside what BentoML brings itself, pinned."""
    return [f"{name}=={metadata.version(name)}" for name in ("httptools", "uvloop")]


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a service at `url` says that it is ready."""
    try:
        with OPENER.open(f"{url}/readyz", timeout=timeout) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
        return False


def post(url: str, body: Mapping[str, Any], timeout: float = 60.0, key: str | None = None) -> tuple[int, Any]:
    """Post JSON, with an API key where there is one, and return the status and the JSON that came back (its text where it is none)."""
    data = json.dumps(body, allow_nan=False).encode()
    headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
    request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310 - http, to a service of ours
    try:
        with OPENER.open(request, timeout=timeout) as response:
            status, text = response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode("utf-8", "replace")
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _tail(text: str, lines: int = 12) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:])
