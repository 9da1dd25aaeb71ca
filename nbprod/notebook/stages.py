"""What a cell does, by what it calls: loads data, cleans it, makes features, splits, trains, evaluates, saves, plots."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from nbprod.notebook.events import Statement
from nbprod.notebook.scope import dotted, target_names
from nbprod.notebook.serving import TRANSFORMER_WORDS, dotted_method
from nbprod.notebook.timeline import Timeline


class Stage(StrEnum):
    """A step of a data scientist's work; the value is a good name for a task that does it."""

    TRAIN = "train"
    LOAD = "load"
    SPLIT = "split"
    EVALUATE = "evaluate"
    FEATURES = "features"
    CLEAN = "clean"
    SAVE = "save"
    PLOT = "plot"


PREPARES = frozenset({Stage.SPLIT, Stage.FEATURES, Stage.CLEAN})

_METHODS: dict[str, Stage] = {
    **dict.fromkeys("fit partial_fit fit_predict train_on_batch fit_resample backward".split(), Stage.TRAIN),
    **dict.fromkeys("fit_transform transform".split(), Stage.FEATURES),
    **dict.fromkeys(
        "predict predict_proba predict_log_proba decision_function score evaluate predict_on_batch forecast".split(),
        Stage.EVALUATE,
    ),
    **dict.fromkeys(
        """dropna fillna drop_duplicates astype rename interpolate ffill bfill replace clip drop query dropna_ reset_index set_index
        sort_values tz_localize tz_convert strip""".split(),
        Stage.CLEAN,
    ),
    **dict.fromkeys(
        "to_csv to_parquet to_pickle to_excel to_feather to_sql save save_model save_weights".split(), Stage.SAVE
    ),
}
_FUNCTIONS: dict[str, Stage] = {
    **dict.fromkeys(
        """numpy.load numpy.loadtxt numpy.genfromtxt joblib.load pickle.load json.load yaml.safe_load requests.get
        urllib.request.urlopen urllib.request.urlretrieve scipy.io.loadmat""".split(),
        Stage.LOAD,
    ),
    **dict.fromkeys(
        "sklearn.model_selection.train_test_split torch.utils.data.random_split numpy.array_split".split(), Stage.SPLIT
    ),
    **dict.fromkeys(
        "pandas.get_dummies pandas.cut pandas.qcut sklearn.preprocessing.scale numpy.log1p".split(), Stage.FEATURES
    ),
    **dict.fromkeys("pandas.to_datetime pandas.to_numeric".split(), Stage.CLEAN),
    **dict.fromkeys(
        """sklearn.model_selection.cross_val_score sklearn.model_selection.cross_validate xgboost.train lightgbm.train xgboost.cv
        lightgbm.cv""".split(),
        Stage.TRAIN,
    ),
    **dict.fromkeys(
        "joblib.dump pickle.dump json.dump numpy.save numpy.savez numpy.savez_compressed torch.save".split(), Stage.SAVE
    ),
}
_VERBS: dict[str, Stage] = {
    **dict.fromkeys("load read fetch download ingest".split(), Stage.LOAD),
    **dict.fromkeys("clean preprocess tidy impute normalise normalize".split(), Stage.CLEAN),
    **dict.fromkeys("featurize encode vectorize tokenize engineer".split(), Stage.FEATURES),
    **dict.fromkeys(["split"], Stage.SPLIT),
    **dict.fromkeys("train fit finetune".split(), Stage.TRAIN),
    **dict.fromkeys("evaluate validate assess".split(), Stage.EVALUATE),
    **dict.fromkeys("save dump export".split(), Stage.SAVE),
    **dict.fromkeys("plot draw visualize visualise".split(), Stage.PLOT),
}
"""First words of functions that people write themselves, and of `pandas.read_csv`."""
_NOT_DATA = frozenset({"load_ext", "load_model", "load_weights", "load_state_dict", "load_dotenv", "set_style"})
_WORDS = re.compile(r"[A-Za-z][a-z0-9]*")


@dataclass(frozen=True)
class SeenCall:
    """A call outside of function bodies: `name` is the dotted name of an imported function, or of a plain one."""

    node: ast.Call
    name: str
    method: str
    """The last part, where it is a method of a value."""


class Stages:
    """Says what cells do. `timeline` tells what names stand for."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    def of(self, statements: Iterable[Statement]) -> Stage | None:
        """Return what statements that stand together do: the weightiest of all."""
        found = {stage for statement in statements for stage in self._stages(statement)}
        return next((stage for stage in Stage if stage in found), None)

    def calls(self, node: ast.AST | None) -> Iterator[SeenCall]:
        """Yield the calls of a statement; what functions and classes defined in it call is left out."""
        for part in _walk(node):
            if isinstance(part, ast.Call):
                path = dotted(part.func)
                event = self.timeline.current.get(path[0]) if path else None
                if event is not None and event.module is not None:
                    yield SeenCall(part, ".".join((event.module, *path[1:])), "")
                elif len(path) == 1:
                    yield SeenCall(part, path[0], "")
                else:
                    yield SeenCall(part, "", dotted_method(part))

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions that the notebook defines, each as it was defined last."""
        nodes = [statement.piece.node for statement in self.timeline.statements]
        return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}

    @cached_property
    def transformers(self) -> frozenset[str]:
        """The names that are bound to scalers, encoders and the like."""
        return frozenset(
            name
            for statement in self.timeline.statements
            if isinstance(statement.piece.node, ast.Assign) and self.makes_transformer(statement.piece.node.value)
            for target in statement.piece.node.targets
            for name in target_names(target)
        )

    def makes_transformer(self, node: ast.AST) -> bool:
        """Say whether an expression makes a scaler or the like: `StandardScaler()`, `StandardScaler().fit(X)`."""
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            return self.makes_transformer(node.func.value)
        return any(word in part for part in dotted(node.func)[-1:] for word in TRANSFORMER_WORDS)

    def fits_model(self, call: SeenCall) -> bool:
        """Say whether a call trains something that is no scaler or the like."""
        if _METHODS.get(call.method) is not Stage.TRAIN or not isinstance(call.node.func, ast.Attribute):
            return False
        receiver = call.node.func.value
        path = dotted(receiver)
        return not self.makes_transformer(receiver) and not (path and path[0] in self.transformers)

    def _stages(self, statement: Statement) -> Iterator[Stage]:
        for call in self.calls(statement.piece.node):
            stage = _METHODS.get(call.method) if call.method else _of_function(call.name)
            if stage is Stage.TRAIN and call.method and not self.fits_model(call):
                stage = Stage.FEATURES
            if stage is not None:
                yield stage
        if _sets_column(statement):
            yield Stage.CLEAN
        if self.timeline.graph.plots(statement):
            yield Stage.PLOT


def _walk(node: ast.AST | None) -> Iterator[ast.AST]:
    todo = [node] if node is not None else []
    while todo:
        part = todo.pop()
        yield part
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += reversed(list(ast.iter_child_nodes(part)))


def _of_function(path: str) -> Stage | None:
    if path in _FUNCTIONS:
        return _FUNCTIONS[path]
    if ".datasets." in path or path == "torch.utils.data.DataLoader":
        return Stage.LOAD
    if path.startswith(("sklearn.metrics.", "torchmetrics.")):
        return Stage.EVALUATE
    module, _, name = path.rpartition(".")
    if name in _NOT_DATA or module.startswith(("matplotlib", "os", "sys", "warnings", "logging")):
        return None
    words = [word.lower() for word in _WORDS.findall(name)]
    return _VERBS.get(words[0]) if words and (len(words) > 1 or not module) else None


def _sets_column(statement: Statement) -> bool:
    """Say whether columns are set: `df["a"] = ...`."""
    node = statement.piece.node
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    return any(isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) for target in targets)
