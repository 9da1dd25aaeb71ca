"""A process that serves a Bento's service at a socket that it inherits: `python -m nbprod_serving.worker`.

SIGTERM ends it when what is in flight is answered; SIGUSR1 too, and leaves open connections time for a last request,
whose answer tells the client to open another one. It ends by itself when its model never answers (`watchdog`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import importlib
import inspect
import json
import logging
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import watchdog
from .sending import joining

if TYPE_CHECKING:
    from .front import Front
    from .reading import Receive, Scope, Send

LINGER = 2.0
"""Seconds that idle connections are left open when another version takes over."""
GRACE = 25.0
"""Seconds that answers in flight may take when the process is to end."""
KEEP_ALIVE = 75
PR_SET_PDEATHSIG = 1
logger = logging.getLogger("nbprod.worker")


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to end."""
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the Bento")
    parser.add_argument("--fd", type=int, required=True, help="the listening socket")
    parser.add_argument("--ready", type=int, required=True, help="where to write a byte when it answers")
    parser.add_argument("--parent", type=int, required=True)
    options = parser.parse_args(arguments)
    _end_with(options.parent)
    _log_as_json()
    gc.disable()  # importing makes much and frees nothing; `settle` turns it on
    sys.setswitchinterval(0.001)
    logging.captureWarnings(capture=True)
    try:
        import uvloop

        run: Callable[..., Any] = uvloop.run
    except ImportError:
        run = asyncio.run
    return int(run(_serve(options, began)))


async def _serve(options: argparse.Namespace, began: float) -> int:
    service = load(options.folder)
    front, instance = front_of(service)
    await _hooks(service, instance, "__bentoml_startup_hook__")
    await front.begin(instance)
    server = _Server(front, socket.socket(fileno=options.fd), options.ready)
    server.begin()
    os.write(options.ready, b"1")
    logger.info("%s v%d answers, after %.2f s", front.about.model, front.about.version, time.monotonic() - began)
    await server.run()
    await _hooks(service, instance, "__bentoml_shutdown_hook__")
    await front.end()
    if front.stuck:  # its thread never ends, and Python would wait for it
        sys.stderr.flush()
        os._exit(watchdog.STUCK)
    return 0


def load(folder: Path) -> Any:
    """Import the service of a Bento."""
    source = folder / "src"
    sys.path[:] = [str(source), *(path for path in sys.path if path not in ("", str(source)))]
    os.chdir(source)
    found = re.search(r"^service: *['\"]?([\w.]+):(\w+)", (folder / "bento.yaml").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{folder / 'bento.yaml'} names no service")
    return getattr(importlib.import_module(found[1]), found[2])


def front_of(service: Any) -> tuple[Front, Any]:
    """Return what stands before a service as its code says, and the service's instance."""
    from _bentoml_sdk.service import set_current_service

    from .front import Front

    asked = [options for kind, options in service.middlewares if kind.__name__ == "Front"]
    service.middlewares[:] = [(kind, options) for kind, options in service.middlewares if kind.__name__ != "Front"]
    instance = service()
    set_current_service(instance)
    return Front(Behind(service, instance), **(asked[0] if asked else {"service": service})), instance


class Behind:
    """BentoML's application, made when it is first asked: most services never are."""

    def __init__(self, service: Any, instance: Any) -> None:
        self._service, self._instance = service, instance
        self._app: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as `bentoml serve` would."""
        if self._app is None:
            from _bentoml_impl.server.app import ServiceAppFactory

            self._service.inject_config()
            factory = ServiceAppFactory(self._service, is_main=True, enable_metrics=False)
            factory._service_instance = self._instance  # noqa: SLF001 - it would make another in its lifespan
            self._app = factory()
        await self._app(scope, receive, send)


class _Server:
    """Accepts connections one by one, so that workers at one socket share them, and speaks HTTP by uvicorn."""

    def __init__(self, front: Front, listener: socket.socket, tell: int) -> None:
        import uvicorn
        from uvicorn.server import ServerState

        self.front, self.listener = front, listener
        listener.setblocking(False)
        self.handed, on = _handed()
        self.state = ServerState()
        self.watchdog = watchdog.Watchdog(front, self.state, tell, on)
        self.config = uvicorn.Config(
            front,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self.config.load()
        self.protocol = joining(self.config.http_protocol_class)
        front.runner.alone = lambda: len(self.state.tasks) < 2
        self._ended = asyncio.Event()
        self._linger = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self) -> None:
        """Accept connections, and heed signals."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end, 0.0)
        loop.add_signal_handler(signal.SIGINT, self._end, 0.0)
        loop.add_signal_handler(signal.SIGUSR1, self._end, LINGER)
        self._resume()
        self.front.on_stuck = self._stuck
        self.watchdog.start()

    async def run(self) -> None:
        """Answer until a signal comes, then until nothing is left to answer."""
        loop = asyncio.get_running_loop()
        clock = loop.create_task(self._clock())
        await self._ended.wait()
        self._pause()
        self.listener.close()
        self.front.draining = True
        await self._until_closed(self._linger)
        for connection in list(self.state.connections):
            connection.shutdown()
        await self._until_closed(GRACE)
        clock.cancel()
        if self.state.connections:
            logger.warning("%d connections were cut", len(self.state.connections))

    def _end(self, linger: float) -> None:
        self._linger = linger
        self._ended.set()

    def _stuck(self) -> None:
        self.watchdog.tell(b"s")
        self._pause()  # or it would take what it hands on
        for protocol in list(self.state.connections):
            protocol.transport.pause_reading()
            if self.watchdog.hand_on(protocol):
                protocol.transport.close()
            else:
                protocol.transport.resume_reading()
        self._end(LINGER)

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker has it, or its client went
        except OSError as error:  # no file descriptors are left
            logger.error("a connection cannot be accepted: %s", error.strerror)  # noqa: TRY400 - no fault of the code
            self._pause()
            asyncio.get_running_loop().call_later(0.2, self._resume)
            return
        self._open(connection)

    def _take(self) -> None:
        """Accept a connection that another worker could not answer any more."""
        assert self.handed is not None
        try:
            _, found, *_ = socket.recv_fds(self.handed, 1, 1)
        except (BlockingIOError, InterruptedError):
            return
        for fd in found:
            self._open(socket.socket(fileno=fd))

    def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._connect(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # its client went at once
            await loop.connect_accepted_socket(
                lambda: self.protocol(config=self.config, server_state=self.state, app_state={}, _loop=loop),
                connection,
            )

    def _resume(self) -> None:
        if not self._ended.is_set():
            loop = asyncio.get_running_loop()
            loop.add_reader(self.listener, self._accept)
            if self.handed is not None:
                loop.add_reader(self.handed, self._take)

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.listener)
        if self.handed is not None:
            loop.remove_reader(self.handed)

    async def _until_closed(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (self.state.connections or self._tasks) and time.monotonic() < until:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)

    async def _clock(self) -> None:
        while True:
            self.state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(1)


async def _hooks(service: Any, instance: Any, mark: str) -> None:
    """Call the methods that BentoML calls when a service starts or ends."""
    for name in dir(service.inner):
        if not name.startswith("__") and getattr(getattr(service.inner, name), mark, False):
            result = getattr(instance, name)()
            if inspect.isawaitable(result):
                await result


def _handed() -> tuple[socket.socket | None, socket.socket | None]:
    """Where connections are taken that a stuck worker hands on, and where they are put; the supervisor made both."""
    told = os.environ.pop("NBPROD_HANDED", "")
    if not told:
        return None, None
    here, there = (socket.socket(fileno=int(fd)) for fd in told.split(","))
    for end in (here, there):
        end.setblocking(False)
    return here, there


def _end_with(parent: int) -> None:
    """End when the supervisor does, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the supervisor has ended")


class JsonLines(logging.Formatter):
    """A record as an object on a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {"ts": round(record.created, 3), "level": record.levelname.lower(), "pid": os.getpid()}
        line |= {"logger": record.name, "message": record.getMessage()}
        line |= {key: vars(record)[key] for key in ("id", "ms") if key in vars(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("nbprod").setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
