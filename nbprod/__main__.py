"""`python -m nbprod` is the command line."""

import sys

from nbprod.cli import main

if __name__ == "__main__":
    sys.exit(main())
