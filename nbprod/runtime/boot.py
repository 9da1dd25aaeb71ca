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


def begin(job_path: str) -> None:
    """Load the runtime privately, read the job and start the session."""
    if os.environ.pop("NBPROD_HASHSEED", None):
        del os.environ["PYTHONHASHSEED"]
    name = "_nbprod_runtime"
    package = types.ModuleType(name)
    package.__path__ = [os.path.dirname(begin.__code__.co_filename)]
    sys.modules[name] = package
    try:
        session = importlib.import_module(name + ".session")
    finally:
        for key in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
            del sys.modules[key]
    with open(job_path, encoding="utf-8") as file:
        job = json.load(file)
    shell = sys.modules["IPython"].get_ipython()
    shell._nbprod = session.Session(job, shell.user_ns, shell)


begin(JOB)  # type: ignore[name-defined]  # noqa: F821
