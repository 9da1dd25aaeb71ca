"""Requests laid out as columns: what was asked, and what was answered, each with the request and row it stands for."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nbprod.monitoring.lines import Line
from nbprod.monitoring.log import is_answered
from nbprod.promotion.profile import columns_of_answer, columns_of_arguments

LAID_OUT = ("arguments", "answer")
AT_ONCE = 50_000


@dataclass
class Table:
    """Columns of equal length; entry `i` is of request `requests[i]`, and of row `rows[i]` in it."""

    columns: dict[str, Any] = field(default_factory=dict)
    """Lists, or arrays of numbers."""
    requests: Any = field(default_factory=list)
    rows: Any = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.requests)


@dataclass
class Seen:
    """Answered requests (their lines without arguments and answer), the features they asked about and the answers they got, by route."""

    lines: list[Line]
    features: Table
    answers: dict[str, Table]


def lay_out(lines: Iterable[Line]) -> Seen:
    """Lay out the answered ones of these lines; a feature that a request does not have is None there."""
    with uncollected():
        return _lay_out(lines)


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector: it would look again and again at a million dicts that all stay."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _lay_out(lines: Iterable[Line]) -> Seen:
    answers: dict[str, _Gatherer] = {}
    features = _Gatherer("")
    taken: list[Line] = []
    for line in lines:
        if not is_answered(line):
            continue
        number = len(taken)
        # without what is laid out, so that a million requests fit into memory
        taken.append({key: value for key, value in line.items() if key not in LAID_OUT})
        count = features.take(number, line["arguments"])
        route = str(line.get("route", "predict"))
        answers.setdefault(route, _Gatherer(route)).take_answer(number, line.get("answer"), count)
        if not len(taken) % AT_ONCE:
            for gatherer in (features, *answers.values()):
                gatherer.flush()
    return Seen(taken, features.table(), {route: gathered.table() for route, gathered in answers.items()})


class _Gatherer:
    """Collects rows of one form, and lays them out in one go: a million requests of one row take a second."""

    def __init__(self, route: str) -> None:
        self.route = route
        self.parts: list[tuple[int, dict[str, Sequence[Any]]]] = []
        self.argument: str | None = None
        self.alike: list[Any] = []
        self.result = Table()
        self.length = 0  # of the columns; those that are alike are laid out later

    def take(self, number: int, arguments: Any) -> int:
        """Take a request's arguments; returns how many rows they hold."""
        if not isinstance(arguments, dict):
            return 0
        if len(arguments) == 1:
            ((name, value),) = arguments.items()
            if (
                isinstance(value, list)
                and value
                and isinstance(value[0], dict | list)
                and self.argument in (None, name)
                and (not self.alike or type(self.alike[0]) is type(value[0]))
            ):
                self.argument = name
                self._extend(number, value)
                return len(value)
        return self._part(number, columns_of_arguments(arguments))

    def take_answer(self, number: int, answer: Any, rows: int) -> None:
        """Take a request's answer: a list with one entry for each row, or something else as one entry."""
        if isinstance(answer, list) and len(answer) == rows:
            if answer and (not self.alike or _form(self.alike[0]) == _form(answer[0])):
                self._extend(number, answer)
            elif answer:
                self._part(number, columns_of_answer(self.route, answer))
        elif answer is not None:
            columns = columns_of_answer(self.route, answer)
            self._part(number, {name: values for name, values in columns.items() if len(values) == 1})

    def _extend(self, number: int, values: list[Any]) -> None:
        self.alike.extend(values)
        if len(values) == 1:
            self.result.requests.append(number)
            self.result.rows.append(0)
        else:
            self.result.requests.extend([number] * len(values))
            self.result.rows.extend(range(len(values)))

    def _part(self, number: int, columns: dict[str, Sequence[Any]]) -> int:
        self.flush()
        count = max(map(len, columns.values()), default=0)
        # a plain value beside a table of several rows holds for each of them
        even = {name: list(values) if len(values) == count else [values[0]] * count for name, values in columns.items()}
        self._append(even, count)
        self.result.requests.extend([number] * count)
        self.result.rows.extend(range(count))
        return count

    def flush(self) -> None:
        """Lay out the rows that were collected."""
        if self.alike:
            values, self.alike = self.alike, []
            columns = (
                columns_of_answer(self.route, values)
                if self.route
                else columns_of_arguments({str(self.argument): values})
            )
            self._append({name: list(column) for name, column in columns.items()}, len(values))

    def _append(self, columns: dict[str, list[Any]], count: int) -> None:
        known = self.result.columns
        for name, values in columns.items():
            if name not in known:
                known[name] = [None] * self.length
            known[name].extend(values)
        for name, values in known.items():
            if name not in columns:
                values.extend([None] * count)
        self.length += count

    def table(self) -> Table:
        self.flush()
        return self.result


def _form(value: Any) -> str:
    return "row" if isinstance(value, dict) else "list" if isinstance(value, list) else "plain"
