"""The one HTTP handler: authentication, parsing, calling a route's function in a thread, errors."""

from __future__ import annotations

import asyncio
import functools
import json
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
from nbprod.server.values import json_value

if TYPE_CHECKING:
    from nbprod.server.openapi import Endpoint
    from nbprod.server.place import Server
    from nbprod.server.routes import Route

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
        from nbprod.server.models import Problem
        from nbprod.server.problems import problem_of

        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, OSError):
            error = from_os_error(error, error.filename or "") or error
        if isinstance(error, NbprodError):
            self.set_status(error.status)
            problem = problem_of(error, self.server.root)
        elif isinstance(error, HTTPError) or error is None:
            said = getattr(error, "log_message", None) or responses.get(status_code, "this cannot be answered")
            problem = Problem(message=said, what=said, fix=_FIXES.get(status_code))
        else:
            what = f"nbprod itself failed: {type(error).__name__}: {error}"
            problem = Problem(message=what, what=what, fix="The server's log has the traceback.")
        self.finish(problem.model_dump_json())

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Keep what the caller can put right out of the server's log."""
        if not isinstance(value, NbprodError):
            super().log_exception(typ, value, tb)


_FIXES = {
    403: "Log in to the server again.",
    404: "GET /nbprod/api/openapi.json says what there is.",
    405: "GET /nbprod/api/openapi.json says what there is.",
}


def _call(
    does: str, server: Server, parts: Mapping[str, str], body: bytes, query: Mapping[str, str]
) -> str | bytes | None:
    """Parse a request, call the function of its route, and return the answer as it is sent."""
    from pydantic import BaseModel, ValidationError

    from nbprod.server.problems import refused

    one = _endpoint(does)
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


@functools.cache
def _endpoint(does: str) -> Endpoint:
    from nbprod.server.openapi import endpoint

    return endpoint(does)
