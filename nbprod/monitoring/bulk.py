"""A long log counted block by block, laid out as columns by pyarrow: a third of what line by line costs, which is the way for what does not fit.

Never more than a block is in memory, so a log may be of any length.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from nbprod.monitoring.counts import Counts
from nbprod.monitoring.layout import Seen, Table, lay_out, uncollected
from nbprod.monitoring.lines import Line, blocks, modified
from nbprod.monitoring.log import PREDICTIONS, PredictionLog
from nbprod.monitoring.traffic import Meter
from nbprod.promotion.profile import columns_of_answer

BLOCK = 4 << 20


def count_log(log: PredictionLog, since: float, version: int, counts: Counts, meter: Meter) -> None:
    """Count what a version was asked and answered from the time `since` on, and its traffic."""
    now = time.time()
    for path in log.files(PREDICTIONS):
        if modified(path) < since:
            continue
        for block in blocks(path, BLOCK):
            with uncollected():
                seen = _by_arrow(block, since, version, meter)
                if seen is None:
                    seen = _by_line(log, block, since, version, meter)
            counts.take(seen, now)


def _by_line(log: PredictionLog, block: bytes, since: float, version: int, meter: Meter) -> Seen:
    lines = [
        line
        for line in log.parsed(block.splitlines(keepends=True))
        if line.get("version", version) == version and float(line.get("ts", 0)) >= since
    ]
    meter.take(lines)
    return lay_out(line for line in lines if "version" in line)


def _by_arrow(block: bytes, since: float, version: int, meter: Meter) -> Seen | None:
    """Lay out a block whose requests are all alike: one argument that is a list of flat rows, and an answer for each; None for any other."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json as pj

    try:
        table = pj.read_json(pa.BufferReader(block), read_options=pj.ReadOptions(block_size=len(block)))
    except pa.ArrowInvalid:
        return None
    names = set(table.column_names)
    if not {"ts", "id", "version", "route", "arguments", "answer", "ms", "status"} <= names or "dropped" in names:
        return None
    try:
        mine = pc.and_(pc.equal(table["version"], version), pc.greater_equal(table["ts"], since))
        whole = _only_those(table, mine)
        stamps, statuses, ms = (_numbers(whole[name]) for name in ("ts", "status", "ms"))
        if stamps is None or statuses is None or ms is None:
            return None
        table = _only_those(whole, pc.equal(whole["status"], 200)).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None
    seen = _laid_out(table, version) if table.num_rows else Seen([], Table(), {})
    if seen is not None:
        meter.take_arrays(stamps, statuses, ms)
    return seen


def _laid_out(table: Any, version: int) -> Seen | None:
    import pyarrow as pa
    import pyarrow.compute as pc

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
    lines: list[Line] = [{"ts": ts, "version": version, "route": route} for ts in table["ts"].to_pylist()]
    return Seen(lines, Table(features, owners, places), {route: Table(told, owners, places)})


def _only_those(table: Any, chosen: Any) -> Any:
    """The rows that are chosen; the table itself, not a copy, if all are."""
    import pyarrow.compute as pc

    chosen = pc.fill_null(chosen, False)
    return table if pc.all(chosen, min_count=0).as_py() else table.filter(chosen)


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


def _numbers(column: Any) -> Any:
    """A column of the lines as numbers; None if it is anything else, or misses some."""
    import pyarrow as pa

    kind = column.type
    if column.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    return column.to_numpy()
