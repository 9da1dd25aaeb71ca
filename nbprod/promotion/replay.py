"""The process that captures: replays the closure of the serve function, asks it the samples, stores what it needs.

Run by path with the kernel's Python, in the notebook's folder: `python -P replay.py job.json`. The environment need
not have nbprod installed. Everything that the notebook defined lives in a module named as the generated one will be,
which also stands in for `__main__`, so that nothing that is stored refers to a notebook.
"""

from __future__ import annotations
import __future__

import functools
import importlib.util
import json
import linecache
import operator
import os
import re
import sys
import sysconfig
import traceback
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprod.promotion.samples import Samples
    from nbprod.promotion.served import Served

_FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)


def main(job_path: str) -> int:
    """Do the job and write its result; the exit code is 0 also for a `Problem`, which the result then holds."""
    scratch = Path(job_path).parent
    job = {**json.loads(Path(job_path).read_text("utf-8"))["job"], "scratch": str(scratch)}
    _find_nbprod()
    from nbprod.promotion.problem import Problem

    try:
        result = Replay(job).capture()
    except Problem as problem:
        result = {"problem": {"what": problem.what, "fix": problem.fix}}
    except OSError as error:
        from nbprod.promotion.formats import FULL

        if error.errno not in FULL:
            raise
        result = {
            "problem": {"what": f"the model's files cannot be written: {error.strerror}", "fix": "Free some space."}
        }
    (scratch / "capture.json").write_text(json.dumps(result, indent=1, allow_nan=False), "utf-8")
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
        self.future = 0
        self.environ: dict[str, str] = {}  # variables that tasks before set
        from nbprod.promotion.reads import Reads

        self.reads = Reads()
        self._script = sys.modules["__main__"]  # kept alive: its globals are this very code's
        sys.modules[job["module"]] = sys.modules["__main__"] = self.module
        sys.path.insert(0, job["folder"])
        os.chdir(job["folder"])

    def capture(self) -> dict[str, Any]:
        """Return the job's result: signature, calls with their answers, stored values, modules and packages."""
        from nbprod.promotion.formats import is_keras_model
        from nbprod.promotion.served import Served
        from nbprod.promotion.signature import Signature
        from nbprod.promotion.study import Study
        from nbprod.promotion.support import keep_weights
        from nbprod.runtime import hidden, pickling

        # Environment, options, generators: the service does not take them over, but the answers are the notebook's.
        self.hidden = hidden.Hidden(pickling.Names(vars(self.module), {}))
        for number, step in enumerate(self.job["steps"]):
            self._take(number, step)
        self.hidden.ready()
        served = Served(self.serve, self.kind, vars(self.module).get(self.serve))
        stored = self._store()  # before any call: the function may change what it uses
        for item in self.values:
            if is_keras_model(item.value):
                keep_weights(item.value)  # it is asked what it cannot answer, too
        signature, calls, sample, known = self._answers(served)
        study = Study(served, sample, known, self.job)
        many = study.carried(Signature.from_json(signature).inputs)
        holdout = study.holdout()
        names = [item.target for item in self.values]
        once = {
            item.target: item.value for item in self.values if names.count(item.target) == 1 and "." not in item.target
        }
        rowwise, profile, scores = study.rowwise(), study.profile(), study.scores()
        served.expect_steady()
        study.quicken(stored, once, vars(self.module))
        return {
            "signature": {**signature, "rowwise": rowwise},
            "calls": calls,
            "many": many,
            "stored": stored,
            "profile": profile,
            "holdout": holdout,
            "scores": scores,
            "modules": self._own_modules(),
            "environment": self._environment(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "packages": self._packages(),
        }

    def _take(self, number: int, step: Mapping[str, Any]) -> None:
        from nbprod.promotion.problem import Problem

        namespace = vars(self.module)
        if step["kind"] == "define":
            name = f"<cell {step['cell']}>"
            linecache.cache[name] = (len(step["source"]), None, step["source"].splitlines(True), name)
            try:
                # As in a kernel, a `from __future__` import holds for all code after it; this file's own never does.
                code = compile(step["source"], name, "exec", flags=self.future, dont_inherit=True)
                self.future |= code.co_flags & _FUTURE
                with self.reads:
                    exec(code, namespace)  # noqa: S102 - the author's code
            except Exception as error:
                raise Problem(
                    f"the code that {self.serve!r} needs fails outside the notebook: cell {step['cell']}, "
                    f"{type(error).__name__}: {error}",
                    "What it needs must be defined, imported or computed in the notebook's own cells.",
                ) from error
            self._check_files(
                f"the code of cell {step['cell']}, which {self.serve!r} needs,", "a service starts with it"
            )
        elif step["kind"] == "bind":
            namespace.update(step["values"])
        else:
            for name, value in self._read(step["values"]).items():
                self._bind(number, name, value)

    def _bind(self, number: int, name: str, value: Any) -> None:
        """Bind a value that a task left: a variable, hidden state, or the state of what is carried as source."""
        from nbprod.promotion.overlays import assignments
        from nbprod.promotion.problem import Problem
        from nbprod.runtime.overlay import Overlay

        if name == "@environ":
            before = dict(os.environ)
            self.hidden.load(name, value)
            self.environ |= {key: text for key, text in os.environ.items() if before.get(key) != text}
        elif name.startswith("@"):
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
        from nbprod.runtime import container, loading, overlay  # noqa: F401 - artifacts may hold overlays

        opened: dict[str, Any] = {}  # several names may share an artifact, and then share objects
        for digest in digests.values():
            if digest not in opened:
                artifact = container.open_artifact(container.path_of(self.job["store"], digest))
                opened[digest] = loading.load(artifact, vars(self.module))
        return {name: opened[digest][name] for name, digest in digests.items()}

    def _answers(self, served: Served) -> tuple[Any, list[Any], dict[str, Any], Samples]:
        """The signature, and calls with their answers: of the first sample that works. The sample, and where it is from."""
        from nbprod.promotion.problem import Problem
        from nbprod.promotion.samples import Samples

        known = Samples(vars(self.module), self.job["values"], self._read)
        expressions = self.job["serve"]["samples"]
        failed: Problem | None = None
        for sample in known.candidates(served, expressions):
            try:
                reference = known.reference(sample.arguments)
                with self.reads:
                    signature, calls = served.ask(sample.arguments, reference)
                self._check_files(repr(self.serve), "it is asked")
                return signature, calls, sample.arguments, known
            except Problem as problem:
                if sample.certain:
                    raise
                failed = failed or problem
        if failed is not None:
            raise failed
        tried = ", ".join(f"`{text}`" for text in expressions) or "nothing"
        raise Problem(
            f"there is no sample input for {self.serve!r} (tried: {tried})",
            f"Call `{self.serve}(...)` in the notebook once, with a value that the run keeps.",
        )

    def _check_files(self, what: str, when: str) -> None:
        """Raise `Problem` if files of the author's were read, which no service has."""
        from nbprod.promotion.problem import Problem

        if self.reads.files:
            shown = ", ".join(os.path.relpath(file, self.job["folder"]) for file in self.reads.files[:3])
            raise Problem(
                f"{what} reads {shown} when {when}, a file that the service will not have",
                "Read it in a cell before, and let the function use the variable: its value is then packed with the service.",
            )

    def _store(self) -> list[dict[str, Any]]:
        from nbprod.promotion.formats import Unstorable, store
        from nbprod.promotion.problem import Problem

        folder = Path(self.job["scratch"], "artifacts")
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
        """The variables that tasks set, those that look like secrets aside, and Keras's backend."""
        found = {key: value for key, value in self.environ.items() if not _SECRET.search(key)}
        keras = sys.modules.get("keras")
        return {**found, **({"KERAS_BACKEND": keras.backend.backend()} if keras is not None else {})}

    def _packages(self) -> dict[str, list[str]]:
        """The installed distributions, with versions, of every top-level module that is loaded or imported by the code.

        A loaded module that no distribution brought has none.
        """
        from importlib import metadata

        found: dict[str, list[str]] = {name: [] for name in sys.modules if "." not in name}
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
