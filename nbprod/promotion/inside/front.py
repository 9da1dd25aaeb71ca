"""Stands before a BentoML service: answers predictions and what is asked beside them, and passes on the rest.

The way of a request through BentoML costs 0.5 to 1 ms, ten times what most models take. The service's own methods are
called with arguments that its own annotations have checked, so that both ways give the same answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pydantic
from pydantic_core import to_json

from . import traffic
from .batching import Full, Gone, Overdue, Runner
from .binary import LENGTH
from .inference import Tensors
from .metrics import TYPE, Metrics
from .pages import About
from .predictions import PredictionLog
from .protocol import Inferred, Protocol
from .reading import Answer, App, Receive, Scope, Send, gone, matches, read_body, read_feedback
from .routes import Route, encoded, refusal, routes_of
from .settings import Settings
from .warming import settle, warm_batches, warm_up

OPEN = frozenset({"/livez", "/readyz", "/healthz", "/metrics", "/v2/health/live", "/v2/health/ready"})
"""What is answered without the API key: probes and Prometheus."""
THEIRS = frozenset({"/docs.json", "/schema.json"})
"""What BentoML's application answers for us."""
JSON, TEXT, HTML = b"application/json", b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
BYTES = b"application/octet-stream"
NONE: Mapping[str, str] = MappingProxyType({})
LOOK = 0.5
"""Seconds between looks for requests that take too long."""
BUSY = {"error": "too many requests wait; ask again in a second"}
IDENT = re.compile(r"[\x21-\x7e]{1,128}")
logger = logging.getLogger("nbprod.service")


def stand_before(service: Any, *, batches: Mapping[str, str] = NONE, max_body: int | None = None) -> None:
    """Let a BentoML service answer through `Front`.

    `batches` names for a method the argument whose rows may be answered together with those of other requests: only
    where the answer to many rows is the list of the answers to each of them. `max_body` is the largest body in bytes,
    `NBPROD_MAX_BODY` or 8 MiB without it.
    """
    service.add_asgi_middleware(Front, service=service, batches=batches, max_body=max_body)


class Front:
    """The ASGI application. `begin` must have been called, or the lifespan passed through it, before it answers."""

    def __init__(self, app: App, service: Any, batches: Mapping[str, str] = NONE, max_body: int | None = None) -> None:
        self.app, self.service, self.batches = app, service, batches
        self.settings = Settings.from_environment()
        self.max_body = max_body if max_body is not None else self.settings.max_body
        self.folder = Path(sys.modules[service.inner.__module__].__file__ or "").parent
        self.about = About.read(self.folder)
        self.runner = Runner(limit=self.settings.timeout)
        self.metrics = Metrics(
            self.about.model, self.about.version, self.about.run, self.about.commit, self.settings.home
        )
        self.log = self._log()
        self.draining = self.ready = self.stuck = False
        self.turned = time.monotonic()
        """When this process was last seen to do something else than one call."""
        self.on_stuck: Callable[[], None] = lambda: None
        self.challenger: traffic.Challenger | None = None
        self.protocol: Protocol | None = None
        self._infer: frozenset[str] = frozenset()
        self.routes: dict[str, Route] = {}
        self.pages: dict[str, Callable[[], tuple[bytes, bytes]]] = {}
        self._theirs: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._prefix = f"{os.getpid():x}-{time.time_ns() & 0xFFFFFFFF:08x}-"
        self._number = 0
        self._version = str(self.about.version).encode()

    def _log(self) -> PredictionLog | None:
        set_ = self.settings
        if set_.predictions is None:
            return None
        return PredictionLog(
            set_.predictions,
            self.about.version,
            megabytes=set_.megabytes,
            days=set_.days,
            leave_out=set_.leave_out,
            on_drop=self.metrics.dropped,
        )

    async def begin(self, instance: Any) -> None:
        """Get ready to answer with an instance of the service: warm up, and settle the memory."""
        self.routes = routes_of(self.service, instance, self.batches)
        about = self.about
        prefix = self.service.path_prefix or ""
        mounted = [path for _, path, _ in self.service.mount_apps]
        apis = {f"{prefix}{api.route}" for api in self.service.apis.values()} - set(self.routes)
        self._theirs = {f"{prefix}{path}" for path in THEIRS} | apis
        self._mounts = tuple(path.rstrip("/") + "/" for path in mounted)
        self.pages = {
            f"{prefix}/": lambda: (HTML, about.page()),
            f"{prefix}/info": lambda: (JSON, about.lineage),
            f"{prefix}/livez": lambda: (TEXT, b"\n"),
            f"{prefix}/healthz": lambda: (TEXT, b"\n"),
            f"{prefix}/readyz": lambda: (TEXT, b"\n"),
            f"{prefix}/metrics": lambda: (TYPE.encode(), self.metrics.text()),
        }
        self._feedback_path = f"{prefix}/feedback"
        if about.signature:
            self.protocol = Protocol(Tensors(about.model, about.version, about.signature), self.routes, prefix)
            self._infer = self.protocol.paths
            for path, text in self.protocol.pages().items():
                self.pages[path] = lambda text=text: (JSON, text)  # type: ignore[misc]
        await warm_up(self.routes.values(), about.samples, self.runner)
        settle()
        if self.log is not None:
            self.log.start()
        if self.settings.home is not None:
            self._keep(self._follow_traffic(self.settings.home / "traffic.json"))
        self._keep(warm_batches(self.routes.values(), about.samples, self.runner))
        self._keep(self._look())
        self.ready = True

    async def end(self) -> None:
        """Finish what goes on in the background, and write the log."""
        for task in self._tasks:
            task.cancel()
        if self.log is not None:
            await asyncio.to_thread(self.log.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            return await self._lifespan(scope, receive, send)
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        path, method = scope["path"], scope["method"]
        length = ident = key = kind = shadow = part = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                length = value
            elif name == b"x-request-id":
                ident = value.decode("latin-1")
            elif name == b"content-type":
                kind = value
            elif name == b"authorization":
                key = value[7:] if value[:7].lower() == b"bearer " else None
            elif name == b"x-api-key":
                key = value
            elif name == b"x-nbprod-shadow" and not scope.get("client"):  # only over the socket that workers share
                shadow = value
            elif name == LENGTH:
                part = value
        if ident is None or not IDENT.fullmatch(ident):
            self._number += 1
            ident = f"{self._prefix}{self._number:x}"
        scope["nbprod.id"] = ident
        label, status, version = path, 200, self._version
        extra: tuple[tuple[bytes, bytes], ...] = ()
        media, answer, entry = JSON, b"", None
        try:
            if self.settings.key is not None and path not in OPEN and not matches(key, self.settings.key):
                raise Answer(401, {"error": "the API key is missing or wrong"}, (b"www-authenticate", b"Bearer"))
            route = self.routes.get(path)
            if route is not None or path in self._infer or path == self._feedback_path:
                if method != "POST":
                    raise Answer(405, {"error": "only POST is answered here"}, (b"allow", b"POST"))
                body = await read_body(receive, length, kind, self.max_body)
                if route is not None:
                    label = route.name
                    entry = (route.name, body)
                    status, answer, version = await self._predict(route, ident, body, receive, shadow is not None, key)
                elif path == self._feedback_path:
                    label = "feedback"
                    answer = await self._feedback(body)
                else:
                    label = "infer"
                    found = await self._inferred(ident, body, part, receive, key)
                    answer, version, extra = found.body, found.version, found.headers
                    media = BYTES if extra else JSON
            elif path in self.pages:
                if method not in ("GET", "HEAD"):
                    raise Answer(405, {"error": "only GET is answered here"}, (b"allow", b"GET, HEAD"))
                media, answer = self.pages[path]()
            elif path in self._theirs or path.startswith(self._mounts):
                return await self.app(scope, receive, send)
            else:
                label = "other"
                raise Answer(404, {"error": f"there is nothing at {path[:200]}"})
        except Answer as other:
            status, answer, extra = other.status, to_json(other.body), other.headers
        except Overdue:
            status = 504
            answer = to_json(self.late(ident))
            logger.error("%s was not answered within %g s", path, self.settings.timeout, extra={"id": ident})  # noqa: TRY400
        except Gone:
            return None
        except Exception as error:
            status = int(getattr(error, "error_code", 500))  # BentoML's own exceptions say whose fault it is
            if 400 <= status < 500:
                answer = to_json({"error": str(error)})
            else:
                logger.exception("%s failed", path, extra={"id": ident})
                status = 500
                answer = to_json({"error": "the model failed; the service's log says why", "id": ident})
        if status == 404 and label not in {"infer", "feedback"}:
            label = "other"
        seconds = time.perf_counter() - began
        headers = [
            (b"content-type", media),
            (b"content-length", b"%d" % len(answer)),
            (b"x-request-id", ident.encode("latin-1")),
            (b"x-model-version", version),
            *extra,
        ]
        if self.draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer})
        if shadow is not None or version is not self._version:
            return None  # counted and logged by the process that answered
        # the answer has left already: see `sending`
        self.metrics.answered(label, status, seconds)
        if entry is not None:
            self._write_down(ident, entry[0], status, entry[1], answer, seconds)
        if self.settings.access_log:
            logger.info("%s %s %d", method, path[:200], status, extra={"id": ident, "ms": round(seconds * 1000, 2)})
        return None

    async def _predict(
        self, route: Route, ident: str, body: bytes, receive: Receive, shadowed: bool, key: bytes | None
    ) -> tuple[int, bytes, bytes]:
        """Return the status, the answer and the version that gave it."""
        other = self.challenger
        if other is not None and not shadowed and other.takes(ident):
            headers = {"X-Request-ID": ident, **({"X-API-Key": key.decode("latin-1")} if key else {})}
            try:
                status, answer = await other.ask(route.path, body, headers)
            except (OSError, TimeoutError, ValueError, IndexError) as error:
                logger.warning("the challenger v%d does not answer: %r", other.version, error, extra={"id": ident})
            else:
                return status, answer, str(other.version).encode()
        try:
            arguments = route.arguments(body)
        except pydantic.ValidationError as error:
            raise Answer(400, refusal(error)) from None
        began = time.perf_counter()
        answer = encoded(await self._answer(route, arguments, receive, ident))
        self.metrics.rows(route.count(arguments))
        if other is not None and other.mode == "shadow" and not shadowed and len(self._tasks) < traffic.SHADOWS:
            milliseconds = (time.perf_counter() - began) * 1000
            self._keep(self._shadow(other, route, ident, body, answer, milliseconds, key))
        return 200, answer, self._version

    async def _answer(self, route: Route, arguments: dict[str, Any], receive: Receive, ident: str) -> Any:
        if route.waits:
            limit = asyncio.timeout(self.settings.timeout)
            try:
                async with limit:
                    return await route.call(**arguments)
            except TimeoutError:
                if limit.expired():
                    raise Overdue from None
                raise
        try:
            return await self.runner.run(route.call, arguments, route.name, route.rows, gone(receive), ident)
        except Full:
            raise Answer(503, BUSY, (b"retry-after", b"1")) from None

    def late(self, ident: str) -> dict[str, str]:
        """What is answered where an answer took too long."""
        return {"error": f"the model did not answer within {self.settings.timeout:g} s", "id": ident}

    async def _look(self) -> None:
        """Look for requests that take too long. Where it no longer comes to its turn, `watchdog` does."""
        while True:
            self.turned = time.monotonic()
            if self.runner.expire() and not self.stuck:
                self.stuck = self.draining = True
                self.on_stuck()
            await asyncio.sleep(LOOK)

    async def _shadow(
        self,
        other: traffic.Challenger,
        route: Route,
        ident: str,
        body: bytes,
        ours: bytes,
        ms: float,
        key: bytes | None,
    ) -> None:
        headers = {"X-Request-ID": ident, "X-Nbprod-Shadow": "1"}
        headers |= {"X-API-Key": key.decode("latin-1")} if key else {}
        began = time.perf_counter()
        line: dict[str, Any] = {"ts": round(time.time(), 3), "id": ident, "version": other.version, "route": route.name}
        try:
            status, theirs = await other.ask(route.path, body, headers)
            answer = json.loads(theirs)
        except (OSError, TimeoutError, ValueError, IndexError) as error:
            line |= {"status": 0, "error": repr(error), "agrees": False}
        else:
            line |= {"ms": round((time.perf_counter() - began) * 1000, 3), "status": status, "ours_ms": round(ms, 3)}
            line |= {"agrees": status == 200 and traffic.agrees(json.loads(ours), answer), "answer": answer}
        self.metrics.shadow(agrees=line["agrees"])
        if self.log is not None:
            self.log.add_line("shadow", line)

    async def _inferred(
        self, ident: str, body: bytes, length: bytes | None, receive: Receive, key: bytes | None
    ) -> Inferred:
        async def predict(route: Route, given: bytes) -> tuple[int, bytes, bytes]:
            return await self._predict(route, ident, given, receive, False, key)

        def write_down(name: str, given: bytes, answer: bytes, version: bytes, seconds: float) -> None:
            if version is self._version:
                self._write_down(ident, name, 200, given, answer, seconds)

        assert self.protocol is not None
        return await self.protocol.infer(ident, body, length, predict, write_down)

    def _write_down(self, ident: str, route: str, status: int, body: bytes, answer: bytes, seconds: float) -> None:
        if self.log is not None and self._sampled(ident):
            self.log.add((time.time(), ident, route, status, body, answer, seconds * 1000))

    async def _feedback(self, body: bytes) -> bytes:
        if self.log is None:
            raise Answer(404, {"error": "this service keeps no log, so that feedback has nothing to be joined to"})
        some = read_feedback(body)
        try:
            for one in some:
                await asyncio.to_thread(self.log.write_now, "feedback", {"ts": round(time.time(), 3), **one})
        except OSError as error:
            raise Answer(503, {"error": f"feedback cannot be kept: {error.strerror}"}) from None
        return to_json({"kept": len(some)})

    async def _follow_traffic(self, path: Path) -> None:
        seen = None
        while True:
            now = traffic.changed(path)
            if now != seen:
                seen, before = now, self.challenger
                found = traffic.read(path, before) if now else None
                # the challenger reads this file too, and must not ask itself
                self.challenger = found if found is not None and found.version != self.about.version else None
                if before is not None and before is not self.challenger:
                    before.close()
            await asyncio.sleep(traffic.POLL)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """BentoML's own server makes the instance of the service while it starts."""

        async def tell(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                from _bentoml_sdk.service import get_current_service

                await self.begin(get_current_service())
            elif message["type"].startswith("lifespan.shutdown"):
                await self.end()
            await send(message)

        await self.app(scope, receive, tell)

    def _sampled(self, ident: str) -> bool:
        share = self.settings.sample
        return share >= 1 or (hash(ident) & 0xFFFF) < share * 0x10000

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
