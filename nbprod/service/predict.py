"""Ask a running service."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import Location, NbprodError, NotFoundError, ServiceError
from nbprod.promotion import bento
from nbprod.promotion.registry import Registry
from nbprod.promotion.signature import Column, Input, Signature
from nbprod.service import records

if TYPE_CHECKING:
    from nbprod.project import Project

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "None")


class InputError(NbprodError, ValueError):
    """The input does not fit what the service takes."""


@dataclass(frozen=True)
class Prediction:
    """A service's answer: what was sent, what came back, and, for the sample, what the notebook answers."""

    url: str
    arguments: Mapping[str, Any]
    answer: Any
    expected: Any = None


def predict(
    project: Project, name: str, rows: Any = None, *, csv_file: str | Path | None = None, route: str = "predict"
) -> Prediction:
    """Ask a service for an answer.

    Without input it is the sample stored with the model version. `rows` is plain JSON: the arguments by name, or the
    value of the only one (one row or a list of them). `csv_file` gives rows by its header.

    Raises:
        NotFoundError: No service of that name runs.
        InputError: The input does not fit; the message names the field.
        ServiceError: The service failed, or does not answer.
    """
    service = records.status(project, name)
    if service.status != records.RUNNING:
        raise NotFoundError(f"the service {name!r} is {service.status}", fix=f"Start it: nbprod serve {name}.")
    folder = Registry(project).get(name, service.version).path / "src"
    signature = Signature.from_json(json.loads((folder / "signature.json").read_text("utf-8")))
    expected = None
    if rows is None and csv_file is None:
        calls = json.loads((folder / "samples.json").read_text("utf-8"))
        call = next((call for call in calls if call["route"] == route), None)
        if call is None:
            known = ", ".join(dict.fromkeys(call["route"] for call in calls))
            raise NotFoundError(f"{name} has no route {route!r}", fix=f"Its routes: {known}.")
        arguments, expected = call["arguments"], call["answer"]
    elif csv_file is not None:
        table = _table_input(signature, name)
        arguments = {table.name: read_csv(Path(csv_file), table)}
    else:
        arguments = as_arguments(signature, rows)
    url = f"{service.url}/{route}"
    return Prediction(url, arguments, _ask(url, name, arguments), expected)


def as_arguments(signature: Signature, given: Any) -> dict[str, Any]:
    """The arguments by name: as given, or the value of the first one; one row becomes a list where rows are wanted."""
    names = {item.name for item in signature.inputs}
    if isinstance(given, dict) and given and given.keys() <= names:
        return dict(given)
    first = signature.inputs[0]
    if first.kind in ("frame", "records") and isinstance(given, dict):
        given = [given]
    return {first.name: given}


def read_csv(path: Path, table: Input) -> list[dict[str, Any]]:
    """The rows of a CSV file with a header, typed as the service wants them; other columns are left out.

    Raises:
        InputError: The file is not there or is empty, a column is missing, or a value has the wrong type.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lines = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the file cannot be read: {error}", where=Location(file=str(path))) from error
    header = reader.fieldnames or []
    columns = [column for column in table.columns if str(column.name) in header or not column.optional]
    missing = [str(column.name) for column in columns if str(column.name) not in header]
    if missing:
        raise InputError(
            f"the header lacks {', '.join(missing)}",
            where=Location(file=str(path), line=1),
            fix=f"It has {', '.join(header) or 'nothing'}.",
        )
    if not lines:
        raise InputError("there are no rows below the header", where=Location(file=str(path)))
    rows = []
    for number, line in lines:
        row = {}
        for column in columns:
            try:
                row[str(column.name)] = _cell(line[str(column.name)], column)
            except ValueError as error:
                raise InputError(f"{column.name}: {error}", where=Location(file=str(path), line=number)) from None
        rows.append(row)
    return rows


def _cell(text: str | None, column: Column) -> Any:
    if text is None or text.strip() in MISSING:
        if column.nullable:
            return None
        if text is None or column.type != "str":
            raise ValueError("a value is missing")
    kind = column.type
    if column.categories is not None:
        match = next((item for item in column.categories if str(item) == text), None)
        if match is None:
            raise ValueError(f"{text!r} is none of {', '.join(map(str, column.categories))}")
        return match
    if kind == "bool":
        if text.strip().lower() not in ("true", "false", "1", "0"):
            raise ValueError(f"{text!r} is neither true nor false")
        return text.strip().lower() in ("true", "1")
    if kind.partition(" ")[0] in ("int", "float"):
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is no number") from None
        if kind != "float" and number.is_integer():
            return int(number)
        if kind == "int":
            raise ValueError(f"{text!r} is no whole number")
        return number
    return text


def _table_input(signature: Signature, name: str) -> Input:
    tables = [item for item in signature.inputs if item.kind in ("frame", "records")]
    if not tables:
        raise InputError(f"{name} takes no rows", fix="Give its arguments as JSON.")
    return tables[0]


def _ask(url: str, name: str, arguments: Mapping[str, Any]) -> Any:
    try:
        status, answer = bento.post(url, arguments, key=_key())
    except ValueError as error:
        raise InputError(f"the input is not JSON: {error}", fix="Write null for what is missing.") from error
    except OSError as error:
        raise ServiceError(
            f"the service {name!r} does not answer at {url}: {error}", fix=f"Start it again: nbprod serve {name}."
        ) from error
    if status == 200:
        return answer
    if status in (400, 422):
        raise InputError(f"the service {name!r} refuses the input: {_reasons(answer)}")
    if status == 413:
        raise InputError(f"the service {name!r} refuses the input: {_reasons(answer)}", fix="Send fewer rows at once.")
    if status == 401:
        raise ServiceError(f"the service {name!r} wants its API key", fix="Set NBPROD_API_KEY or NBPROD_API_KEY_FILE.")
    if status == 404:
        raise NotFoundError(f"the service {name!r} has nothing at {url}")
    raise ServiceError(f"the service {name!r} failed with status {status}", fix="Its log says why.")


def _key() -> str | None:
    """The API key, from where the service takes it too. Raises `ServiceError` if its file cannot be read."""
    file = os.environ.get("NBPROD_API_KEY_FILE")
    try:
        return os.environ.get("NBPROD_API_KEY") or (Path(file).read_text("utf-8").strip() if file else None)
    except OSError as error:
        raise ServiceError(
            f"the file of the API key cannot be read: {error}", fix="Check NBPROD_API_KEY_FILE."
        ) from error


def _reasons(answer: Any) -> str:
    """What a validation error says, field by field."""
    details = answer.get("detail") if isinstance(answer, dict) else None
    if not isinstance(details, list):
        return str(answer)
    lines = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in details if "loc" in item]
    more = f" (and {len(lines) - 5} more)" if len(lines) > 5 else ""
    return "; ".join(lines[:5]) + more
