"""What the commands share: options, and ways to print."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nbprod.project import Entry

Function = Callable[..., Any]


def json_object(context: click.Context, option: click.Parameter, text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text is not None else {}
    except ValueError as error:
        raise click.BadParameter(f"is no JSON: {error}", param=option) from error
    if not isinstance(value, dict):
        raise click.BadParameter("is no JSON object", param=option)
    return value


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
pipeline_argument = click.argument("pipeline", required=False)
parameter_option = click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter's value; may be repeated."
)
values_option = click.option(
    "--values", callback=json_object, metavar="JSON", help="Parameters and their values as a JSON object, for programs."
)


def command(
    *decorators: Callable[[Function], Function], epilog: str | None = None
) -> Callable[[Function], click.Command]:
    """Make a function a command with the options that every command has."""

    def wrap(function: Function) -> click.Command:
        for decorator in reversed([*decorators, as_json, debug]):
            function = decorator(function)
        return click.command(epilog=epilog)(function)

    return wrap


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """Split `NAME=VALUE` texts. Raises `click.BadParameter` for one without `=`, or a name given twice."""
    result: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="-p")
        if name.strip() in result:
            raise click.BadParameter(f"{name.strip()!r} is given twice", param_hint="-p")
        result[name.strip()] = value.strip()
    return result


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: dataclasses, mappings, sets, paths and numbers with no JSON form included."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else repr(value)
    if isinstance(value, str | int | None):
        return value
    return str(value)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON value; on a single line with `indent=None`."""
    click.echo(json.dumps(plain(value), indent=indent, ensure_ascii=False))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns: bold headings on a terminal, unbroken lines in a pipe."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False)
        for row in cells:
            table.add_row(*[Text(cell) for cell in row])
        Console().print(table)
        return
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for row in [list(headers), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def seconds(value: float | None) -> str:
    """Return a duration as a reader takes it in: `0.4 s`, `12 s`, `3 min 5 s`.

    >>> seconds(185.2), seconds(0.42), seconds(None)
    ('3 min 5 s', '0.4 s', '')
    """
    if value is None:
        return ""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def number(value: object) -> str:
    """Return a metric or a parameter as a reader takes it in: floats in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def size(count: float) -> str:
    """Return a number of bytes in a unit that fits.

    >>> size(512), size(3_500_000)
    ('512 B', '3.3 MiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def short(path: Path) -> str:
    from nbprod.project import shown

    return shown(path)


def model_name(entry: Entry) -> str:
    """Return the name under which a pipeline's models are registered and served."""
    from nbprod.promotion.package import service_name

    return service_name(entry.config.service.name or entry.name)
