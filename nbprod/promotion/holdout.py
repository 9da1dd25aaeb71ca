"""Held-out rows: what a run's metrics were computed from, kept with its version, so that models are compared on the same rows.

A metric can be computed anew when the serve function's answers to those rows, put in the place of what the notebook predicted,
give the run's own number again. Nothing is taken for granted: what does not give that number is not kept.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.promotion.formats import literal
from nbprod.promotion.signature import is_array, is_frame, is_series

FILE = "holdout.json"
RELATIVE = 1e-6
"""A metric that is computed again must be the run's own up to this."""
MOST = 100_000
"""Rows that are kept at most."""
ONE_BY_ONE = 2_000
"""Rows that a function is asked at most if it takes one at a time."""
LABELS = 200
"""Distinct answers that are taken for labels at most."""

Ask = Callable[[str, Any], Any]
"""Answers a route for all rows."""


class Unknown(Exception):
    """The held-out rows cannot be found, or not be used; the message says why."""


@dataclass(frozen=True)
class Recipe:
    """How a metric comes from answers: `code` reads `predicted`, which is the `view` of a route's answer, its labels put as `labels` says."""

    metric: str
    value: float
    code: str
    definitions: tuple[str, ...]
    predicted: str
    route: str
    view: str
    labels: tuple[tuple[Any, Any], ...] | None
    names: tuple[str, ...]
    truth: str | None = None
    """The one of `names` that holds the right answers, where that is plain."""

    def compute(self, answers: Mapping[str, Any], values: Mapping[str, Any]) -> float:
        """Return the metric of some answers (by route). Raises `Unknown` if they do not fit."""
        views = dict(views_of(answers[self.route])) if self.route in answers else {}
        if self.view not in views:
            raise Unknown(f"its answers have no {self.view or 'values'}")
        predicted = views[self.view]
        if self.labels is not None:
            predicted = translated(predicted, dict(self.labels))
        return run(self.code, self.metric, self.definitions, {**values, self.predicted: predicted})


def find(
    measures: Sequence[Mapping[str, Any]],
    tables: Iterator[tuple[str, Any]],
    value: Callable[[str], Any],
    ask: Ask,
    routes: Sequence[str],
    *,
    truth: str | None = None,
    answer: str | None = None,
) -> tuple[str, Any, list[Recipe], dict[str, str]]:
    """Find the rows from whose answers the run's metrics follow; return their name, the rows, a recipe for each metric, and why others have none.

    `tables` are what the rows may be, the likeliest first; `value` gives a value of the run and raises `KeyError`; `truth` and
    `answer` are what the user says. Raises `Unknown` if no table gives any metric.
    """
    problems: dict[str, str] = {}
    for name, rows in tables:
        if not 0 < len(rows) <= MOST:
            continue
        try:
            answers = {route: ask(route, rows) for route in routes}
        except Exception as error:  # noqa: BLE001 - the author's function refuses the rows: they are not those
            problems.setdefault("", f"`{name}` cannot be asked: {type(error).__name__}: {error}")
            continue
        recipes, missing = [], {}
        for measure in measures:
            try:
                recipes.append(_recipe(measure, answers, value, len(rows), truth, answer))
            except Unknown as error:
                missing[measure["metric"]] = str(error)
        if recipes:
            return name, rows, recipes, missing
        problems = problems or missing
    raise Unknown(
        "; ".join(dict.fromkeys(problems.values()))
        or "no value of the run has the rows that the metrics were computed from"
    )


def _recipe(
    measure: Mapping[str, Any],
    answers: Mapping[str, Any],
    value: Callable[[str], Any],
    count: int,
    truth: str | None,
    wanted: str | None,
) -> Recipe:
    values, unknown = {}, []
    for name in measure["names"]:
        try:
            values[name] = value(name)
        except KeyError:
            unknown.append(name)
    if len(unknown) > 1:
        raise Unknown(f"{measure['metric']} was computed from {', '.join(unknown)}, which the run did not keep")
    # what was predicted is not kept as a rule; where all is, it is one of the values
    places = unknown or [
        name for name, one in values.items() if name != truth and hasattr(one, "__len__") and len(one) == count
    ]
    truths = [name for name, one in values.items() if _is_labels(one, count)]
    truths.sort(key=lambda name: name != truth)
    for place in places:
        others = {name: one for name, one in values.items() if name != place}
        for route, answer in answers.items():
            for view, predicted in views_of(answer):
                if wanted is not None and view not in (wanted, f".{wanted}"):
                    continue
                for labels in _labellings(predicted, [values[t] for t in truths if t != place]):
                    recipe = Recipe(
                        measure["metric"],
                        measure["value"],
                        measure["code"],
                        tuple(measure["definitions"]),
                        place,
                        route,
                        view,
                        labels,
                        tuple(others),
                        next((name for name in truths if name != place), None),
                    )
                    if _gives(recipe, {route: answer}, others):
                        return recipe
    raise Unknown(f"no part of the answers gives {measure['metric']} = {measure['value']:.6g} again")


def _gives(recipe: Recipe, answers: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a recipe gives the run's own number."""
    try:
        return close(recipe.compute(answers, values), recipe.value)
    except Exception:  # noqa: BLE001 - the notebook's code does not take such a value: it is another one
        return False


def close(one: float, other: float) -> bool:
    """Whether two values of a metric are the same but for rounding."""
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=1e-9)


def views_of(answer: Any) -> Iterator[tuple[str, Any]]:
    """Give the parts of an answer that may be what was predicted: itself, its columns, the place of its largest number."""
    import numpy as np

    if is_frame(answer):
        for name in answer.columns:
            yield f".{name}", answer[name].to_numpy()
    elif isinstance(answer, Mapping):
        for name, part in answer.items():
            for view, found in views_of(part):
                yield f".{name}{view}", found
    elif isinstance(answer, list | tuple) and answer and isinstance(answer[0], Mapping):
        for name in answer[0]:
            yield f".{name}", np.array([row.get(name) for row in answer])
    elif isinstance(answer, tuple):
        for place, part in enumerate(answer):
            for view, found in views_of(part):
                yield f"[{place}]{view}", found
    elif is_array(answer) or is_series(answer) or isinstance(answer, list):
        values = np.asarray(answer)
        if values.dtype == object and any(isinstance(item, list) for item in values.ravel()[:1]):
            return
        yield "", values
        if values.ndim == 2:
            yield "[largest]", values.argmax(axis=1)
            for column in range(min(values.shape[1], 10)):
                yield f"[:, {column}]", values[:, column]


def translated(values: Any, labels: Mapping[Any, Any]) -> Any:
    """Put other labels in the place of a model's own. Raises `Unknown` for one that has none."""
    import numpy as np

    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    strange = sorted({str(item) for item in plain if item not in labels})
    if strange:
        raise Unknown(f"its answers have the label {strange[0]!r}, which the held-out rows do not know")
    return np.array([labels[item] for item in plain])


def run(code: str, metric: str, definitions: Sequence[str], values: Mapping[str, Any]) -> float:
    """Compute a metric by the notebook's own code."""
    import copy

    space = {"__name__": "nbprod_metric", **{name: copy.copy(value) for name, value in values.items()}}
    for definition in definitions:
        exec(compile(definition, "<metric>", "exec", dont_inherit=True), space)  # noqa: S102 - the author's code
    exec(compile(code, "<metric>", "exec", dont_inherit=True), space)  # noqa: S102
    return float(space[metric])


def _labellings(predicted: Any, truths: Sequence[Any]) -> Iterator[tuple[tuple[Any, Any], ...] | None]:
    """As they are; then, where labels were put in other words, the words that mostly stand beside each of them."""
    yield None
    if (
        getattr(predicted, "ndim", 0) != 1
        or predicted.dtype.kind not in "OUSbiu"
        or len(set(predicted.tolist())) > LABELS
    ):
        return
    for truth in truths:
        right = truth.tolist() if hasattr(truth, "tolist") else list(truth)
        counts: dict[Any, dict[Any, int]] = {}
        for said, true in zip(predicted.tolist(), right, strict=True):
            counts.setdefault(said, {})
            counts[said][true] = counts[said].get(true, 0) + 1
        labels = tuple((said, max(found, key=lambda true: found[true])) for said, found in counts.items())
        if len({true for _, true in labels}) == len(labels) and any(said != true for said, true in labels):
            yield labels


def _is_labels(value: Any, count: int) -> bool:
    if not (is_array(value) or is_series(value) or isinstance(value, list)) or len(value) != count:
        return False
    return not is_array(value) or value.ndim == 1


def freeze(
    folder: Path, name: str, rows: Any, recipes: Sequence[Recipe], value: Callable[[str], Any]
) -> dict[str, Any]:
    """Write the rows, what else the metrics need, and the recipes into a folder; return what lineage says of it.

    Raises `Unknown` if the rows cannot be written as plain data.
    """
    folder.mkdir(parents=True)
    stored = {"rows": _write(folder, "rows", rows)}
    kept = []
    for recipe in recipes:
        try:
            for other in recipe.names:
                if other not in stored:
                    stored[other] = _write(folder, f"value-{len(stored)}", value(other))
        except Unknown:
            continue  # this metric needs what is no plain data
        kept.append(recipe)
    if not kept:
        raise Unknown("what the metrics need cannot be kept as plain data")
    told = {"name": name, "count": len(rows), "values": stored, "recipes": [vars(recipe) for recipe in kept]}
    (folder / FILE).write_text(json.dumps(told, indent=1), "utf-8")
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    return {"name": name, "rows": len(rows), "metrics": {one.metric: one.value for one in kept}, "files": files}


@dataclass(frozen=True)
class Holdout:
    """Held-out rows as they were kept."""

    name: str
    rows: Any
    values: Mapping[str, Any]
    recipes: Sequence[Recipe]

    @classmethod
    def read(cls, folder: Path) -> Holdout:
        """Read what `freeze` wrote."""
        told = json.loads((folder / FILE).read_text("utf-8"))
        values = {name: _read(folder, item) for name, item in told["values"].items()}
        recipes = []
        for item in told["recipes"]:
            labels = item["labels"] and tuple((said, true) for said, true in item["labels"])
            texts = {"definitions": tuple(item["definitions"]), "names": tuple(item["names"])}
            recipes.append(Recipe(**{**item, **texts, "labels": labels}))
        return cls(told["name"], values.pop("rows"), values, recipes)

    def with_rows(self, rows: Any, truth: Sequence[Any]) -> Holdout:
        """The same metrics for other rows with their right answers, in the truth's own labels or in the answers'."""
        values = dict(self.values)
        recipes = []
        for recipe in self.recipes:
            if recipe.truth is None:
                continue
            known = dict(recipe.labels or ())
            import numpy as np

            values[recipe.truth] = np.array([known.get(item, item) for item in truth])
            recipes.append(recipe)
        return Holdout(self.name, rows, values, recipes)

    def score(self, ask: Ask) -> tuple[dict[str, float], dict[str, str]]:
        """Return the metrics of a model that `ask` asks, and why others could not be computed."""
        answers: dict[str, Any] = {}
        found, problems = {}, {}
        for recipe in self.recipes:
            try:
                if recipe.route not in answers:
                    answers[recipe.route] = ask(recipe.route, self.rows)
                found[recipe.metric] = recipe.compute(answers, self.values)
            except Exception as error:  # noqa: BLE001 - another model's code may fail in any way
                problems[recipe.metric] = (
                    str(error) if isinstance(error, Unknown) else f"{type(error).__name__}: {error}"
                )
        return found, problems


def _write(folder: Path, name: str, value: Any) -> dict[str, Any]:
    import numpy as np

    if is_frame(value) or is_series(value):
        table = value if is_frame(value) else value.to_frame("values")
        try:
            table.to_parquet(folder / f"{name}.parquet")
        except Exception as error:  # whatever pandas and pyarrow raise, the value does not fit the format
            raise Unknown(f"the rows cannot be written as Parquet: {error}") from error
        return {"kind": "frame" if is_frame(value) else "series", "file": f"{name}.parquet"}
    if is_array(value) and not value.dtype.hasobject:
        np.save(folder / f"{name}.npy", value, allow_pickle=False)
        return {"kind": "array", "file": f"{name}.npy"}
    plain = value.tolist() if hasattr(value, "tolist") else value
    text = literal(plain)
    if text is None:
        raise Unknown(f"a {type(value).__module__}.{type(value).__qualname__} is no plain data")
    (folder / f"{name}.txt").write_text(text, "utf-8")
    return {"kind": "object-array" if is_array(value) else "plain", "file": f"{name}.txt"}


def _read(folder: Path, item: Mapping[str, Any]) -> Any:
    path = folder / item["file"]
    if item["kind"] in ("frame", "series"):
        import pandas as pd

        table = pd.read_parquet(path)
        return table if item["kind"] == "frame" else table["values"]
    import numpy as np

    if item["kind"] == "array":
        return np.load(path, allow_pickle=False)
    plain = ast.literal_eval(path.read_text("utf-8"))
    return np.array(plain, dtype=object) if item["kind"] == "object-array" else plain
