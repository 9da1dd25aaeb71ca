"""The process of one task: begins as `boot.py` does, executes prelude and cells as IPython does, finishes."""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
import types

spec = json.load(sys.stdin)
here = os.path.join(os.environ["PYTHONPATH"], "nbprod", "runtime")
package = types.ModuleType("_nbprod_runtime")
package.__path__ = [here]
sys.modules["_nbprod_runtime"] = package
session_module = importlib.import_module("_nbprod_runtime.session")
for key in [key for key in sys.modules if key.startswith("_nbprod_runtime")]:
    del sys.modules[key]
sys.path[:] = [
    entry for entry in sys.path if entry not in (os.environ.pop("PYTHONPATH", None), os.path.dirname(__file__))
]
sys.path.insert(0, "")

main = types.ModuleType("__main__")
sys.modules["__main__"] = main
namespace = vars(main)


def run_code(source: str, name: str) -> None:
    for node in ast.parse(source).body:
        exec(compile(ast.Module([node], []), name, "exec"), namespace)


session = session_module.Session(spec["job"], namespace)
for step in spec["prelude"]:
    if step in spec["job"]["loads"]:
        session.load(step)
    else:
        run_code(step, "<definitions>")
session.ready()
run_code(spec["source"], f"<cell of {spec['job']['task']} {os.getpid()}>")
try:
    session.finish()
except Exception as error:
    if type(error).__name__ != "TaskValueError":
        raise
    print(error, file=sys.stderr)
    sys.exit(3)
