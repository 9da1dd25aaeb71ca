"""nbprod takes a Jupyter notebook to production: tag cells, run, sweep, promote, serve."""

__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab's tools where the built panel is."""
    return [{"src": "labextension", "dest": "nbprod"}]
