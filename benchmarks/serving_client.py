"""Clients that put a service under load, the same for every side."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

WRK = shutil.which("wrk")
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass
class Load:
    """What a client saw: requests a second, milliseconds, and how many answers were none or not 200."""

    rate: float
    p50: float
    p99: float
    errors: int
    versions: dict[str, int] = field(default_factory=dict)


def press(url: str, body: bytes | None, clients: int, seconds: float, folder: Path) -> Load:
    """Send the same request again and again over so many connections, a GET without `body`: by `wrk` where it is installed."""
    return _wrk(url, body, clients, seconds, folder) if WRK else asyncio.run(_own(url, body, clients, seconds))


def _wrk(url: str, body: bytes | None, clients: int, seconds: float, folder: Path) -> Load:
    script = folder / "post.lua"
    post = 'wrk.method = "POST"\nwrk.body = [==[{}]==]\nwrk.headers["Content-Type"] = "application/json"\n'
    script.write_text("" if body is None else post.format(body.decode()))
    command = [str(WRK), "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--latency", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    failed = [int(count) for count in re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", said)]
    return Load(
        float(_found(r"Requests/sec: +([\d.]+)", said)),
        _milliseconds(_found(r"50% +(\S+)", said)),
        _milliseconds(_found(r"99% +(\S+)", said)),
        sum(failed),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk says nothing of {pattern!r}:\n{text}")
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


async def _own(url: str, body: bytes | None, clients: int, seconds: float, requests: int | None = None) -> Load:
    host, port = url.removeprefix("http://").partition("/")[0].rsplit(":", 1)
    path = "/" + url.removeprefix("http://").partition("/")[2]
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body is not None else ""
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
    message = head.encode() + (body or b"")
    until = time.perf_counter() + seconds
    times: list[float] = []
    load = Load(0, 0, 0, 0)
    left = [requests or 10**9]

    async def client() -> None:
        reader = writer = None
        while time.perf_counter() < until and left[0] > 0:
            left[0] -= 1
            began = time.perf_counter()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(message)
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
                told = dict(line.split(": ", 1) for line in lines[1:] if line)
                await reader.readexactly(int(told["content-length"]))
            except (OSError, asyncio.IncompleteReadError):
                load.errors += 1
                writer = None
                continue
            times.append(time.perf_counter() - began)
            load.errors += " 200 " not in lines[0]
            version = told.get("x-model-version", "")
            load.versions[version] = load.versions.get(version, 0) + 1
            if told.get("connection") == "close":
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    load.rate = len(times) / (time.perf_counter() - started)
    load.p50, load.p99 = (1000 * at for at in quantiles(times, (0.5, 0.99)))
    return load


def quantiles(values: Sequence[float], at: Sequence[float]) -> list[float]:
    """Return the values at some shares of a sorted list."""
    ordered = sorted(values) or [float("nan")]
    return [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in at]


def press_counted(url: str, body: bytes, clients: int, seconds: float) -> Load:
    """Send requests by a client of our own, which looks at every answer."""
    return asyncio.run(_own(url, body, clients, seconds))


def row_body(columns: int, name: str = "rows") -> bytes:
    """A request of one row of numbers."""
    return json.dumps({name: [{f"x{place}": round(0.1 * place - 1, 3) for place in range(columns)}]}).encode()
