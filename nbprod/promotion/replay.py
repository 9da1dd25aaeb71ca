"""The process that captures: replays the closure of the serve function, asks it the samples, stores what it needs.

Run by path with the kernel's Python, in the notebook's folder: `python -P replay.py job.json`. The environment need
not have nbprod installed. Everything that the notebook defined lives in a module named as the generated one will be,
which also stands in for `__main__`, so that nothing that is stored refers to a notebook.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import linecache
import os
import re
import sys
import sysconfig
import traceback
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)
ROWS = 15
"""Rows of a sample that are replayed against the service; not a power of two, so that padded batches are checked."""


class Problem(Exception):
    """Something that the author can put right: what is wrong, and what to do."""

    def __init__(self, what: str, fix: str | None = None) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


def main(job_path: str) -> int:
    """Do the job and write its result; the exit code is 0 also for a `Problem`, which the result then holds."""
    job = json.loads(Path(job_path).read_text("utf-8"))
    _find_nbprod()
    try:
        result = Replay(job).capture()
    except Problem as problem:
        result = {"problem": {"what": problem.what, "fix": problem.fix}}
    Path(job["result"]).write_text(json.dumps(result, indent=1, allow_nan=False), "utf-8")
    return 0


def _find_nbprod() -> None:
    """Make `nbprod` importable from where this file is, without putting the folder around it on `sys.path`."""
    folder = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        "nbprod", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["nbprod"] = package
    spec.loader.exec_module(package)


@dataclass(frozen=True)
class Value:
    """A value that `model.py` reads from a file at the place of `step`, and what it is bound to (`name.attribute`)."""

    step: int
    target: str
    value: Any


class Replay:
    """The notebook's state, as far as the serve function needs it, built again in this process."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.serve: str = job["serve"]["name"]
        self.kind: str = job["serve"]["kind"]
        self.module = types.ModuleType(job["module"])
        self.values: list[Value] = []
        self.environ = dict(os.environ)
        self._script = sys.modules["__main__"]  # kept alive: its globals are this very code's
        sys.modules[job["module"]] = sys.modules["__main__"] = self.module
        sys.path.insert(0, job["folder"])
        os.chdir(job["folder"])

    def capture(self) -> dict[str, Any]:
        """Return the job's result: signature, calls with their answers, stored values, modules and packages."""
        from nbprod.runtime import hidden, pickling

        # Environment, options, generators: the service does not take them over, but the answers are the notebook's.
        self.hidden = hidden.Hidden(pickling.Names(vars(self.module), {}))
        for number, step in enumerate(self.job["steps"]):
            self._take(number, step)
        self.hidden.ready()
        target = vars(self.module).get(self.serve)
        if target is None:
            raise Problem(f"the notebook's code does not bind {self.serve!r} at its end")
        arguments, reference = self._arguments(target)
        functions = self._functions(target)
        stored = self._store()  # before any call: the function may change what it uses
        signature, calls = self._ask(functions, arguments, reference)
        return {
            "signature": signature,
            "calls": calls,
            "stored": stored,
            "modules": self._own_modules(),
            "environment": self._environment(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "packages": self._packages(),
        }

    def _take(self, number: int, step: Mapping[str, Any]) -> None:
        namespace = vars(self.module)
        if step["kind"] == "define":
            name = f"<cell {step['cell']}>"
            linecache.cache[name] = (len(step["source"]), None, step["source"].splitlines(True), name)
            try:
                exec(compile(step["source"], name, "exec"), namespace)  # noqa: S102 - the author's code
            except Exception as error:
                raise Problem(
                    f"the code that {self.serve!r} needs fails outside the notebook: cell {step['cell']}, "
                    f"{type(error).__name__}: {error}",
                    "What it needs must be defined, imported or computed in the notebook's own cells.",
                ) from error
        elif step["kind"] == "bind":
            namespace.update(step["values"])
        else:
            for name, value in self._read(step["values"]).items():
                self._bind(number, name, value)

    def _bind(self, number: int, name: str, value: Any) -> None:
        """Bind a value that a task left: a variable, hidden state, or the state of what is carried as source."""
        from nbprod.promotion.overlays import assignments
        from nbprod.runtime.overlay import Overlay

        if name.startswith("@"):
            self.hidden.load(name, value)
        elif not isinstance(value, Overlay):
            vars(self.module)[name] = value
            self.values.append(Value(number, name, value))
        else:
            target = vars(self.module)[name]
            for path, item in assignments(name, target, value):
                if path is None:
                    raise Problem(
                        f"{name!r}, which {self.serve!r} needs, was changed after it was defined in a way that the "
                        "service's code cannot express",
                        f"Define {name!r} as it is to be used.",
                    )
                self.values.append(Value(number, path, item))
            value.apply(target)

    def _read(self, digests: Mapping[str, str]) -> dict[str, Any]:
        from nbprod.runtime import container, overlay, pickling  # noqa: F401 - artifacts may hold overlays

        opened: dict[str, Any] = {}  # several names may share an artifact, and then share objects
        for digest in digests.values():
            if digest not in opened:
                artifact = container.open_artifact(container.path_of(self.job["store"], digest))
                opened[digest] = pickling.load(artifact, vars(self.module))
        return {name: opened[digest][name] for name, digest in digests.items()}

    def _functions(self, target: Any) -> dict[str, Any]:
        if self.kind == "function":
            if not callable(target):
                raise Problem(f"{self.serve!r} is a {type(target).__name__}, not a function")
            return {"predict": target}
        routes = {name: getattr(target, name, None) for name in ("predict", "predict_proba")}
        if not callable(routes["predict"]):
            raise Problem(
                f"{self.serve!r} is a {type(target).__name__} without `predict`",
                "Tag a cell `serve` that defines the function to serve.",
            )
        return {name: function for name, function in routes.items() if callable(function)}

    def _arguments(self, target: Any) -> tuple[dict[str, Any], Any]:
        """The arguments of a call that shows what comes in, and a table of training data (or None)."""
        from nbprod.promotion.samples import Samples

        known = Samples(vars(self.module), self.job["values"], self._read)
        names = self._names(target)
        arguments = known.arguments(target, self.kind, names, self.job["serve"]["samples"])
        if arguments is None:
            tried = ", ".join(f"`{text}`" for text in self.job["serve"]["samples"]) or "nothing"
            raise Problem(
                f"there is no sample input for {self.serve!r} (tried: {tried})",
                f"Call `{self.serve}(...)` in the notebook once, with a value that the run keeps.",
            )
        return arguments, known.reference(arguments)

    def _names(self, target: Any) -> dict[str, Any]:
        from nbprod.promotion.signature import parameters_of

        if self.kind != "function":
            import inspect

            return {"rows": inspect.Parameter("rows", inspect.Parameter.POSITIONAL_OR_KEYWORD)}
        try:
            return dict(parameters_of(target))
        except TypeError as error:
            raise Problem(f"{self.serve!r} cannot be served: {error}") from error

    def _ask(self, functions: Mapping[str, Any], arguments: dict[str, Any], reference: Any) -> tuple[Any, list[Any]]:
        """Call the functions on the sample, and on its first row alone where it has several; keep the answers."""
        import inspect

        from nbprod.promotion import signature as signatures
        from nbprod.promotion.samples import first_row, some_rows
        from nbprod.promotion.support import plain

        target = vars(self.module)[self.serve]
        inputs = []
        for name, parameter in self._names(target).items():
            if name not in arguments and signatures.default_text(parameter.default) is None:
                continue
            try:
                shown = arguments.get(name, parameter.default)
                inputs.append(signatures.infer_input(name, shown, parameter.annotation, parameter.default, reference))
            except TypeError as error:
                raise Problem(f"{self.serve!r} cannot be served: argument {name!r}: {error}") from error
        short = {name: some_rows(value, ROWS) for name, value in arguments.items()}
        single = {name: first_row(value) for name, value in short.items()}
        calls: list[dict[str, Any]] = []
        answers: dict[str, str] = {}
        for route, function in functions.items():
            for number, sample in enumerate(
                [short] if all(single[name] is short[name] for name in short) else [short, single]
            ):
                sent = {name: plain(value) for name, value in sample.items()}
                try:
                    answer = self._call(function, sample)
                    written = plain(answer)
                except Exception as error:
                    if number:  # a function of a whole table need not work on one row
                        continue
                    raise Problem(
                        f"`{self.serve}` fails on the sample from the notebook: {type(error).__name__}: {error}",
                        "It must return values that JSON can carry and use nothing but what the notebook keeps.",
                    ) from error
                if not number:
                    answers[route] = signatures.answer_type(answer)
                calls.append({"route": route, "arguments": sent, "answer": written})
        doc = inspect.cleandoc(getattr(target, "__doc__", None) or "") if self.kind == "function" else ""
        return signatures.Signature(tuple(inputs), answers, doc).to_json(), calls

    def _call(self, function: Any, sample: Mapping[str, Any]) -> Any:
        given = copy.deepcopy(dict(sample))  # a function may change what it is given
        if self.kind != "function":
            return function(given["rows"])
        return function(**given)

    def _store(self) -> list[dict[str, Any]]:
        from nbprod.promotion.formats import Unstorable, store

        folder = Path(self.job["artifacts"])
        folder.mkdir(parents=True, exist_ok=True)
        owned = frozenset(
            {self.job["module"], *(path.partition("/")[0].removesuffix(".py") for path in self._own_modules())}
        )
        stored = []
        for item in self.values:
            versions = [other.step for other in self.values if other.target == item.target]
            file = item.target if len(versions) == 1 else f"{item.target}.{versions.index(item.step) + 1}"
            name, value = item.target, item.value
            try:
                found = store(file, value, folder, self.job["module"], owned, self.job["allow_pickle"])
                stored.append({**found.to_json(), "name": name, "step": item.step})
            except Unstorable as error:
                raise Problem(
                    f"{name!r} (a {type(value).__module__}.{type(value).__qualname__}), which {self.serve!r} needs, "
                    f"cannot be packaged safely: {error}",
                    None
                    if self.job["allow_pickle"]
                    else "Allow pickle (`--allow-pickle`) if you trust it, or keep what it holds in a simpler value.",
                ) from error
        return stored

    def _own_modules(self) -> dict[str, str]:
        """Modules that were imported and that no package brought: their path in the service and their file."""
        found = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if not file or not file.endswith(".py") or module is self._script or name.partition(".")[0] == "nbprod":
                continue
            path = Path(file).resolve()
            if not _installed(path):
                parts = name.split(".")
                inside = "/".join([*parts, "__init__.py"] if path.name == "__init__.py" else [*parts[:-1], path.name])
                found[inside] = str(path)
        return found

    def _environment(self) -> dict[str, str]:
        """The variables that the notebook set before its imports, and Keras's backend; never what looks like a secret."""
        changed = {key: value for key, value in os.environ.items() if self.environ.get(key) != value}
        found = {key: value for key, value in changed.items() if not _SECRET.search(key)}
        keras = sys.modules.get("keras")
        return {**found, **({"KERAS_BACKEND": keras.backend.backend()} if keras is not None else {})}

    def _packages(self) -> dict[str, list[str]]:
        """The installed distributions, with versions, of every top-level module that is loaded or imported by the code."""
        from importlib import metadata

        found: dict[str, list[str]] = {}
        for top, names in metadata.packages_distributions().items():
            if top in sys.modules or top in self.job["imports"]:
                found[top] = sorted({f"{name}=={metadata.version(name)}" for name in names})
        return found


def _installed(path: Path) -> bool:
    """Whether a module's file belongs to Python or to an installed package."""
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    return any(path.is_relative_to(Path(sysconfig.get_path(key)).resolve()) for key in ("stdlib", "platstdlib"))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except SystemExit:
        raise
    except BaseException:  # noqa: BLE001 - whatever it is, the parent shows the log
        traceback.print_exc()
        sys.exit(1)
