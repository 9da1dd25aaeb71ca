"""Services as the records know them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import NotFoundError
from nbprod.execution.database import database
from nbprod.execution.processes import is_alive, me, started
from nbprod.execution.tables import Services
from nbprod.promotion import bento

if TYPE_CHECKING:
    from nbprod.project import Project

STARTING, RUNNING, STOPPED, DEAD = "starting", "running", "stopped", "dead"


@dataclass(frozen=True)
class Service:
    """A service as the records know it. `status` is `starting`, `running`, `stopped`, or `dead` (ended by itself).

    `challenger` says what is asked beside it: `version`, `mode` (`shadow` or `split`) and `percent`.
    """

    name: str
    version: int
    status: str
    url: str
    pid: int
    log: Path
    started: float
    workers: int = 1
    challenger: Mapping[str, Any] | None = None

    @property
    def model(self) -> str:
        return f"{self.name}/v{self.version}"

    @property
    def runs(self) -> bool:
        """Whether it answers, or will."""
        return self.status in (STARTING, RUNNING)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "log": str(self.log), "model": self.model}


def home(project: Project, name: str) -> Path:
    """Return the folder of a service's deployment."""
    return project.state / "deployments" / name


def status(project: Project, name: str) -> Service:
    """Return a service as it is now. Raises `NotFoundError` if none of that name was ever started."""
    service = find(project, name)
    if service is None:
        raise NotFoundError(f"no service {name!r} was started", fix=f"Start it: nbprod serve {name}.")
    return service


def find(project: Project, name: str) -> Service | None:
    """Return a service if it was ever started; a record whose process is gone is put right."""
    with database(project).read() as connection:
        row = Services.select().where(Services.name == name).first(connection)
    return None if row is None else _reconciled(project, row)


def services(project: Project) -> list[Service]:
    """Return every service that was started, by name."""
    with database(project).read() as connection:
        rows = list(Services.select().order_by(Services.name).execute(connection))
    return [_reconciled(project, row) for row in rows]


def log_tail(project: Project, name: str, lines: int) -> str:
    """Return the last lines of what a service has written. Raises `NotFoundError` if none of that name was ever started."""
    log = status(project, name).log
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 400 * lines))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def record(project: Project, service: Service) -> Service:
    """Keep what is known of a service, and return it."""
    data = {"log": str(service.log), "workers": service.workers, "challenger": service.challenger}
    values = {
        "model": service.name,
        "version": service.version,
        "status": service.status,
        "url": service.url,
        "host": me()[0],
        "pid": service.pid,
        "data": data,
        "started": service.started,
        "updated": time.time(),
    }
    if service.runs:
        values["process_started"] = started(service.pid)
    with database(project).write() as connection:
        Services.put(connection, name=service.name, **values)
    return service


def _reconciled(project: Project, row: Services) -> Service:
    data: Mapping[str, Any] = row.data
    service = Service(
        row.name,
        row.version,
        row.status,
        row.url or "",
        row.pid or 0,
        Path(data["log"]),
        row.started or 0.0,
        data.get("workers", 1),
        data.get("challenger"),
    )
    if not service.runs or row.host != me()[0]:
        return service
    if not is_alive(service.pid, row.process_started):
        return record(project, dataclasses.replace(service, status=DEAD))
    if service.status == STARTING and bento.answers(service.url):
        return record(project, dataclasses.replace(service, status=RUNNING))
    return service
