"""The one HTTP handler: authentication, parsing, calling a route's function in a thread, errors."""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import responses
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from nbprod.errors import NbprodError
from nbprod.execution.atomic import from_os_error
from nbprod.server.routes import ROUTES, Route
from nbprod.server.values import json_value

if TYPE_CHECKING:
    from nbprod.server.openapi import Endpoint
    from nbprod.server.place import Server

RESOURCE = "nbprod"


class Handler(APIHandler):
    """Answers the verbs of one path. What takes long is never done here: functions of routes run in threads."""

    auth_resource = RESOURCE

    def initialize(self, routes: Mapping[str, Route], server: Server, threads: ThreadPoolExecutor) -> None:
        """Take the routes of this path by verb."""
        self.routes = routes
        self.server = server
        self.threads = threads

    @authenticated
    @authorized
    async def get(self, **parts: str) -> None:
        await self._answer("GET", parts)

    @authenticated
    @authorized
    async def post(self, **parts: str) -> None:
        await self._answer("POST", parts)

    @authenticated
    @authorized
    async def delete(self, **parts: str) -> None:
        await self._answer("DELETE", parts)

    async def _answer(self, verb: str, parts: Mapping[str, str]) -> None:
        route = self.routes.get(verb)
        if route is None:
            raise HTTPError(405 if self.routes else 404)
        query = {name: values[-1].decode("utf-8", "replace") for name, values in self.request.query_arguments.items()}
        work = functools.partial(_call, route.does, self.server, parts, self.request.body, query)
        answer = await asyncio.get_running_loop().run_in_executor(self.threads, work)
        self.set_status(route.status)
        if isinstance(answer, str):
            # what a notebook has made is shown, and can do nothing in the server's name
            self.set_header("Content-Security-Policy", "sandbox allow-scripts")
            self.finish(answer, set_content_type="text/html; charset=utf-8")
        elif answer is None:
            self.finish(set_content_type="application/json")
        else:
            self.finish(answer, set_content_type="application/json")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a `Problem`: the message of an `NbprodError` with its status, of what the client did wrong, else 500."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, OSError):
            error = from_os_error(error, error.filename or "") or error
        if isinstance(error, NbprodError):
            from nbprod.server.problems import problem_of

            self.set_status(error.status)
            self.finish(problem_of(error, self.server.root).model_dump_json())
            return
        if isinstance(error, HTTPError) or error is None:
            what = getattr(error, "log_message", None) or responses.get(status_code, "this cannot be answered")
            fix = _FIXES.get(status_code)
        else:
            what = f"nbprod itself failed: {type(error).__name__}: {error}"
            fix = "The server's log has the traceback."
        # a `Problem` by hand: strangers are answered before anything of ours is imported
        nowhere = dict.fromkeys(("file", "task", "cell", "line"))
        self.finish(json.dumps({"message": what, "what": what, "fix": fix, **nowhere}))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Keep what the caller can put right out of the server's log."""
        if not isinstance(value, NbprodError):
            super().log_exception(typ, value, tb)


_importing = threading.Lock()
_endpoints: dict[str, Endpoint] = {}
_NEEDED = (
    "nbprod.execution.kept",
    "nbprod.execution.lessons",
    "nbprod.execution.pages",
    "nbprod.execution.report",
    "nbprod.notebook.pipeline",
    "nbprod.notebook.suggest",
    "nbprod.service.predict",
    "nbprod.promotion.preview",
    "nbprod.sweep.making",
)

_FIXES = {
    403: "Log in to the server again.",
    404: "GET /nbprod/api/openapi.json says what there is.",
    405: "GET /nbprod/api/openapi.json says what there is.",
}


def _call(
    does: str, server: Server, parts: Mapping[str, str], body: bytes, query: Mapping[str, str]
) -> str | bytes | None:
    """Parse a request, call the function of its route, and return the answer as it is sent."""
    import_all()
    from pydantic import BaseModel, ValidationError

    from nbprod.server.problems import refused

    one = _endpoints[does]
    arguments: dict[str, Any] = dict(parts)
    if one.query is not None:
        try:
            arguments["query"] = one.query.model_validate(query)
        except ValidationError as error:
            raise refused(error, "the query") from None
    if one.body is not None:
        try:
            arguments["body"] = one.body.model_validate_json(body)
        except ValidationError as error:
            raise refused(error, "the body") from None
    answer = one.function(server, **arguments)
    if isinstance(answer, BaseModel):
        return answer.model_dump_json().encode()
    if isinstance(answer, list):
        return b"[" + b",".join(item.model_dump_json().encode() for item in answer) + b"]"
    if isinstance(answer, dict):
        return _json(answer)
    return answer if answer is None else str(answer)


def _json(value: dict[str, Any]) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except ValueError:  # an output with NaN in it, which no browser reads
        return json.dumps(json_value(value)).encode()


def import_all() -> None:
    """Import what requests need, once and in one thread: two that import parts of a library at once can break each other."""
    with _importing:
        if not _endpoints:
            for name in _NEEDED:
                importlib.import_module(name)
            from nbprod.server.openapi import endpoint

            _endpoints.update({route.does: endpoint(route.does) for route in ROUTES})
