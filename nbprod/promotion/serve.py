"""Serve a model version: start, stop and look after the process that answers."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import NotFoundError, ServiceError
from nbprod.execution import tables
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims
from nbprod.execution.database import database
from nbprod.execution.processes import is_alive, me, started
from nbprod.execution.sql import Row, select
from nbprod.promotion import bento
from nbprod.promotion.package import hashes
from nbprod.promotion.registry import ModelVersion, Registry

if TYPE_CHECKING:
    from nbprod.project import Project

STARTING, RUNNING, STOPPED, DEAD = "starting", "running", "stopped", "dead"
TIMEOUT = 120.0


@dataclass(frozen=True)
class Service:
    """A service as the records know it. `status` is `starting`, `running`, `stopped`, or `dead` (ended by itself)."""

    name: str
    version: int
    status: str
    url: str
    pid: int
    log: Path
    started: float

    @property
    def model(self) -> str:
        return f"{self.name}/v{self.version}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "log": str(self.log), "model": self.model}


def serve(
    project: Project,
    name: str,
    version: int | str | None = None,
    port: int | None = None,
    *,
    host: str = "127.0.0.1",
    wait: bool = True,
    timeout: float = TIMEOUT,
) -> Service:
    """Start a model version (the champion without `version`) as a process that outlives this one.

    A service of that name that runs already is replaced when it serves another version, or at another port; otherwise
    it is returned as it is. Returns when it answers, or at once without `wait`.

    Raises:
        NotFoundError: Nothing of that name has been promoted.
        ServiceError: The port is in use, the version's files were changed, or it ends while it starts.
    """
    chosen = Registry(project).get(name, version)
    check_files(chosen)
    with _alone(project, name):
        return _serve(project, chosen, port, host, wait, timeout)


def _serve(project: Project, chosen: ModelVersion, port: int | None, host: str, wait: bool, timeout: float) -> Service:
    name = chosen.model
    running = find(project, name)
    if running and running.status in (RUNNING, STARTING):
        its_port = int(running.url.rpartition(":")[2])
        if running.version == chosen.version and port in (None, its_port) and bento.answers(running.url):
            return running
        port = port or its_port  # whoever calls it keeps its address
        if port != its_port:
            _free(host, port)
        _stop(project, running)
    port = _free(host, port)
    home = project.make_state() / "deployments" / name
    shutil.rmtree(home / "prometheus_multiproc_dir", ignore_errors=True)
    process = bento.start(chosen.path, home, home / "service.log", port, host)
    service = Service(name, chosen.version, STARTING, process.url, process.pid, process.log, time.time())
    _record(project, service)
    if not wait:
        process.detach()
        return service
    try:
        process.wait_ready(timeout)
    except BaseException:
        process.stop(grace=2)
        _record(project, _with(service, DEAD))
        raise
    process.detach()
    service = _with(service, RUNNING)
    _record(project, service)
    return service


def stop(project: Project, name: str) -> Service:
    """End a service, its workers included, letting requests in flight finish. Raises `NotFoundError`."""
    with _alone(project, name):
        return _stop(project, status(project, name))


def _stop(project: Project, service: Service) -> Service:
    if service.status in (RUNNING, STARTING):
        bento.stop(service.pid)
    stopped = _with(service, STOPPED)
    _record(project, stopped)
    return stopped


def status(project: Project, name: str) -> Service:
    """Return a service as it is now. Raises `NotFoundError` if none of that name was ever started."""
    service = find(project, name)
    if service is None:
        raise NotFoundError(f"no service {name!r} was started", fix=f"Start it: nbprod serve {name}.")
    return service


def find(project: Project, name: str) -> Service | None:
    """Return a service if it was ever started; a record whose process is gone is put right."""
    table = tables.services
    with database(project).read() as connection:
        row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
    return None if row is None else _reconciled(project, row)


def services(project: Project) -> list[Service]:
    """Return every service that was started, by name."""
    table = tables.services
    with database(project).read() as connection:
        rows = connection.execute(select(table).order_by(table.c.name)).all()
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


def check_files(version: ModelVersion) -> None:
    """Raise `ServiceError` if a file of the version is not what was promoted."""
    if not version.path.is_dir():
        raise ServiceError(f"the files of {version.name} are gone: {version.path}", fix="Promote the run again.")
    found = hashes(version.path)
    changed = sorted(file for file, sha in version.files.items() if found.get(file) != sha)
    added = sorted(set(found) - set(version.files))
    if changed or added:
        raise ServiceError(
            f"{version.name} is not what was promoted: {', '.join([*changed, *added][:5])} changed in {version.path}",
            fix="Promote the run again, or serve another version.",
        )


@contextmanager
def _alone(project: Project, name: str) -> Iterator[None]:
    """Let one at a time start or stop a service."""
    with Claims(project.make_state() / "locks").hold(f"service-{name}", Cancel()):
        yield


def _reconciled(project: Project, row: Row) -> Service:
    data: Mapping[str, Any] = row.data
    service = Service(row.name, row.version, row.status, row.url, row.pid, Path(data["log"]), row.started)
    if service.status not in (RUNNING, STARTING) or row.host != me()[0]:
        return service
    if not is_alive(row.pid, row.process_started):
        service = _with(service, DEAD)
        _record(project, service)
    elif service.status == STARTING and bento.answers(service.url):
        service = _with(service, RUNNING)
        _record(project, service)
    return service


def _with(service: Service, status: str) -> Service:
    return Service(**{**vars(service), "status": status})


def _record(project: Project, service: Service) -> None:
    table = tables.services
    values = {
        "model": service.name,
        "version": service.version,
        "status": service.status,
        "url": service.url,
        "host": me()[0],
        "pid": service.pid,
        "data": {"log": str(service.log)},
        "started": service.started,
        "updated": time.time(),
    }
    if service.status in (STARTING, RUNNING):
        values["process_started"] = started(service.pid)
    with database(project).write() as connection:
        known = connection.execute(select(table.c.name).where(table.c.name == service.name)).one_or_none()
        if known is None:
            connection.execute(table.insert().values(name=service.name, **values))
        else:
            connection.execute(table.update().where(table.c.name == service.name).values(**values))


def _free(host: str, port: int | None) -> int:
    """The port to listen on. Raises `ServiceError` if someone else does."""
    if port is None:
        return bento.free_port(host)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceError(
                f"port {port} cannot be used: {_owner(port) or error.strerror}",
                fix="Stop that process, or choose another port (`--port`; without it a free one is taken).",
            ) from error
    return port


def _owner(port: int) -> str | None:
    """Who listens on a port, as far as this user may know."""
    import psutil

    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port:
            if connection.pid is None:
                break
            try:
                command = " ".join(psutil.Process(connection.pid).cmdline()[:6])
            except psutil.Error:
                break
            return f"process {connection.pid} listens on it ({command})"
    return "another process listens on it"
