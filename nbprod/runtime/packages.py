"""Versions of the distributions whose modules are loaded."""

from __future__ import annotations

import importlib
import sys
from typing import Dict

_KERNEL = frozenset(
    {
        *(
            "IPython",
            "IPython_pygments_lexers",
            "ipykernel",
            "ipykernel_launcher",
            "ipython_pygments_lexers",
            "zmq",
            "tornado",
            "traitlets",
        ),
        *(
            "jupyter_client",
            "jupyter_core",
            "debugpy",
            "comm",
            "nest_asyncio",
            "nest_asyncio2",
            "psutil",
            "platformdirs",
        ),
        *(
            "matplotlib_inline",
            "decorator",
            "pygments",
            "jedi",
            "parso",
            "prompt_toolkit",
            "wcwidth",
            "pexpect",
            "ptyprocess",
        ),
        *(
            "stack_data",
            "executing",
            "asttokens",
            "pure_eval",
            "pydevd",
            "dateutil",
            "six",
            "packaging",
            "typing_extensions",
        ),
    }
)


def versions() -> Dict[str, str]:
    """Return the version of each loaded third-party top-level package; those that run the kernel itself are left out."""
    found: Dict[str, str] = {}
    standard: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
    for name in sorted({key.partition(".")[0] for key in list(sys.modules)} - _KERNEL - set(standard)):
        module = sys.modules.get(name)
        path = getattr(module, "__dict__", {}).get("__file__") or ""
        if name.startswith("_") or not ("site-packages" in path or "dist-packages" in path):
            continue
        version = vars(module).get("__version__")
        if isinstance(version, str):
            found[name] = version
        else:
            metadata = importlib.import_module("importlib.metadata")
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue  # part of another distribution; that one is listed
    return found
