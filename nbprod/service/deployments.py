"""Serve model versions: start, swap under load, ask a challenger beside, stop.

A deployment's supervisor holds the listening socket; versions come and go behind it (`promotion/inside/supervisor.py`).
"""

from __future__ import annotations

import dataclasses
import errno
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nbprod.errors import ConflictError, ServiceError
from nbprod.execution.cancel import Cancel
from nbprod.execution.claims import Claims
from nbprod.promotion import bento, launch
from nbprod.promotion.registry import ModelVersion, Registry
from nbprod.service import edits
from nbprod.service.records import DEAD, RUNNING, STARTING, STOPPED, Service, find, home, record, services, status

if TYPE_CHECKING:
    from nbprod.config import ServiceConfig
    from nbprod.project import Project

__all__ = ["alone", "environment", "find", "serve", "services", "shadow", "split", "status", "stop", "swap"]
TIMEOUT = 120.0


def serve(
    project: Project,
    name: str,
    version: int | str | None = None,
    port: int | None = None,
    *,
    host: str | None = None,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    wait: bool = True,
    accept_edits: bool = False,
    env: Mapping[str, str] | None = None,
) -> Service:
    """Serve a model version (the champion without `version`) by processes that outlive this one.

    A service of that name that runs already is returned if it serves the same; otherwise the version is swapped
    without losing a request, and only another port or host makes it start anew. Returns when it answers, or at once
    without `wait`. `env` is what its processes get besides this one's environment (`NBPROD_...`).

    Raises:
        NotFoundError: Nothing of that name has been promoted.
        ServiceError: The port is in use, the version's files were changed, or it ends while it starts.
    """
    chosen = Registry(project).get(name, version)
    edits.check(project, chosen, accept=accept_edits)
    launch.check(chosen.path)
    with _alone(project, name):
        running = find(project, name)
        if running and running.runs:
            before = _deployed(project, name)
            here = port in (None, running.port) and host in (None, _host_of(running))
            if here and before is not None and running.status == RUNNING:
                wanted = {**before.env, **(env or {})}
                many = workers or before.workers
                same = (before.version, before.workers, before.env) == (chosen.version, many, wanted)
                if same and not accept_edits and bento.answers(running.url):
                    return running
                return _change(project, running, chosen, timeout, workers=many, env=wanted, again=True)
            port = port or running.port  # whoever calls it keeps its address
            if port != running.port:
                _check_free(host or "127.0.0.1", port)
            _stop(project, running)
        return _start(project, chosen, port, host or "127.0.0.1", workers or 1, env or {}, wait, timeout)


def swap(
    project: Project, name: str, version: int | str | None = None, *, timeout: float = TIMEOUT, again: bool = False
) -> Service:
    """Let a running service answer with another version (the champion without `version`); no request is lost.

    What ran goes on until the other answers, and if it never does. A challenger that becomes the version is no longer one.

    Raises:
        NotFoundError: No such service or version.
        ConflictError: It does not run.
        ServiceError: The version's files were changed, or it does not start; what ran goes on.
    """
    chosen = Registry(project).get(name, version)
    edits.check(project, chosen)
    launch.check(chosen.path)
    with _alone(project, name):
        running = _running(project, name)
        if running.version == chosen.version and not again:
            return running
        return _change(project, running, chosen, timeout, again=again)


def shadow(project: Project, name: str, version: int | str, *, timeout: float = TIMEOUT) -> Service:
    """Ask another version beside the one that answers; what it says is compared and logged, and nobody waits for it.

    Raises what `swap` raises.
    """
    return _beside(project, name, version, "shadow", 0.0, timeout)


def split(project: Project, name: str, version: int | str, percent: float, *, timeout: float = TIMEOUT) -> Service:
    """Let another version answer some of the requests, by their ids: the same id always gets the same version.

    Raises what `swap` raises, and `ServiceError` for a share that is none.
    """
    if not 0 < percent <= 100:
        raise ServiceError(f"{percent:g} percent is no share of the requests", fix="Give more than 0, and at most 100.")
    return _beside(project, name, version, "split", float(percent), timeout)


def alone(project: Project, name: str, *, timeout: float = TIMEOUT) -> Service:
    """End a shadow or a split. Raises what `swap` raises."""
    with _alone(project, name):
        running = _running(project, name)
        before = launch.Deployment.read(home(project, name))
        if before.challenger is None:
            return running
        return _apply(project, running, dataclasses.replace(before, challenger=None), timeout)


def stop(project: Project, name: str) -> Service:
    """End a service, its workers included, letting requests in flight finish. Raises `NotFoundError`."""
    with _alone(project, name):
        return _stop(project, status(project, name))


def environment(project: Project, name: str, config: ServiceConfig) -> dict[str, str]:
    """Return what the configuration of a service sets for its processes."""
    log = config.log
    return {
        "NBPROD_TIMEOUT": f"{config.timeout:g}",
        "NBPROD_LOG_FOLDER": str(home(project, name) / "predictions") if log.enabled else "",
        "NBPROD_LOG_SAMPLE": f"{log.sample:g}",
        "NBPROD_LOG_MB": f"{log.megabytes:g}",
        "NBPROD_LOG_DAYS": f"{log.days:g}",
        "NBPROD_LOG_LEAVE_OUT": ",".join(log.leave_out),
    }


def _stop(project: Project, service: Service) -> Service:
    if service.runs:
        launch.stop(service.pid, grace=35.0)
        service = dataclasses.replace(service, status=STOPPED, challenger=None)
    return record(project, service)


def _start(
    project: Project,
    chosen: ModelVersion,
    port: int | None,
    host: str,
    workers: int,
    env: Mapping[str, str],
    wait: bool,
    timeout: float,
) -> Service:
    project.make_state()
    folder = home(project, chosen.model)
    env = {"NBPROD_LOG_FOLDER": str(folder / "predictions"), **env}
    deployment = launch.Deployment(chosen.version, str(chosen.path), workers, env=env)
    try:
        process = launch.start(deployment, folder, folder / "service.log", port or 0, host)
    except OSError as error:
        raise _unusable(host, port, error) from error
    service = Service(
        chosen.model, chosen.version, STARTING, process.url, process.pid, process.log, time.time(), workers
    )
    record(project, service)
    if not wait:
        process.detach()
        return service
    try:
        process.wait_ready(timeout)
    except BaseException:
        process.stop(grace=2)
        record(project, dataclasses.replace(service, status=DEAD))
        raise
    process.detach()
    return record(project, dataclasses.replace(service, status=RUNNING))


def _change(
    project: Project,
    running: Service,
    chosen: ModelVersion,
    timeout: float,
    *,
    workers: int | None = None,
    env: Mapping[str, str] | None = None,
    again: bool = False,
) -> Service:
    before = launch.Deployment.read(home(project, running.name))
    beside = before.challenger
    if beside is not None and beside.version == chosen.version:
        beside = None
    wanted = launch.Deployment(
        chosen.version,
        str(chosen.path),
        workers or before.workers,
        beside,
        before.env if env is None else env,
        again,
    )
    return _apply(project, running, wanted, timeout, before.number)


def _beside(project: Project, name: str, version: int | str, mode: str, percent: float, timeout: float) -> Service:
    chosen = Registry(project).get(name, version)
    edits.check(project, chosen)
    launch.check(chosen.path)
    with _alone(project, name):
        running = _running(project, name)
        if running.version == chosen.version:
            raise ConflictError(f"{chosen.name} is what answers already", fix="Choose another version.")
        before = launch.Deployment.read(home(project, name))
        beside = launch.Beside(chosen.version, str(chosen.path), mode, percent)
        return _apply(project, running, dataclasses.replace(before, challenger=beside), timeout)


def _apply(
    project: Project, running: Service, wanted: launch.Deployment, timeout: float, number: int | None = None
) -> Service:
    wanted = dataclasses.replace(wanted, number=(wanted.number if number is None else number) + 1)
    launch.change(home(project, running.name), running.pid, wanted, timeout)
    beside = wanted.challenger
    told = {"version": beside.version, "mode": beside.mode, "percent": beside.percent} if beside else None
    now = dataclasses.replace(running, version=wanted.version, workers=wanted.workers, challenger=told, status=RUNNING)
    return record(project, now)


def _deployed(project: Project, name: str) -> launch.Deployment | None:
    """What a service was started with; None if another nbprod has started it, in another way."""
    try:
        return launch.Deployment.read(home(project, name))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _running(project: Project, name: str) -> Service:
    service = status(project, name)
    if not service.runs:
        raise ConflictError(f"the service {name!r} is {service.status}", fix=f"Start it: nbprod serve {name}.")
    return service


@contextmanager
def _alone(project: Project, name: str) -> Iterator[None]:
    """Let one at a time start or stop a service."""
    with Claims(project.make_state() / "locks").hold(f"service-{name}", Cancel()):
        yield


def _host_of(service: Service) -> str:
    return service.url.removeprefix("http://").rpartition(":")[0].strip("[]")


def _check_free(host: str, port: int) -> None:
    """Raise `ServiceError` if a port cannot be used."""
    try:
        launch.listen(host, port).close()
    except OSError as error:
        raise _unusable(host, port, error) from error


def _unusable(host: str, port: int | None, error: OSError) -> ServiceError:
    why = _owner(port) if error.errno == errno.EADDRINUSE and port else os.strerror(error.errno or 0)
    where = f"port {port}" if port else f"the address {host}"
    return ServiceError(
        f"{where} cannot be used: {why}",
        fix="Stop that process, or choose another port (`--port`; without it a free one is taken).",
    )


def _owner(port: int) -> str:
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
