"""nbprod takes a Jupyter notebook to production: tag cells, run, sweep, promote, serve."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from nbprod.server.app import NbprodApp

    return [{"module": "nbprod", "app": NbprodApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbprod"}]
