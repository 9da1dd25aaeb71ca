"""Libraries that open files in native code tell of it, as Python's own `open` does: by the audit event `open`.

Without that a task that reads such a file would be taken from the cache although the file has changed. What is told of is in `OPENERS`; pandas
reads and writes Parquet through pyarrow. Called are the same functions, with the same arguments.
"""

from __future__ import annotations

import functools
import glob
import importlib.machinery
import os
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple, Union

READ, WRITE, TREE, RUN = "rb", "wb", "tree", "run"
"""What is done with a path: read (a folder with all that is in it), written, a folder into which files are written; or it is a command, in all arguments."""

Mode = Union[str, Tuple[int, str, str]]
"""One of these, or the place, the name and the default of the argument that says it (`r`, `w`, `a`, `r+`, ...)."""
Opener = Tuple[str, int, Tuple[str, ...], Mode]
"""A function, or a class; the place and the names of the argument that is the path, or several; what is done with it."""

_BY_MODE: Mode = (1, "mode", "r")

OPENERS: Dict[str, Tuple[Opener, ...]] = {
    "pexpect.pty_spawn": (("spawn", 0, ("command",), RUN),),  # `!command`
    "IPython.core.magics.script": (("ScriptMagics.shebang", 0, ("line",), RUN),),  # `%%bash`
    "pyarrow": (("OSFile", 0, ("path",), _BY_MODE), ("memory_map", 0, ("path",), _BY_MODE)),
    "pyarrow.parquet.core": (
        ("ParquetDataset", 0, ("path_or_paths",), READ),
        ("ParquetFile", 0, ("source",), READ),
        ("ParquetWriter", 0, ("where",), WRITE),
        ("read_metadata", 0, ("where",), READ),
        ("read_schema", 0, ("where",), READ),
    ),
    "pyarrow.dataset": (("dataset", 0, ("source",), READ), ("write_dataset", 1, ("base_dir",), TREE)),
    "pyarrow.feather": (("read_table", 0, ("source",), READ), ("write_feather", 1, ("dest",), WRITE)),
    "pyarrow.orc": (("ORCFile", 0, ("source",), READ), ("ORCWriter", 0, ("where",), WRITE)),
    "pyarrow.csv": (
        ("read_csv", 0, ("input_file",), READ),
        ("open_csv", 0, ("input_file",), READ),
        ("write_csv", 1, ("output_file",), WRITE),
    ),
    "pyarrow.json": (("read_json", 0, ("input_file",), READ), ("open_json", 0, ("input_file",), READ)),
    "pyarrow.ipc": (
        ("open_file", 0, ("source",), READ),
        ("open_stream", 0, ("source",), READ),
        ("new_file", 0, ("sink",), WRITE),
        ("new_stream", 0, ("sink",), WRITE),
    ),
    "polars": (
        ("read_*", 0, ("source", "sources"), READ),
        ("scan_*", 0, ("source", "sources"), READ),
        ("DataFrame.write_*", 0, ("file", "target", "workbook"), WRITE),
        ("LazyFrame.sink_*", 0, ("path", "target"), WRITE),
    ),
    "duckdb": tuple((name, 0, ("path_or_buffer", "file_glob", "path"), READ) for name in ("read_csv", "read_json", "read_parquet", "from_parquet", "from_csv_auto")),
    "h5py._hl.files": (("File", 0, ("name",), _BY_MODE),),
    "tables": (("open_file", 0, ("filename",), _BY_MODE),),
    "netCDF4": (("Dataset", 0, ("filename",), _BY_MODE),),
    "cv2": (("imread", 0, ("filename",), READ), ("imwrite", 0, ("filename",), WRITE)),
    "soundfile": (("SoundFile", 0, ("file",), _BY_MODE),),
    "rasterio": (("open", 0, ("fp",), _BY_MODE),),
    "fiona": (("open", 0, ("fp",), _BY_MODE),),
    "pyogrio": (
        ("read_dataframe", 0, ("path_or_buffer",), READ),
        ("read_arrow", 0, ("path_or_buffer",), READ),
        ("write_dataframe", 1, ("path",), WRITE),
    ),
    "pyreadstat": (("read_*", 0, ("filename_path",), READ), ("write_*", 1, ("dst_path",), WRITE)),
    "safetensors": (("safe_open", 0, ("filename",), READ),),
    "safetensors.numpy": (("load_file", 0, ("filename",), READ), ("save_file", 1, ("filename",), WRITE)),
    "safetensors.torch": (("load_file", 0, ("filename",), READ), ("save_file", 1, ("filename",), WRITE)),
    "torch.serialization": (("save", 1, ("f",), WRITE), ("load", 0, ("f",), READ)),
    "faiss": (("read_index", 0, ("fname",), READ), ("write_index", 1, ("fname",), WRITE)),
    "onnxruntime.capi.onnxruntime_inference_collection": (("InferenceSession", 0, ("path_or_bytes",), READ),),
    "xgboost.core": (
        ("DMatrix", 0, ("data",), READ),
        ("Booster.load_model", 0, ("fname",), READ),
        ("Booster.save_model", 0, ("fname",), WRITE),
    ),
    "lightgbm.basic": (
        ("Dataset", 0, ("data",), READ),
        ("Booster", 2, ("model_file",), READ),
        ("Booster.save_model", 0, ("filename",), WRITE),
    ),
    "catboost.core": (
        ("_CatBoostBase.load_model", 0, ("fname",), READ),
        ("CatBoost.load_model", 0, ("fname",), READ),
        ("CatBoost.save_model", 0, ("fname",), WRITE),
    ),
}  # fmt: skip


_started: List[bool] = []


def start() -> None:
    """Have these libraries tell: those that are imported now, the others once they are."""
    for name in OPENERS:
        if name in sys.modules:
            tell(sys.modules[name])
    _tell_later()


def _tell_later() -> None:
    """Change those that are imported later right after their import, and leave no trace where it is looked for (`sys.meta_path`)."""
    if _started:
        return
    _started.append(True)
    find = importlib.machinery.PathFinder.find_spec
    waiting = OPENERS.keys() - sys.modules.keys()

    @functools.wraps(find)
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        spec = find(name, path, target)
        if name in waiting and spec is not None and spec.loader is not None:
            _change(spec.loader, waiting)
        return spec

    importlib.machinery.PathFinder.find_spec = find_spec  # type: ignore[method-assign, assignment]


def _change(loader: Any, waiting: Set[str]) -> None:
    execute = loader.exec_module

    def execute_and_tell(module: Any) -> None:
        vars(loader).pop("exec_module", None)
        execute(module)
        waiting.discard(module.__name__)  # not before: who only looks for a module gets a loader too
        tell(module)

    loader.exec_module = execute_and_tell


def tell(module: Any) -> None:
    """Have what a module opens be told of."""
    for dotted, place, names, mode in OPENERS[module.__name__]:
        owner = module
        *outer, name = dotted.split(".")
        for part in outer:
            owner = getattr(owner, part, None)
        for found in _matching(owner, name):
            _tell_of(owner, found, _Argument(place, names, mode))


def _matching(owner: Any, name: str) -> List[str]:
    if not name.endswith("*"):
        return [name] if hasattr(owner, name) else []
    return [one for one in dir(owner) if one.startswith(name[:-1]) and callable(getattr(owner, one))]


def _tell_of(owner: Any, name: str, argument: _Argument) -> None:
    real = getattr(owner, name)
    try:
        if not isinstance(real, type):
            _replace(owner, name, real, argument.told(real, int(isinstance(owner, type))))
            return
        try:
            real.__init__ = argument.told(real.__init__, 1)  # type: ignore[misc]
        except TypeError:  # a class of native code cannot be changed
            _replace(owner, name, real, _stand_in(real, argument))
    except (AttributeError, TypeError):
        return  # it is not as we know it; then it is as it was


def _replace(owner: Any, name: str, real: Any, new: Any) -> None:
    """Have a name stand for something else, also where it was defined, by which it is pickled, and in the packages around."""
    setattr(owner, name, new)
    home = getattr(real, "__module__", None) or ""
    parts = home.split(".")
    for module in {home, getattr(owner, "__name__", ""), *(".".join(parts[:count]) for count in range(1, len(parts)))}:
        found = sys.modules.get(module)
        if found is not None and getattr(found, name, None) is real:
            setattr(found, name, new)


def _stand_in(real: type, argument: _Argument) -> Any:
    """Return what makes instances of a class that cannot be changed, and is that class for all who ask."""

    class Stand(type):
        __call__ = staticmethod(argument.told(real))

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, kind: type) -> bool:
            return issubclass(kind, real)

    return Stand(real.__name__, (real,), {"__module__": real.__module__, "__doc__": real.__doc__})


class _Argument:
    """Which argument is the path, and what is done with it."""

    def __init__(self, place: int, names: Tuple[str, ...], mode: Mode) -> None:
        self.place = place
        self.names = names
        self.mode = mode

    def told(self, real: Callable[..., Any], skip: int = 0) -> Callable[..., Any]:
        """Return a function that tells of the path and calls `real`; `skip` arguments come before those that are counted."""

        @functools.wraps(real)
        def call(*arguments: Any, **named: Any) -> Any:
            if self.mode == RUN:
                words = [*arguments[skip:], *named.values()]
                sys.audit(
                    "subprocess.Popen",
                    "",
                    [one for one in words if isinstance(one, (str, list, tuple))],
                    named.get("cwd"),
                    None,
                )
                return real(*arguments, **named)
            paths = [] if _remote(named.get("filesystem")) else list(_paths(self._value(arguments[skip:], named)))
            mode = self._mode(arguments[skip:], named)
            began = time.time_ns()
            if mode != TREE:
                for path in paths:
                    _audit(path, mode)
            try:
                return real(*arguments, **named)
            finally:
                for path in paths if mode == TREE else ():
                    _audit_new(path, began)

        return call

    def _value(self, arguments: Tuple[Any, ...], named: Dict[str, Any]) -> Any:
        if len(arguments) > self.place:
            return arguments[self.place]
        return next((named[name] for name in self.names if name in named), None)

    def _mode(self, arguments: Tuple[Any, ...], named: Dict[str, Any]) -> str:
        if isinstance(self.mode, str):
            return self.mode
        place, name, default = self.mode
        mode = arguments[place] if len(arguments) > place else named.get(name, default)
        return mode if isinstance(mode, str) else default


def _remote(filesystem: Any) -> bool:
    return filesystem is not None and type(filesystem).__name__ not in ("LocalFileSystem", "SubTreeFileSystem")


def _paths(value: Any) -> Iterator[str]:
    """Yield the local paths that an argument stands for."""
    if isinstance(value, (list, tuple)):
        for one in value if value and isinstance(value[0], (str, os.PathLike)) else ():
            yield from _paths(one)
        return
    text: Optional[str] = None
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        text = value.removeprefix("file://")
    if text and "\0" not in text and "\n" not in text and "://" not in text:
        text = os.path.expanduser(text)
        if glob.has_magic(text) and not os.path.exists(text):
            yield from glob.glob(text, recursive=True)  # it lists the folders, which is told by itself
        else:
            yield text


def _audit(path: str, mode: str) -> None:
    if mode.startswith("r") and "+" not in mode:
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):  # it lists them, which is told by itself
                for name in names:
                    sys.audit("open", os.path.join(folder, name), "rb", os.O_RDONLY)
        elif os.path.exists(path):
            sys.audit("open", path, "rb", os.O_RDONLY)
        return
    flags = os.O_RDWR if mode.startswith(("a", "r")) else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    sys.audit("open", path, mode, flags)


def _audit_new(folder: str, began: int) -> None:
    """Tell of the files in a folder that were written since: they have their names from the library."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.stat(path).st_mtime_ns >= began - 20_000_000:  # the clock of the files is coarser
                sys.audit("open", path, "wb", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
