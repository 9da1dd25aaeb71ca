"""What is found out about a model by asking it for many rows: its profile, its held-out rows, whether it is row-wise.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.promotion import conversion, standins
from nbprod.promotion.asking import asker, bases
from nbprod.promotion.carried import check, fitting
from nbprod.promotion.edges import matrix_of, more_rows, with_extremes
from nbprod.promotion.formats import single_threaded
from nbprod.promotion.holdout import Holdout, Unknown, find, freeze
from nbprod.promotion.profile import profile
from nbprod.promotion.rowwise import MOST, SEEN, is_rowwise
from nbprod.promotion.signature import Input, is_array, is_frame, reference_for
from nbprod.promotion.support import plain

if TYPE_CHECKING:
    from nbprod.promotion.samples import Samples
    from nbprod.promotion.served import Served


PATIENCE = 60.0
"""Seconds after which no other table is tried for the held-out rows."""


class Study:
    """Asks what is served: the arguments of a call that works are `sample`, and `known` gives the values of the run."""

    def __init__(self, served: Served, sample: Mapping[str, Any], known: Samples, job: Mapping[str, Any]) -> None:
        self.served, self.sample, self.known, self.job = served, sample, known, job
        self.ask = asker(served, sample)
        self.held_out: Any = None

    def carried(self, inputs: Sequence[Input]) -> list[dict[str, Any]]:
        """Check that it answers the same for rows that come in a request; return the calls that a service is to be asked too.

        `inputs` are what it takes. Raises `Problem`.
        """
        if self.ask is None:
            return []
        value, item = self.sample[self.ask.table], next(one for one in inputs if one.name == self.ask.table)
        reference = self._reference()
        rows = value if reference is None else reference_for(value, reference) if is_frame(value) else reference
        if is_frame(value):
            rows = _typed_alike(rows[list(value.columns)], value)
        elif self.ask.kind in ("record", "series") and not is_frame(rows):
            return []
        elif self.ask.kind == "records" and is_frame(rows):
            rows = rows.to_dict("records")
        return [call for route in self.served.routes for call in check(self.ask, route, fitting(rows, item), item)]

    def holdout(self) -> dict[str, Any]:
        """Find the held-out rows and keep them in the job's folder; return what lineage says of them, or `why` there are none."""
        said = self.job["holdout"]
        if self.ask is None:
            return {"why": "the service takes no rows"}
        if not self.job["measures"]:
            return {"why": "the run has no metrics whose code is known (a cell tagged `metrics`)"}
        try:
            name, rows, recipes, problems = find(
                self.job["measures"],
                self._candidates(said.get("rows")),
                self.known.value,
                self.ask,
                list(self.served.routes),
                truth=said.get("truth"),
                answer=said.get("answer"),
            )
            told = freeze(Path(self.job["scratch"], "holdout"), name, rows, recipes, self.known.value)
        except (Unknown, ImportError) as error:  # a kernel without NumPy cannot look for them
            return {"why": str(error)}
        self.held_out = rows
        return {**told, **({"without": problems} if problems else {})}

    def quicken(self, stored: list[dict[str, Any]], values: Mapping[str, Any], namespace: dict[str, Any]) -> None:
        """Put ONNX in the place of stored models of scikit-learn where that is better, and say of each why or why not.

        `values` are the models that `stored` keeps, by name.
        """
        lacking = conversion.missing()
        rows: list[Any] = []
        expected: list[Any] = []
        for item in stored:
            name = item["name"]
            if item["format"] != "skops" or name not in values or not conversion.is_model(values[name]):
                continue
            try:
                if lacking is not None:
                    raise conversion.Kept(lacking)
                if self.served.kind == "function" and not standins.only_attributes(name, self._sources()):
                    raise conversion.Kept("the code uses it otherwise than by its methods")
                folder = Path(self.job["scratch"], "artifacts")
                model = single_threaded(values[name])
                tables = [table for _, table in self.known.tables()]
                ask = partial(self._with, namespace)
                if not expected:
                    rows, expected = self._answered(ask)
                source = partial(_itself, model)
                figures = conversion.convert(name, model, namespace, ask, rows, expected, folder, source, tables)
            except conversion.Kept as why:
                item["onnx"] = {"why": str(why)}
                continue
            item["code"] = f'nbprod_onnx.load("{figures["file"]}", lambda: {item["code"]})'
            item["source"], item["file"], item["format"] = item["file"], figures.pop("file"), "onnx"
            item["packages"] = [*item["packages"], "onnxruntime", "numpy"]
            item["onnx"] = figures

    def _answered(self, ask: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
        """Rows that the function answers, with its answers. Raises `Kept` if it answers none of those that could be thought of."""
        found: list[tuple[Any, Any]] = []
        for given in self._rows():
            with contextlib.suppress(Exception):  # values mixed anew may be what the author's function refuses
                found.append((given, ask(given)))
        if not found:
            raise conversion.Kept("the function fails on the rows on which it would be compared")
        return [given for given, _ in found], [answer for _, answer in found]

    def _sources(self) -> list[str]:
        return [step["source"] for step in self.job["steps"] if step["kind"] == "define"]

    def _with(self, namespace: Mapping[str, Any], given: Any) -> Any:
        """Ask with what the namespace holds now."""
        if self.served.kind != "function":
            target = namespace[self.served.name]
            return {route: plain(getattr(target, route)(given)) for route in self.served.routes}
        if self.ask is None:
            return plain(self.served.call(self.served.target, given))
        return self._plain("predict", given)

    def _rows(self) -> list[Any]:
        """Many rows, and one alone; without rows, the sample."""
        if self.ask is None or self.ask.kind not in ("frame", "array", "records"):
            return [self.sample if self.ask is None else self._one()]
        rows = self._reference()
        rows = self.sample[self.ask.table] if rows is None else rows
        if self.ask.kind == "records" and is_frame(rows):
            rows = rows.to_dict("records")
        if is_frame(rows) or is_array(rows):
            return [more_rows(rows, conversion.ROWS), rows[: conversion.ROWS], matrix_of(rows, 1)]
        return [rows[: conversion.ROWS], rows[:1]]

    def _one(self) -> Any:
        """A row for a function that takes one."""
        import pandas as pd

        assert self.ask is not None
        reference = self._reference()
        return reference.iloc[:100] if is_frame(reference) else pd.DataFrame([dict(self.sample[self.ask.table])])

    def scores(self) -> dict[str, Any]:
        """Return this model's metrics on the held-out rows of other versions, by their folder."""
        found: dict[str, Any] = {}
        for folder in self.job["against"]:
            if self.ask is None:
                found[folder] = {"metrics": {}, "problems": {"": "the service takes no rows"}}
                continue
            metrics, problems = Holdout.read(Path(folder)).score(self.ask)
            found[folder] = {"metrics": metrics, "problems": problems}
        return found

    def profile(self) -> dict[str, Any]:
        """Return the profile of the inputs and answers."""
        routes = {route: partial(self.served.call, function) for route, function in self.served.routes.items()}
        return profile(self.sample, self._reference(), routes, held_out=self.held_out)

    def rowwise(self) -> bool:
        """Whether each row of the one table that is sent is answered by itself, on every route."""
        if self.ask is None or self.ask.kind not in ("frame", "array", "records") or len(self.served.parameters) > 1:
            return False
        reference = self._reference()
        rows = self.sample[self.ask.table] if reference is None else reference
        if is_frame(rows):
            rows = _with_missing(rows)
        if is_frame(rows) or (is_array(rows) and rows.ndim == 2):
            rows = with_extremes(rows[:SEEN], self._takes, MOST - SEEN)
        return all(is_rowwise(partial(self._plain, route), rows, _take) for route in self.served.routes)

    def _takes(self, rows: Any) -> bool:
        """Whether it answers rows at all."""
        try:
            for route in self.served.routes:
                self._plain(route, rows)
        except Exception:  # noqa: BLE001 - what it refuses, nobody is to answer
            return False
        return True

    def _plain(self, route: str, rows: Any) -> Any:
        assert self.ask is not None
        return plain(self.ask(route, rows))

    def _reference(self) -> Any:
        """The training table with the columns of the sample, or the whole array that it was taken from."""
        assert self.sample
        value: Any = None if self.ask is None else self.sample[self.ask.table]
        if is_array(value):
            arrays = [a for _, a in self.known.tables() if is_array(a) and a.shape[1:] == value.shape[1:]]
            return max(arrays, key=len, default=None)
        reference = self.known.reference(self.sample)
        if reference is None or not is_frame(value):
            return reference
        return reference[list(value.columns)]

    def _candidates(self, said: str | None) -> Iterator[tuple[str, Any]]:
        """What may be the held-out rows: what the user says, what the sample was taken from, values with the sample's columns."""
        if said is not None:
            try:
                yield said, self.known.value(said)
            except KeyError:
                raise Unknown(f"the run did not keep {said!r} (promote.holdout.rows)") from None
            return
        assert self.ask is not None
        value = self.sample[self.ask.table]
        until = time.monotonic() + PATIENCE
        seen = set()
        for name in [base for text in self.job["serve"]["samples"] for base in bases(text)]:
            if name in self.known.kept and name not in seen:
                seen.add(name)
                rows = self._like(value, self.known.value(name))
                if rows is not None:
                    yield name, rows
        for name, table in self.known.tables():
            rows = None if name in seen or time.monotonic() > until else self._like(value, table)
            if rows is not None:
                yield name, rows

    def _like(self, value: Any, table: Any) -> Any:
        """A value of the run as rows like the sample's; None if it is none."""
        if is_frame(table):
            wanted = list(value.columns) if is_frame(value) else None
            row = value[0] if isinstance(value, list) else value
            if wanted is None and hasattr(row, "keys"):
                wanted = list(row.keys())
            return table[wanted] if wanted and set(wanted) <= set(table.columns) else None
        if is_array(table) and is_array(value):
            return table if table.shape[1:] == value.shape[1:] else None
        return (
            table
            if isinstance(table, list) and isinstance(value, list) and table and isinstance(table[0], dict)
            else None
        )


def _itself(value: Any) -> Any:
    return value


def _typed_alike(rows: Any, value: Any) -> Any:
    """A table with the categories of another one with the same types: pandas takes those in another order for the same type."""
    typed = {
        name: rows[name].cat.set_categories(kind.categories, ordered=kind.ordered)
        for name, kind in value.dtypes.items()
        if hasattr(kind, "categories") and hasattr(rows[name], "cat")
    }
    return rows.assign(**{str(name): column for name, column in typed.items()}) if typed else rows


def _with_missing(table: Any) -> Any:
    """The first rows of a table, a quarter of them with missing values where there are such."""
    import pandas as pd

    missing = table[table.isna().any(axis=1)].iloc[: SEEN // 4]
    return pd.concat([table.dropna().iloc[: SEEN - len(missing)], missing]) if len(missing) else table.iloc[:SEEN]


def _take(rows: Any, places: list[int]) -> Any:
    """The rows at some places, as a service would make them of a request."""
    if is_frame(rows):
        return rows.iloc[places].reset_index(drop=True)
    return rows[places] if is_array(rows) else [rows[place] for place in places]
