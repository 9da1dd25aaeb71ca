"""The first cell of a task executes this file: it puts a `Session` on the shell and leaves no other trace.

The cell is `exec(compile(open(R).read(), R, "exec"), {"__name__": "nbprod_runtime", "JOB": "/.../job.json"})` with `R`
the path of this file. The other files of this folder are imported as a package under a private name that is taken
out of `sys.modules` again, so that no user code can see it; relative imports inside functions would no longer work.
"""

import importlib
import json
import os
import sys
import types

HERE = os.path.dirname((lambda: 0).__code__.co_filename)
KEEPER = "ipykernel.kernelapp", "IPKernelApp", "_nbprod"
"""Where a prepared process has left the session module for its kernels (`forkserver.py`)."""


def load() -> types.ModuleType:
    """Return the session module, imported under a private name unless a prepared process has done that."""
    known = getattr(getattr(sys.modules.get(KEEPER[0]), KEEPER[1], None), KEEPER[2], None)
    if known is not None and os.path.dirname(known.__file__) == HERE:
        return known  # type: ignore[no-any-return]
    name = "_nbprod_runtime"
    package = types.ModuleType(name)
    package.__path__ = [HERE]
    sys.modules[name] = package
    try:
        return importlib.import_module(name + ".session")
    finally:
        for key in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
            del sys.modules[key]


def begin(job_path: str) -> None:
    """Load the runtime privately, read the job and start the session."""
    if os.environ.pop("NBPROD_HASHSEED", None):
        del os.environ["PYTHONHASHSEED"]
    session = load()
    with open(job_path, encoding="utf-8") as file:
        job = json.load(file)
    shell = sys.modules["IPython"].get_ipython()
    shell._nbprod = session.Session(job, shell.user_ns, shell)


if JOB is not None:  # type: ignore[name-defined]  # noqa: F821
    begin(JOB)  # type: ignore[name-defined]  # noqa: F821
