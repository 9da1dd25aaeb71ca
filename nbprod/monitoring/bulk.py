"""A long log laid out as columns by pyarrow, block by block: five times as fast as line by line, which is the way for what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nbprod.monitoring.layout import Seen, Table, lay_out, uncollected
from nbprod.monitoring.log import PREDICTIONS, Line, PredictionLog, unreadable
from nbprod.promotion.profile import columns_of_answer

BLOCK = 32 << 20


def lay_out_log(log: PredictionLog, since: float, version: int) -> Seen:
    """Lay out all answered requests of a version from the time `since` on."""
    with uncollected():
        return _together(
            [
                _by_arrow(block, since, version) or _by_line(log, block, since, version)
                for path in log.files(PREDICTIONS)
                for block in _blocks(path)
            ]
        )


def _blocks(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, in blocks."""
    rest = b""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                whole, end, rest_now = (rest + block).rpartition(b"\n")
                if end:
                    yield whole + end
                rest = rest_now
    except FileNotFoundError:  # retention removed it
        return
    except OSError as error:
        raise unreadable(path, error) from error


def _by_line(log: PredictionLog, block: bytes, since: float, version: int) -> Seen:
    lines = log.parsed(iter(block.splitlines(keepends=True)))
    return lay_out(line for line in lines if line.get("version") == version and float(line.get("ts", 0)) >= since)


def _by_arrow(block: bytes, since: float, version: int) -> Seen | None:
    """Lay out a block whose requests are all alike: one argument that is a list of flat rows, and an answer for each; None for any other."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json as pj

    try:
        table = pj.read_json(pa.BufferReader(block), read_options=pj.ReadOptions(block_size=len(block)))
    except pa.ArrowInvalid:
        return None
    names = set(table.column_names)
    if not {"ts", "id", "version", "route", "arguments", "answer", "status"} <= names or "dropped" in names:
        return None
    try:
        mine = pc.and_(
            pc.equal(table["version"], version),
            pc.and_(pc.equal(table["status"], 200), pc.greater_equal(table["ts"], since)),
        )
        table = table.filter(pc.fill_null(mine, False)).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None
    if not table.num_rows:
        return Seen([], Table(), {})
    routes = pc.unique(table["route"]).to_pylist()
    given, answers = _only(table["arguments"]), _only(table["answer"])
    if len(routes) != 1 or not pa.types.is_struct(given.type) or given.type.num_fields != 1 or given.null_count:
        return None
    rows = given.field(0)
    if not _is_list(rows) or not pa.types.is_struct(rows.type.value_type) or not _is_list(answers):
        return None
    lengths = pc.list_value_length(rows)
    if not lengths.equals(pc.list_value_length(answers)):
        return None
    features = _fields(rows.flatten())
    said = answers.flatten()
    route = str(routes[0])
    told: dict[str, Any] | None
    if pa.types.is_struct(said.type):
        told = _fields(said)
        told = None if told is None else {f"{route}.{name}": values for name, values in told.items()}
    elif (column := _plain(said)) is not None:
        told = {route: column}
    else:
        told = dict(columns_of_answer(route, said.to_pylist()))
    if features is None or told is None:
        return None
    counts = lengths.to_numpy(zero_copy_only=False)
    owners = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    stamps, ids = table["ts"].to_pylist(), table["id"].to_pylist()
    lines: list[Line] = [
        {"ts": ts, "id": name, "version": version, "route": route} for ts, name in zip(stamps, ids, strict=True)
    ]
    return Seen(lines, Table(features, owners, places), {route: Table(told, owners, places)})


def _only(column: Any) -> Any:
    """A column as one array."""
    chunks = column.combine_chunks()
    return chunks.chunk(0) if hasattr(chunks, "chunk") else chunks


def _is_list(array: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(array.type)) and not array.null_count


def _fields(array: Any) -> dict[str, Any] | None:
    """The fields of rows as columns; None if one holds more than plain values."""
    found = {}
    for field, values in zip(array.type, array.flatten(), strict=True):
        column = _plain(values)
        if column is None:
            return None
        found[field.name] = column
    return found


def _plain(values: Any) -> Sequence[Any] | None:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        array: Sequence[Any] = values.to_numpy(zero_copy_only=False).astype(float)
        return array
    if pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        listed: list[Any] = values.to_pylist()
        return listed
    return None


def _together(parts: list[Seen]) -> Seen:
    """Blocks put together; what only some of them have is missing in the others."""
    parts = [part for part in parts if part.lines]
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.lines) for part in parts)])
    routes = dict.fromkeys(route for part in parts for route in part.answers)
    return Seen(
        list(chain.from_iterable(part.lines for part in parts)),
        _join([part.features for part in parts], starts),
        {route: _join([part.answers.get(route, Table()) for part in parts], starts) for route in routes},
    )


def _join(tables: list[Table], starts: Any) -> Table:
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns = {name: _chained([table.columns.get(name, [None] * len(table)) for table in tables]) for name in names}
    requests = np.concatenate(
        [np.asarray(table.requests, int) + start for table, start in zip(tables, starts, strict=False)]
        or [np.zeros(0, int)]
    )
    rows = np.concatenate([np.asarray(table.rows, int) for table in tables] or [np.zeros(0, int)])
    return Table(columns, requests, rows)


def _chained(parts: list[Any]) -> Any:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return list(chain.from_iterable(part.tolist() if isinstance(part, np.ndarray) else part for part in parts))
