"""Services: starting, asking, stopping them."""

from __future__ import annotations

import time

from nbprod.server import commands, versions
from nbprod.server.endpoints.jobs import job_of
from nbprod.server.models import Job, Prediction, PredictRequest, ServeOptions, Service, Text
from nbprod.server.place import Server
from nbprod.server.queries import At, LogQuery
from nbprod.server.values import json_value


def start_service(server: Server, body: ServeOptions) -> Job:
    """Start the service of a model version, the champion without `version`."""
    place = server.existing(body.path)
    return job_of(server, server.jobs.start(place, "serve", ["serve", *commands.serve_arguments(place, body)]))


def stop_service(server: Server, name: str, query: At) -> Service:
    """Stop a service, letting requests in flight finish."""
    from nbprod.service.deployments import status, stop

    place = server.place(query.path)
    versions.check_kept(place)
    return versions.service_of(stop(place.project, status(place.project, name).name))


def show_log(server: Server, name: str, query: LogQuery) -> Text:
    """Give the last lines of a service's log."""
    from nbprod.service.records import log_tail

    place = server.place(query.path)
    versions.check_kept(place)
    return Text(text=log_tail(place.project, name, query.lines))


def predict(server: Server, name: str, body: PredictRequest) -> Prediction:
    """Ask a service, from this machine; without data it gets the sample that its version keeps."""
    from nbprod.service.predict import predict as ask

    place = server.place(body.path)
    versions.check_kept(place)
    began = time.monotonic()
    answer = ask(place.project, name, body.data, route=body.route)
    return Prediction(url=answer.url, answer=json_value(answer.answer), seconds=time.monotonic() - began)
