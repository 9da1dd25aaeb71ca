"""The Jupyter server extension: routes, jobs and events, hooked into the server.

JupyterLab waits for this module when it starts. It imports neither pydantic nor peewee; routes do, when they are first asked.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Float

from nbprod.server.followed import Event
from nbprod.server.handler import Handler, import_all
from nbprod.server.jobs import GRACE, Jobs
from nbprod.server.place import Server
from nbprod.server.routes import PREFIX, by_path

EVENT_SCHEMA = "https://nbprod.dev/events/job"
THREADS = 8
TELL_SECONDS = 5.0
WARM_SECONDS = 2.0
"""Seconds after its start until the server imports what requests need, unless one came before."""


class NbprodApp(ExtensionApp):
    """nbprod's side of the JupyterLab panel."""

    name = "nbprod"
    load_other_extensions = True

    stop_seconds = Float(GRACE, help="Seconds that a job has to end when it is stopped, before it is killed.").tag(
        config=True
    )

    jobs: Jobs
    threads: ThreadPoolExecutor

    def initialize_settings(self) -> None:
        """Register the event, and follow the jobs that an earlier server has started."""
        schema = json.loads((Path(__file__).parent / "events" / "job.json").read_text("utf-8"))
        server: Any = self.serverapp
        server.event_logger.register_event_schema(schema)
        root = Path(self.settings["server_root_dir"]).expanduser().resolve()
        self.jobs = Jobs(root, Path(jupyter_runtime_dir()) / "nbprod-jobs", self._tell, self.stop_seconds)
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="nbprod")
        self._loop: asyncio.AbstractEventLoop | None = None
        server.io_loop.add_callback(self._begin)

    def initialize_handlers(self) -> None:
        """Make a handler for each path of the route table, and one for what is in none."""
        server = Server(self.jobs.root, self.jobs)
        shared = {"server": server, "threads": self.threads}
        for path, routes in by_path().items():
            self.handlers.append((f"/{PREFIX}/{_pattern(path)}", Handler, {"routes": routes, **shared}))
        self.handlers.append((rf"/{PREFIX}/.*", Handler, {"routes": {}, **shared}))

    async def stop_extension(self) -> None:
        """Let go of the jobs, which go on."""
        self._loop = None
        self.jobs.close()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.threads.submit(self.jobs.attach)
        self._loop.call_later(WARM_SECONDS, self.threads.submit, import_all)

    def _tell(self, events: Sequence[Event]) -> None:
        """Give events to the server's loop, and wait until it has taken them: the loop must answer others too."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        server: Any = self.serverapp
        taken = threading.Event()

        def emit() -> None:
            try:
                for event in events:
                    server.event_logger.emit(schema_id=EVENT_SCHEMA, data=dict(event))
            finally:
                taken.set()

        try:
            loop.call_soon_threadsafe(emit)
        except RuntimeError:  # the loop was closed in between: the server ends
            return
        taken.wait(TELL_SECONDS)


def _pattern(path: str) -> str:
    return re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path.replace(".", r"\."))
