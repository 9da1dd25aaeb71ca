"""A server extension for tests: `GET /peek` says which modules the server has imported."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated


class PeekHandler(APIHandler):
    @authenticated
    def get(self) -> None:
        self.finish({"modules": sorted(sys.modules)})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "peek"}]


def _load_jupyter_server_extension(app: Any) -> None:
    app.web_app.add_handlers(".*$", [(app.base_url + "peek", PeekHandler)])
