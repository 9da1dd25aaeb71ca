"""The command line: `nbprod` and `python -m nbprod`."""

from nbprod.cli.app import main

__all__ = ["main"]
