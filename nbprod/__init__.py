"""nbprod takes a Jupyter notebook to production: tag cells, run, sweep, promote, serve."""

__version__ = "0.1.0"
