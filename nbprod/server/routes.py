"""Every route of the server: the one table from which the handlers and the OpenAPI document are made.

`does` names a function of `nbprod/server/endpoints/`. Its signature says the rest: the parts of the path are texts, `body` and `query` are pydantic
models, and what it returns is the answer. It is imported when it is first asked for, so that JupyterLab's start pays for none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "nbprod/api"


@dataclass(frozen=True)
class Route:
    """One verb of one path below `/nbprod/api`."""

    verb: str
    path: str
    does: str
    status: int = 200


ROUTES = (
    Route("POST", "analyse", "documents:analyse"),
    Route("POST", "suggest", "documents:suggest"),
    Route("POST", "plan", "documents:plan"),
    Route("GET", "jobs", "jobs:list_jobs"),
    Route("GET", "jobs/{job}", "jobs:show_job"),
    Route("DELETE", "jobs/{job}", "jobs:stop_job"),
    Route("POST", "runs", "runs:start_run", 202),
    Route("GET", "runs", "runs:list_runs"),
    Route("GET", "runs/compare", "runs:compare_runs"),
    Route("GET", "runs/{run}", "runs:show_run"),
    Route("DELETE", "runs/{run}", "runs:delete_run", 204),
    Route("GET", "runs/{run}/notebook", "runs:show_notebook"),
    Route("POST", "runs/{run}/report", "runs:make_report", 202),
    Route("GET", "runs/{run}/report", "runs:show_report"),
    Route("POST", "explore", "runs:explore", 202),
    Route("POST", "sweeps", "sweeps:start_sweep", 202),
    Route("GET", "sweeps", "sweeps:list_sweeps"),
    Route("GET", "sweeps/{sweep}", "sweeps:show_sweep"),
    Route("GET", "models", "versions:list_models"),
    Route("POST", "models/{name}/{version}/champion", "versions:crown_version"),
    Route("GET", "promote", "versions:preview_promotion"),
    Route("POST", "promote/preview", "versions:start_preview", 202),
    Route("POST", "promote", "versions:start_promotion", 202),
    Route("POST", "services", "services:start_service", 202),
    Route("DELETE", "services/{name}", "services:stop_service"),
    Route("GET", "services/{name}/log", "services:show_log"),
    Route("POST", "services/{name}/predict", "services:predict"),
    Route("GET", "openapi.json", "about:show_openapi"),
)


def by_path() -> dict[str, dict[str, Route]]:
    """Return the routes of each path by verb; fixed paths come before those with a part that varies."""
    paths: dict[str, dict[str, Route]] = {}
    for route in sorted(ROUTES, key=lambda one: [part.startswith("{") for part in one.path.split("/")]):
        paths.setdefault(route.path, {})[route.verb] = route
    return paths
