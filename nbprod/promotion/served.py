"""What is served, a function or a fitted estimator: what it takes and what it answers.

Runs in the notebook's kernel environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

from nbprod.promotion import signature as signatures
from nbprod.promotion.problem import Problem
from nbprod.promotion.steadiness import expect_same, steady, stirred
from nbprod.promotion.support import plain, png

ROWS = 15
"""Rows of a sample that are replayed against the service; not a power of two, so that padded batches are checked."""

MANY = 100
"""A list of more texts or lists than this is taken for rows, of which the first are enough."""
PATIENCE = 3.0
"""Seconds for finding out which columns can be left out."""


class Served:
    """The function, or the estimator, that becomes the service. Raises `Problem` if it cannot."""

    def __init__(self, name: str, kind: str, target: Any) -> None:
        self.name, self.kind, self.target = name, kind, target
        self.routes: dict[str, Callable[..., Any]] = {}
        self.parameters: dict[str, inspect.Parameter] = {}
        self._asked: list[tuple[Callable[..., Any], Mapping[str, Any], Any]] = []
        if target is None:
            raise Problem(f"the notebook's code does not bind {name!r} at its end")
        if kind == "function":
            self._function()
        else:
            self._estimator()

    @property
    def required(self) -> list[str]:
        """The parameters without a default."""
        return [name for name, parameter in self.parameters.items() if parameter.default is parameter.empty]

    def ask(self, arguments: Mapping[str, Any], reference: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the signature as JSON, and calls with the answers that were given.

        It is asked the sample, and the first row of it alone. `reference` is a table of training data, or None.
        Raises `Problem` if it fails, or its input or answer cannot go over HTTP.
        """
        inputs = {item.name: item for item in self._inputs(arguments, reference)}
        empty = [name for name, value in arguments.items() if signatures.is_frame(value) and not len(value)]
        if empty:
            raise Problem(
                f"the sample input for {self.name!r} has no rows ({empty[0]!r} is empty)",
                f"Call `{self.name}(...)` in the notebook once with a table that has rows.",
            )
        short = {name: some_rows(value, ROWS) for name, value in arguments.items()}
        single = {name: first_row(value) for name, value in short.items()}
        alike = all(single[name] is short[name] for name in short)
        calls: list[dict[str, Any]] = []
        answers: dict[str, str] = {}
        self._asked = []
        for route, function in self.routes.items():
            answer = self._first_answer(route, function, short, calls)
            answers[route] = signatures.answer_type(answer)
            if self.kind == "function":
                self._mark_optional(function, short, calls[0]["answer"], inputs)
                single = {name: _needed(value, inputs[name]) for name, value in single.items()}
                alike = alike and not any(column.optional for item in inputs.values() for column in item.columns)
            if not alike:
                self._single_answer(route, function, single, calls)
        doc = inspect.cleandoc(getattr(self.target, "__doc__", None) or "") if self.kind == "function" else ""
        waits = inspect.iscoroutinefunction(self.target)
        return signatures.Signature(tuple(inputs.values()), answers, doc, waits).to_json(), calls

    def _function(self) -> None:
        if not callable(self.target):
            raise Problem(f"{self.name!r} is a {type(self.target).__name__}, not a function")
        self.routes = {"predict": self.target}
        try:
            self.parameters = signatures.parameters_of(self.target)
        except (TypeError, ValueError) as error:
            raise Problem(f"{self.name!r} cannot be served: {error}") from error

    def _estimator(self) -> None:
        found = {name: getattr(self.target, name, None) for name in ("predict", "predict_proba")}
        self.routes = {name: method for name, method in found.items() if callable(method)}
        if "predict" not in self.routes:
            raise Problem(
                f"{self.name!r} is a {type(self.target).__name__} without `predict`",
                "Tag a cell `serve` that defines the function to serve.",
            )
        self.parameters = {"rows": inspect.Parameter("rows", inspect.Parameter.POSITIONAL_OR_KEYWORD)}

    def _inputs(self, arguments: Mapping[str, Any], reference: Any) -> list[signatures.Input]:
        inputs = []
        for name, parameter in self.parameters.items():
            if name not in arguments and signatures.default_text(parameter.default) is None:
                continue
            shown = arguments.get(name, parameter.default)
            try:
                inputs.append(signatures.infer_input(name, shown, parameter.annotation, parameter.default, reference))
            except TypeError as error:
                raise Problem(f"{self.name!r} cannot be served: argument {name!r}: {error}") from error
        return inputs

    def _first_answer(
        self, route: str, function: Callable[..., Any], sample: Mapping[str, Any], calls: list[dict[str, Any]]
    ) -> Any:
        try:
            sent = {name: _sent(value) for name, value in sample.items()}
            answer, said = steady(self.name, lambda: self.call(function, sample))
        except Problem:
            raise
        except Exception as error:
            raise Problem(
                f"`{self.name}` fails on the sample from the notebook: {type(error).__name__}: {error}",
                "It must return values that JSON can carry and use nothing but what the notebook keeps.",
            ) from error
        self._asked.append((function, sample, said))
        calls.append({"route": route, "arguments": sent, "answer": said})
        return answer

    def expect_steady(self) -> None:
        """Ask the samples again, after other things. Raises `Problem` if an answer is another one now."""
        for function, sample, _ in self._asked:
            with contextlib.suppress(Exception):  # what the function refuses disturbs nothing
                self.call(function, stirred(sample))
        for function, sample, said in self._asked:
            expect_same(self.name, said, plain(self.call(function, sample)), " after other requests")

    def _mark_optional(
        self,
        function: Callable[..., Any],
        sample: Mapping[str, Any],
        expected: Any,
        inputs: dict[str, signatures.Input],
    ) -> None:
        """Find the columns without which the function gives the same answer; it has `PATIENCE` seconds for that."""
        until = time.monotonic() + PATIENCE
        for name, item in inputs.items():
            if item.kind not in ("frame", "records", "record") or name not in sample or len(item.columns) < 2:
                continue
            columns, value = list(item.columns), sample[name]
            for at, column in enumerate(item.columns):
                if time.monotonic() > until:
                    break
                less = signatures.without(value, column.name)
                if self._answers(function, {**sample, name: less}, expected):
                    columns[at], value = dataclasses.replace(column, optional=True), less
            if any(not column.optional for column in columns):
                inputs[name] = dataclasses.replace(item, columns=tuple(columns))

    def _answers(self, function: Callable[..., Any], sample: Mapping[str, Any], expected: Any) -> bool:
        try:
            return bool(plain(self.call(function, sample)) == expected)
        except Exception:  # noqa: BLE001 - it cannot do without
            return False

    def _single_answer(
        self, route: str, function: Callable[..., Any], sample: Mapping[str, Any], calls: list[dict[str, Any]]
    ) -> None:
        sent = {name: _sent(value) for name, value in sample.items()}
        try:
            answer = plain(self.call(function, sample))
        except Exception:  # noqa: BLE001 - a function of a whole table need not work on one row
            return
        calls.append({"route": route, "arguments": sent, "answer": answer})

    def call(self, function: Callable[..., Any], sample: Mapping[str, Any]) -> Any:
        """Return what the function answers to these arguments, which it may change without anybody noticing."""
        given = copy.deepcopy(dict(sample))  # a function may change what it is given
        answer = function(**given) if self.kind == "function" else function(given["rows"])
        return asyncio.run(_awaited(answer)) if inspect.isawaitable(answer) else answer


def _sent(value: Any) -> Any:
    """An argument as a client sends it."""
    return png(value) if signatures.is_image(value) else plain(value)


def _needed(value: Any, item: signatures.Input) -> Any:
    """A value without the columns that are optional."""
    for column in item.columns:
        if column.optional:
            value = signatures.without(value, column.name)
    return value


async def _awaited(answer: Any) -> Any:
    return await answer


def some_rows(value: Any, count: int) -> Any:
    """The first rows of a table, array or list of dicts (or of many texts or lists), and of a table two rows with
    missing values besides.
    """
    if signatures.is_frame(value):
        head = value.iloc[:count]
        rest = value.iloc[count:]
        missing = rest[rest.isna().any(axis=1)].iloc[:2]
        if not len(missing):
            return head
        import pandas as pd

        return pd.concat([head, missing])
    if signatures.is_array(value) and value.ndim > 1 and not signatures.is_image(value):
        return value[:count]
    if (
        isinstance(value, list)
        and value
        and (isinstance(value[0], dict) or (isinstance(value[0], str | list) and len(value) > MANY))
    ):
        return value[:count]
    return value


def first_row(value: Any) -> Any:
    """The first row of a table, array or list of dicts that has several, else the value itself."""
    if signatures.is_frame(value):
        return value.iloc[:1] if len(value) > 1 else value
    if (
        signatures.is_array(value)
        and value.ndim > 1
        and not signatures.is_image(value)
        or isinstance(value, list)
        and value
        and isinstance(value[0], dict)
    ):
        return value[:1] if len(value) > 1 else value
    return value
